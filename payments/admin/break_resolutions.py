"""Resolved breaks in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly, money
from payments.models import BreakResolution


@admin.register(BreakResolution)
class BreakResolutionAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "way", "bank_account", money("amount_minor"), "posted_on", "reason", "created_at"]
    list_filter: ClassVar = ["way", "posted_on"]
    search_fields: ClassVar = ["=id", "=about__id", "=made_id"]
