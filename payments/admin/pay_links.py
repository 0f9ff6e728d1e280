"""Pay links and method fees in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly
from payments.models import MethodFees, PayLink


@admin.register(PayLink)
class PayLinkAdmin(ScopedReadOnly):
    hides = frozenset({"secret_hash"})
    list_display: ClassVar = ["id", "purpose", "policy", "billing_account", "invoice", "expires_at", "used_at"]
    list_filter: ClassVar = ["purpose", "single_use", "created_at"]
    search_fields: ClassVar = ["=id", "policy__number", "billing_account__number"]


@admin.register(MethodFees)
class MethodFeesAdmin(ScopedReadOnly):
    list_display: ClassVar = ["number", "organization", "effective_from", "created_at"]
    list_filter: ClassVar = ["effective_from"]
    search_fields: ClassVar = ["=id"]
