"""Scheduled payments under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates
from payments import scheduled
from payments.models import ScheduledPayment


class ScheduledShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    invoice = serializers.CharField(source="invoice_id", read_only=True)
    payment_method = serializers.CharField(source="payment_method_id", read_only=True)
    payment = serializers.CharField(source="payment_id", read_only=True, allow_null=True)

    class Meta:
        model = ScheduledPayment
        fields: ClassVar = [
            "id", "policy", "invoice", "payment_method", "amount_minor", "currency", "collect_on", "state", "payment",
            "result", "created_at",
        ]  # fmt: skip


class NewScheduled(Asked):
    invoice = serializers.CharField(max_length=40)
    payment_method = serializers.CharField(max_length=40)
    collect_on = serializers.DateField(help_text="Today or later, within a year.")
    amount_minor = serializers.IntegerField(
        required=False, min_value=1, help_text="Minor units; what is open on the day when left out."
    )


class Withdrawal(Asked):
    reason = serializers.CharField(max_length=200)


class ScheduledPayments(Rows):
    """Invoices to be charged on a day the payor chose, and what became of it."""

    queryset = ScheduledPayment.objects.all()
    serializer_class = ScheduledShown
    filterset_fields: ClassVar = ["policy", "invoice", "state"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewScheduled)
    def create(self, asked: dict[str, Any]) -> ScheduledPayment:
        """Schedule a payment by a kept method."""
        return scheduled.schedule(
            invoice_id=asked["invoice"],
            payment_method_id=asked["payment_method"],
            collect_on=asked["collect_on"],
            amount_minor=asked.get("amount_minor"),
            actor=self.actor,
        )

    @acts(Withdrawal)
    def withdraw(self, id: str, asked: dict[str, Any]) -> ScheduledPayment:
        """Take it back before its day."""
        return scheduled.withdraw(scheduled_id=id, reason=asked["reason"], actor=self.actor)


routes = [("scheduled-payments", ScheduledPayments)]
