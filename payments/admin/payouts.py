"""Payouts and inbound webhooks in the finance admin."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from compliance.scoped_admin import Part, ScopedReadOnly, money
from payments.models import InboundEvent, Payout, PayoutLine


class PayoutLines(Part):
    model = PayoutLine
    fields: ClassVar = [
        "kind",
        "our_reference",
        "gateway_reference",
        money("gross_minor", currency="payout__currency"),
        money("fee_minor", currency="payout__currency"),
    ]


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
