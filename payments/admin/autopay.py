"""Autopay in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly
from payments.models import Autopay


@admin.register(Autopay)
class AutopayAdmin(ScopedReadOnly):
    hides = frozenset({"token"})
    list_display: ClassVar = ["id", "policy", "method", "payment_method", "created_at", "ended_at"]
    list_filter: ClassVar = ["method", "created_at", "ended_at"]
    search_fields: ClassVar = ["=id", "policy__number"]
