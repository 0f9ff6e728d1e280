"""Receipts, suspense items and return premium under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from billing import distributions, suspense
from billing.models import CashTransfer, Receipt, ReturnPremium, SuspenseItem
from billing.suggestions import Suggestion
from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates, shows
from coverpay.kernel.errors import IllegalTransition
from coverpay.kernel.money import Money

P = Permission


class ReceiptShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    unapplied_minor = serializers.SerializerMethodField(help_text="Neither applied nor carried to another policy.")
    applications = serializers.SerializerMethodField(help_text="What it was applied to; negative: taken back.")

    class Meta:
        model = Receipt
        fields: ClassVar = [
            "id",
            "policy",
            "kind",
            "source_id",
            "amount_minor",
            "unapplied_minor",
            "currency",
            "received_on",
            "applications",
        ]

    def get_unapplied_minor(self, receipt: Receipt) -> int:
        if hasattr(receipt, "reversal"):
            return 0
        applied = sum(row.amount_minor for row in receipt.applications.all())
        transfers = receipt.transfers_out.all()
        moved = sum(row.amount_minor for row in transfers if not hasattr(row.to_receipt, "reversal"))
        return receipt.amount_minor - applied - moved

    def get_applications(self, receipt: Receipt) -> list[dict[str, Any]]:
        return [
            {
                "id": application.id,
                "line": application.line_id,
                "amount_minor": application.amount_minor,
                "commission_minor": application.commission_minor,
                "reverses": application.reverses_id,
            }
            for application in receipt.applications.all()
        ]


class ApplyAsked(Asked):
    invoices = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="Invoices to cover before all others."
    )


class UnapplyAsked(Asked):
    reason = serializers.CharField(max_length=300)
    applications = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="All of them when left out."
    )


class TransferAsked(Asked):
    policy = serializers.CharField(max_length=40, help_text="The policy it goes to.")
    amount_minor = serializers.IntegerField(required=False, min_value=1, help_text="All that waits when left out.")
    reason = serializers.CharField(max_length=200)


class Because(Asked):
    reason = serializers.CharField(max_length=300)


class TransferShown(Shown):
    from_receipt = serializers.CharField(source="from_receipt_id", read_only=True)
    to_receipt = serializers.CharField(source="to_receipt_id", read_only=True)

    class Meta:
        model = CashTransfer
        fields: ClassVar = ["id", "from_receipt", "to_receipt", "amount_minor", "transferred_on", "reason"]


class Receipts(Rows):
    """Money received, what it was applied to, and what of it waits."""

    queryset = Receipt.objects.select_related("reversal").prefetch_related(
        "applications", "transfers_out__to_receipt__reversal"
    )
    serializer_class = ReceiptShown
    filterset_fields: ClassVar = ["policy", "source_id", "kind"]
    reads = P.BILLING_READ
    writes = P.CASH_WRITE

    @acts(ApplyAsked)
    def apply(self, id: str, asked: dict[str, Any]) -> Receipt:
        """Apply what waits of it, in the order of the plan."""
        return distributions.apply(receipt_id=id, invoice_ids=asked.get("invoices", ()), actor=self.actor)

    @acts(UnapplyAsked)
    def unapply(self, id: str, asked: dict[str, Any]) -> Receipt:
        """Take applications back; the history is kept."""
        return distributions.unapply(
            receipt_id=id, reason=asked["reason"], application_ids=asked.get("applications", ()), actor=self.actor
        )

    @acts(TransferAsked, gives=TransferShown)
    def transfer(self, id: str, asked: dict[str, Any]) -> CashTransfer:
        """Carry what waits of it to another policy, and apply it there."""
        receipt = self.get_object()
        assert isinstance(receipt, Receipt)
        minor = asked.get("amount_minor")
        return distributions.transfer(
            receipt_id=id,
            to_policy_id=asked["policy"],
            amount=None if minor is None else Money(minor, receipt.currency),
            reason=asked["reason"],
            actor=self.actor,
        )

    @acts(Because, gives=TransferShown)
    def take_transfer_back(self, id: str, asked: dict[str, Any]) -> CashTransfer:
        """Bring a receipt of kind `transfer` back to the policy its money came from, wherever that went on to."""
        receipt = self.get_object()
        came_by = CashTransfer.objects.filter(to_receipt_id=receipt.pk).first()
        if came_by is None:
            raise IllegalTransition("The receipt did not come from another policy.", field="receipt")
        return distributions.take_transfer_back(transfer_id=came_by.id, reason=asked["reason"], actor=self.actor)


class SuspenseItemShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True, allow_null=True)
    receipt = serializers.CharField(source="receipt_id", read_only=True, allow_null=True)

    class Meta:
        model = SuspenseItem
        fields: ClassVar = [
            "id",
            "why",
            "state",
            "bank_account",
            "source_id",
            "payor_name",
            "policy_reference",
            "memo",
            "amount_minor",
            "currency",
            "received_on",
            "receipt",
            "decided_reason",
            "created_at",
        ]


class NewSuspenseItem(Asked):
    bank_account = serializers.CharField(max_length=40)
    source_id = serializers.CharField(max_length=80, help_text="The bank's reference: told twice, it is one item.")
    payor = serializers.CharField(max_length=200, required=False, allow_blank=True)
    memo = serializers.CharField(max_length=300, required=False, allow_blank=True)
    policy_reference = serializers.CharField(max_length=80, required=False, allow_blank=True)
    amount_minor = serializers.IntegerField(min_value=1)
    currency = serializers.CharField(max_length=3)
    received_on = serializers.DateField()


class PlaceAsked(Because):
    policy = serializers.CharField(max_length=40)


class SuggestionShown(serializers.Serializer[Suggestion]):
    policy = serializers.CharField(source="policy_id")
    number = serializers.CharField()
    insured = serializers.CharField()
    score = serializers.IntegerField(help_text="Of 100.")
    reasons = serializers.ListField(child=serializers.CharField())
    tied = serializers.BooleanField(help_text="Another policy is as likely.")


class SuspenseItems(Rows):
    """Money a person must place."""

    queryset = SuspenseItem.objects.all()
    serializer_class = SuspenseItemShown
    filterset_fields: ClassVar = ["state", "why", "source_id"]
    reads = P.BILLING_READ
    writes = P.CASH_WRITE

    @creates(NewSuspenseItem)
    def create(self, asked: dict[str, Any]) -> SuspenseItem:
        """Keep a deposit that nobody can place yet."""
        return suspense.record_unidentified(
            bank_account_id=asked["bank_account"],
            source_id=asked["source_id"],
            payor=asked.get("payor", ""),
            memo=asked.get("memo", ""),
            policy_reference=asked.get("policy_reference", ""),
            amount=Money(asked["amount_minor"], asked["currency"]),
            received_on=asked["received_on"],
            actor=self.actor,
        )

    @shows(SuggestionShown, many=True)
    def suggestions(self, id: str) -> list[Suggestion]:
        """Whose it may be, with a score and reasons; a person decides."""
        return suspense.suggestions_for(self.actor, id)

    @acts(PlaceAsked)
    def place(self, id: str, asked: dict[str, Any]) -> SuspenseItem:
        """Say whose it is; it covers what is open on that policy."""
        return suspense.place(item_id=id, policy_id=asked["policy"], reason=asked["reason"], actor=self.actor)

    @acts(Because)
    def return_(self, id: str, asked: dict[str, Any]) -> SuspenseItem:
        """Send a deposit back that is nobody's here."""
        return suspense.return_to_sender(item_id=id, reason=asked["reason"], actor=self.actor)

    return_.url_path = return_.url_name = "return"  # type: ignore[attr-defined]  # no handler can be called that

    @acts(Because)
    def undo(self, id: str, asked: dict[str, Any]) -> SuspenseItem:
        """Undo a placing."""
        return suspense.undo(item_id=id, reason=asked["reason"], actor=self.actor)


class ReturnPremiumShown(Shown):
    policy = serializers.CharField(source="policy_id", read_only=True)
    term = serializers.CharField(source="term_id", read_only=True)

    class Meta:
        model = ReturnPremium
        fields: ClassVar = [
            "id",
            "policy",
            "term",
            "transaction_id",
            "credited_minor",
            "refundable_minor",
            "currency",
            "arose_on",
            "due_on",
            "needs_decision",
            "citation",
            "created_at",
        ]


class ReturnPremiums(Rows):
    """What changes of policies gave back, and by when the paid part of it is owed."""

    queryset = ReturnPremium.objects.all()
    serializer_class = ReturnPremiumShown
    filterset_fields: ClassVar = ["policy"]
    reads = P.BILLING_READ


routes = [
    ("receipts", Receipts),
    ("suspense-items", SuspenseItems),
    ("return-premiums", ReturnPremiums),
]
