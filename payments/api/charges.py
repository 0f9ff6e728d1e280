"""Payments, attempts and refunds under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import CharFilter
from rest_framework import serializers

from compliance.filters import PlainFilters
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates, shows
from coverpay.kernel.errors import Invalid
from payments import attempts, captures, collection, journeys, queries, refunds, stops
from payments.collection import Wanted
from payments.models import Attempt, Payment, PaymentPart, Refund


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
            "phase",
            "capture_minor",
            "authorized_until",
            "network_code",
            "advice",
            "submit_count",
            "check_count",
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
            "surcharge_minor",
            "reason",
            "gateway_reference",
            "outcome_code",
            "created_at",
        ]


class PartShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    invoice = serializers.CharField(source="invoice_id", read_only=True)

    class Meta:
        model = PaymentPart
        fields: ClassVar = ["id", "position", "policy", "invoice", "amount_minor"]


class PaymentShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    invoice = serializers.CharField(source="invoice_id", read_only=True)
    payment_method = serializers.CharField(source="payment_method_id", read_only=True, allow_null=True)
    represents = serializers.CharField(source="represents_id", read_only=True, allow_null=True)
    parts = PartShown(many=True, read_only=True)
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
            "surcharge_minor",
            "method",
            "payment_method",
            "capture",
            "initiator",
            "represents",
            "state",
            "parts",
            "attempts",
            "refunds",
            "created_at",
        ]


class NewItem(Asked):
    invoice = serializers.CharField(max_length=40)
    amount_minor = serializers.IntegerField(
        required=False, min_value=1, help_text="Minor units; all that is open when left out."
    )


class NewPayment(Asked):
    invoice = serializers.CharField(max_length=40, required=False)
    amount_minor = serializers.IntegerField(
        required=False, min_value=1, help_text="Minor units; all that is open when left out."
    )
    items = NewItem(
        many=True,
        required=False,
        allow_empty=False,
        help_text="Several invoices in one charge, in place of `invoice`; of one operator and currency.",
    )
    method = serializers.ChoiceField(choices=["card", "ach"], required=False)
    token = serializers.CharField(
        max_length=120, required=False, help_text="The processor's token; never a card or account number."
    )
    payment_method = serializers.CharField(
        max_length=40, required=False, help_text="A method that is kept, in place of `method` and `token`."
    )
    capture = serializers.BooleanField(default=True, help_text="False: only hold the money.")


class NewRefund(Asked):
    reason = serializers.CharField(max_length=200)
    amount_minor = serializers.IntegerField(
        required=False, min_value=1, help_text="Minor units; all that may go back when left out."
    )


class NewCapture(Asked):
    amount_minor = serializers.IntegerField(
        required=False, min_value=1, help_text="Minor units; all that is held when left out."
    )


class Why(Asked):
    reason = serializers.CharField(max_length=200)


class PaymentFilters(PlainFilters):
    """A payment is found by every policy and invoice it pays, not by the first alone."""

    policy = CharFilter(field_name="parts__policy_id", distinct=True)
    invoice = CharFilter(field_name="parts__invoice_id")

    class Meta:
        model = Payment
        fields: ClassVar = ["state", "initiator"]


class StopShown(serializers.Serializer[Any]):
    title = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField(allow_null=True, help_text="When the money came there; null: it is still ahead.")
    object_id = serializers.CharField(allow_blank=True, help_text="The file, deposit, payout or statement line.")
    here = serializers.BooleanField(help_text="Where the money is now.")


class JourneyShown(serializers.Serializer[Any]):
    title = serializers.CharField()
    object_id = serializers.CharField()
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()
    over = serializers.BooleanField(help_text="Nothing more will come.")
    stops = StopShown(many=True)


class Payments(Rows):
    """Payments with their parts and every attempt at a gateway."""

    queryset = Payment.objects.prefetch_related("parts", "attempts", "refunds")
    serializer_class = PaymentShown
    filterset_class = PaymentFilters
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewPayment)
    def create(self, asked: dict[str, Any]) -> Payment:
        """Collect invoices in one charge, sent right after; its outcome comes by webhook, or read the payment."""
        if ("invoice" in asked) is ("items" in asked):
            raise Invalid("Name an invoice, or several as items; not both.", field="invoice")
        items = asked.get("items") or [asked]
        return collection.collect_many(
            items=[Wanted(item["invoice"], item.get("amount_minor")) for item in items],
            method=asked.get("method", ""),
            token=asked.get("token", ""),
            payment_method_id=asked.get("payment_method"),
            capture=asked["capture"],
            actor=self.actor,
        )

    @acts(NewCapture)
    def capture(self, id: str, asked: dict[str, Any]) -> Payment:
        """Take what a payment holds, or a part of it; the rest is let go."""
        return captures.capture(payment_id=id, amount_minor=asked.get("amount_minor"), actor=self.actor)

    @acts(Why)
    def void(self, id: str, asked: dict[str, Any]) -> Payment:
        """Let go what a payment holds."""
        return captures.void(payment_id=id, reason=asked["reason"], actor=self.actor)

    @acts(Why)
    def stop(self, id: str, asked: dict[str, Any]) -> Payment:
        """Stop a payment that is not taken yet; whether a pending one could be called back comes as an event."""
        return stops.stop(payment_id=id, reason=asked["reason"], actor=self.actor)

    @acts(NewRefund, gives=RefundShown)
    def refund(self, id: str, asked: dict[str, Any]) -> Refund:
        """Give a succeeded payment back, whole or in part; above a limit someone else allows it first."""
        return refunds.request(
            payment_id=id, reason=asked["reason"], amount_minor=asked.get("amount_minor"), actor=self.actor
        )

    @shows(JourneyShown, many=True)
    def journey(self, id: str) -> list[journeys.Journey]:
        """Where its money is: its own way first, then what came back of it; as of now."""
        payment = queries.one(self.actor, id)
        return journeys.of_payment(self.actor, payment, queries.payout_lines_of(self.actor, payment))


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


class RefundResolution(Asked):
    given = serializers.BooleanField(help_text="Whether the processor gave the money back.")
    reason = serializers.CharField(max_length=300)


class Refunds(Rows):
    """Refunds, and what a person decides about those nobody can."""

    queryset = Refund.objects.all()
    serializer_class = RefundShown
    filterset_fields: ClassVar = ["payment", "state"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.RECONCILIATION_WRITE

    @acts(RefundResolution)
    def resolve(self, id: str, asked: dict[str, Any]) -> Refund:
        """Decide a refund whose outcome is unknown, with the reason."""
        return refunds.resolve(refund_id=id, given=asked["given"], reason=asked["reason"], actor=self.actor)


routes = [("payments", Payments), ("attempts", Attempts), ("refunds", Refunds)]
