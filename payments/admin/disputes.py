"""Disputes and the parts of payments in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import ScopedReadOnly, money
from payments.models import Dispute, PaymentPart


@admin.register(Dispute)
class DisputeAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "payment",
        "gateway_reference",
        "state",
        money("amount_minor"),
        "withdrawn",
        "evidence_due_at",
        "opened_at",
    ]
    list_filter: ClassVar = ["state", "withdrawn", "opened_at"]
    search_fields: ClassVar = ["=id", "=payment__id", "=gateway_reference"]


@admin.register(PaymentPart)
class PaymentPartAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "payment",
        "position",
        "invoice",
        money("amount_minor", currency="payment__currency"),
        "live",
    ]
    list_filter: ClassVar = ["live"]
    search_fields: ClassVar = ["=id", "=payment__id", "invoice__number"]
