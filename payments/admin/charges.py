"""Payments, attempts and refunds in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from payments.models import Attempt, Payment, Refund


class Attempts(Part):
    model = Attempt
    fields: ClassVar = ["number", "account", "state", money("amount_minor"), "gateway_reference", "outcome_code"]


@admin.register(Payment)
class PaymentAdmin(ScopedReadOnly):
    hides = frozenset({"token"})
    list_display: ClassVar = ["id", "policy", "invoice", "method", "state", money("amount_minor"), "created_at"]
    list_filter: ClassVar = ["state", "method", "created_at"]
    search_fields: ClassVar = ["=id", "invoice__number", "policy__number"]
    inlines: ClassVar = [Attempts]


@admin.register(Attempt)
class AttemptAdmin(ScopedReadOnly):
    list_display: ClassVar = [
        "id",
        "payment",
        "account",
        "state",
        money("amount_minor"),
        "gateway_reference",
        "outcome_code",
        "created_at",
    ]
    list_filter: ClassVar = ["state", "created_at"]
    search_fields: ClassVar = ["=id", "=payment__id", "=gateway_reference"]


@admin.register(Refund)
class RefundAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "payment", "state", money("amount_minor"), "reason", "created_at"]
    list_filter: ClassVar = ["state", "created_at"]
    search_fields: ClassVar = ["=id", "=payment__id", "=gateway_reference"]
