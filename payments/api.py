"""Payments, refunds, gateway accounts and payouts under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates
from payments import accounts, attempts, autopay, collection, refunds, settlement
from payments.models import Attempt, Autopay, GatewayAccount, Payment, Payout, PayoutLine, Refund, RoutingTable


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


class AccountShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)

    class Meta:
        model = GatewayAccount
        fields: ClassVar = ["id", "gateway", "merchant", "bank_account", "created_at"]


class NewAccount(Asked):
    gateway = serializers.CharField(max_length=20)
    merchant = serializers.CharField(max_length=80)
    bank_account = serializers.CharField(max_length=40, help_text="Where payouts land.")


class GatewayAccounts(Rows):
    """The organization's accounts at processors."""

    queryset = GatewayAccount.objects.all()
    serializer_class = AccountShown
    reads = Permission.PAYMENTS_READ
    writes = Permission.ACCESS_WRITE

    @creates(NewAccount)
    def create(self, asked: dict[str, Any]) -> GatewayAccount:
        """Connect a processor account."""
        return accounts.open_account(
            gateway=asked["gateway"],
            merchant=asked["merchant"],
            bank_account_id=asked["bank_account"],
            actor=self.actor,
        )


class RoutingShown(Shown):
    class Meta:
        model = RoutingTable
        fields: ClassVar = ["id", "number", "effective_from", "rules", "created_at"]


class Condition(Asked):
    method = serializers.ListField(child=serializers.ChoiceField(choices=["card", "ach"]), required=False)


class Rule(Asked):
    when = Condition(required=False, default=dict)
    gateway = serializers.CharField(max_length=20)


class NewRouting(Asked):
    rules = Rule(many=True)
    effective_from = serializers.DateField()


class RoutingTables(Rows):
    """Which gateway takes which payment: every version."""

    queryset = RoutingTable.objects.all()
    serializer_class = RoutingShown
    reads = Permission.PAYMENTS_READ
    writes = Permission.ACCESS_WRITE

    @creates(NewRouting)
    def create(self, asked: dict[str, Any]) -> RoutingTable:
        """Publish the next routing table."""
        return accounts.publish_routing(**asked, actor=self.actor)


class PayoutLineShown(Shown):
    class Meta:
        model = PayoutLine
        fields: ClassVar = ["id", "kind", "our_reference", "gateway_reference", "gross_minor", "fee_minor"]


class PayoutShown(Shown):
    account = serializers.CharField(source="account_id", read_only=True)
    lines = PayoutLineShown(many=True, read_only=True)

    class Meta:
        model = Payout
        fields: ClassVar = ["id", "account", "reference", "amount_minor", "currency", "paid_on", "lines"]


class NewPayoutImport(Asked):
    account = serializers.CharField(max_length=40)
    since = serializers.DateField()


class PayoutsImported(serializers.Serializer[Any]):
    payouts = PayoutShown(many=True)


class Payouts(Rows):
    """What processors paid out, line by line."""

    queryset = Payout.objects.prefetch_related("lines")
    serializer_class = PayoutShown
    filterset_fields: ClassVar = ["account", "reference"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.RECONCILIATION_WRITE

    @creates(NewPayoutImport, gives=PayoutsImported)
    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Fetch the processor's payouts since a day; each is recorded once."""
        found = settlement.import_payouts(account_id=asked["account"], since=asked["since"], actor=self.actor)
        return {"payouts": found}


class AutopayShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)

    class Meta:
        model = Autopay
        fields: ClassVar = ["id", "policy", "method", "created_at", "ended_at"]


class NewAutopay(Asked):
    policy = serializers.CharField(max_length=40)
    method = serializers.ChoiceField(choices=["card", "ach"])
    token = serializers.CharField(max_length=120, help_text="The processor's token; never a card or account number.")


class EndedAutopay(Asked):
    reason = serializers.CharField(max_length=200)


class Autopays(Rows):
    """Methods that pay a policy's invoices when they fall due."""

    queryset = Autopay.objects.all()
    serializer_class = AutopayShown
    filterset_fields: ClassVar = ["policy"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.PAYMENTS_WRITE

    @creates(NewAutopay)
    def create(self, asked: dict[str, Any]) -> Autopay:
        """Enrol a method; one enrolled before is ended."""
        return autopay.enrol(policy_id=asked["policy"], method=asked["method"], token=asked["token"], actor=self.actor)

    @acts(EndedAutopay)
    def end(self, id: str, asked: dict[str, Any]) -> Autopay:
        """End an enrolment; what is on its way already goes on."""
        return autopay.end(autopay_id=id, reason=asked["reason"], actor=self.actor)


routes = [
    ("autopays", Autopays),
    ("payments", Payments),
    ("attempts", Attempts),
    ("gateway-accounts", GatewayAccounts),
    ("routing-tables", RoutingTables),
    ("payouts", Payouts),
]
