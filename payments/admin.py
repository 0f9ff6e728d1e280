"""The finance admin of payments."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from payments.models import (
    Attempt,
    Autopay,
    GatewayAccount,
    InboundEvent,
    Payment,
    Payout,
    PayoutLine,
    Refund,
    RoutingTable,
)


class Attempts(Part):
    model = Attempt
    fields: ClassVar = ["number", "account", "state", money("amount_minor"), "gateway_reference", "outcome_code"]


class PayoutLines(Part):
    model = PayoutLine
    fields: ClassVar = [
        "kind",
        "our_reference",
        "gateway_reference",
        money("gross_minor", currency="payout__currency"),
        money("fee_minor", currency="payout__currency"),
    ]


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


@admin.register(Payout)
class PayoutAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "reference", "account", money("amount_minor"), "paid_on", "created_at"]
    list_filter: ClassVar = ["paid_on"]
    search_fields: ClassVar = ["=id", "reference"]
    inlines: ClassVar = [PayoutLines]


@admin.register(InboundEvent)
class InboundEventAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "account", "external_id", "state", "result", "received_at"]
    list_filter: ClassVar = ["state", "received_at"]
    search_fields: ClassVar = ["=id", "=external_id"]


@admin.register(GatewayAccount)
class GatewayAccountAdmin(ScopedReadOnly):
    hides = frozenset({"webhook_secret_sealed"})
    list_display: ClassVar = ["id", "gateway", "merchant", "bank_account", "created_at"]
    search_fields: ClassVar = ["=id", "merchant"]


@admin.register(RoutingTable)
class RoutingTableAdmin(ScopedReadOnly):
    list_display: ClassVar = ["id", "number", "effective_from", "created_at"]
    search_fields: ClassVar = ["=id"]


@admin.register(Autopay)
class AutopayAdmin(ScopedReadOnly):
    hides = frozenset({"token"})
    list_display: ClassVar = ["id", "policy", "method", "created_at", "ended_at"]
    list_filter: ClassVar = ["method", "created_at", "ended_at"]
    search_fields: ClassVar = ["=id", "policy__number"]
