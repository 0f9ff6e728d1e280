"""Payments, attempts and refunds under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates
from payments import attempts, collection, refunds
from payments.models import Attempt, Payment, Refund


class AttemptShown(Shown):
    account = serializers.CharField(source="account_id", read_only=True)

    class Meta:
        model = Attempt
        fields: ClassVar = [
            "id",
            "number",
            "account",
            "state",
            "amount_minor",
            "taken_minor",
            "gateway_reference",
            "outcome_code",
            "outcome_message",
            "routing",
            "submit_count",
            "created_at",
            "decided_at",
        ]


class RefundShown(Shown):
    payment = serializers.CharField(source="payment_id", read_only=True)

    class Meta:
        model = Refund
        fields: ClassVar = [
            "id",
            "payment",
            "state",
            "amount_minor",
            "currency",
            "reason",
            "gateway_reference",
            "outcome_code",
            "created_at",
        ]


class PaymentShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    invoice = serializers.CharField(source="invoice_id", read_only=True)
    attempts = AttemptShown(many=True, read_only=True)
    refunds = RefundShown(many=True, read_only=True)

    class Meta:
        model = Payment
        fields: ClassVar = [
            "id",
            "policy",
            "invoice",
            "amount_minor",
            "currency",
            "method",
            "state",
            "attempts",
            "refunds",
            "created_at",
        ]


class NewPayment(Asked):
    invoice = serializers.CharField(max_length=40)
    method = serializers.ChoiceField(choices=["card", "ach"])
    token = serializers.CharField(max_length=120, help_text="The processor's token; never a card or account number.")
    amount_minor = serializers.IntegerField(
        required=False, min_value=1, help_text="Minor units; all that is open when left out."
    )


class NewRefund(Asked):
    reason = serializers.CharField(max_length=200)


class Payments(Rows):
    """Payments with every attempt at a gateway."""

    queryset = Payment.objects.prefetch_related("attempts", "refunds")
    serializer_class = PaymentShown
    filterset_fields: ClassVar = ["policy", "invoice", "state"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewPayment)
    def create(self, asked: dict[str, Any]) -> Payment:
        """Collect an invoice. The charge is sent right after; its outcome comes by webhook, or read the payment."""
        return collection.collect(
            invoice_id=asked["invoice"],
            method=asked["method"],
            token=asked["token"],
            amount_minor=asked.get("amount_minor"),
            actor=self.actor,
        )

    @acts(NewRefund, gives=RefundShown)
    def refund(self, id: str, asked: dict[str, Any]) -> Refund:
        """Give a succeeded payment back whole."""
        return refunds.request(payment_id=id, reason=asked["reason"], actor=self.actor)


class Resolution(Asked):
    taken = serializers.BooleanField(help_text="Whether the processor has the money.")
    reason = serializers.CharField(max_length=300)
    amount_minor = serializers.IntegerField(
        required=False, min_value=1, help_text="When it differs from what we asked."
    )


class Attempts(Rows):
    """Attempts: what was sent to which gateway, and what a person decides when nobody else can."""

    queryset = Attempt.objects.all()
    serializer_class = AttemptShown
    filterset_fields: ClassVar = ["payment", "state"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.RECONCILIATION_WRITE

    @acts(Resolution)
    def resolve(self, id: str, asked: dict[str, Any]) -> Attempt:
        """Decide an attempt whose outcome is unknown, with the reason."""
        return attempts.resolve(
            attempt_id=id,
            taken=asked["taken"],
            reason=asked["reason"],
            amount_minor=asked.get("amount_minor"),
            actor=self.actor,
        )


routes = [("payments", Payments), ("attempts", Attempts)]
