"""Deposits, lockbox files and announced payments under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.parsers import MultiPartParser

from compliance.permissions import Permission
from compliance.resources import Asked, Resource, Rows, Shown, acts, creates
from payments import announcements, deposit_returns, deposits, lockbox
from payments.api.charges import PaymentShown
from payments.collection import Wanted
from payments.deposits import Item
from payments.lockbox_files import ColumnMap
from payments.models import Deposit, DepositItem, Payment


class DepositItemShown(Shown):
    deposit = serializers.CharField(source="deposit_id", read_only=True)
    policy = serializers.CharField(source="policy_id", read_only=True, allow_null=True)
    invoice = serializers.CharField(source="invoice_id", read_only=True, allow_null=True)
    attempt = serializers.CharField(source="attempt_id", read_only=True, allow_null=True)
    suspense_item = serializers.CharField(source="suspense_item_id", read_only=True, allow_null=True)

    class Meta:
        model = DepositItem
        fields: ClassVar = [
            "id", "deposit", "position", "amount_minor", "currency", "check_number", "payor_name", "reference", "memo",
            "financed_minor", "state", "why", "policy", "invoice", "attempt", "suspense_item", "bounced_on",
        ]  # fmt: skip


class DepositShown(Shown):
    bank_account = serializers.CharField(source="bank_account_id", read_only=True)
    items = DepositItemShown(many=True, read_only=True)

    class Meta:
        model = Deposit
        fields: ClassVar = [
            "id", "bank_account", "kind", "reference", "amount_minor", "currency", "received_on", "items", "created_at",
        ]  # fmt: skip


class NewDepositItem(Asked):
    amount_minor = serializers.IntegerField(min_value=1)
    reference = serializers.CharField(
        max_length=80, required=False, default="", allow_blank=True,
        help_text="The exact number of a policy, invoice, billing account or announced payment.",
    )  # fmt: skip
    payor = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    check_number = serializers.CharField(max_length=20, required=False, default="", allow_blank=True)
    memo = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)
    financed_minor = serializers.IntegerField(
        min_value=1, required=False, default=None, allow_null=True,
        help_text="Premium finance only: what the company, named as payor, financed in all.",
    )  # fmt: skip


class NewDeposit(Asked):
    bank_account = serializers.CharField(max_length=40)
    kind = serializers.ChoiceField(choices=Deposit.Kind.choices)
    reference = serializers.CharField(max_length=80, help_text="The bank's or sender's own number.")
    received_on = serializers.DateField()
    amount_minor = serializers.IntegerField(min_value=1, help_text="The whole deposit, as the bank credited it.")
    items = NewDepositItem(many=True)


class Deposits(Rows):
    """Money that came to the bank unasked, with every item and where it stands."""

    queryset = Deposit.objects.prefetch_related("items")
    serializer_class = DepositShown
    filterset_fields: ClassVar = ["kind", "reference", "received_on", "bank_account"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.CASH_WRITE

    @creates(NewDeposit)
    def create(self, asked: dict[str, Any]) -> Deposit:
        """Record a deposit and place what says where it belongs. The same again gives the deposit it made."""
        return deposits.take_in(
            bank_account_id=asked["bank_account"],
            kind=asked["kind"],
            reference=asked["reference"],
            received_on=asked["received_on"],
            amount_minor=asked["amount_minor"],
            items=[Item(**item) for item in asked["items"]],
            actor=self.actor,
        )


class Placing(Asked):
    policy = serializers.CharField(max_length=40)
    reason = serializers.CharField(max_length=300)


class DepositReason(Asked):
    reason = serializers.CharField(max_length=150)


class Bounced(Asked):
    reason = serializers.CharField(max_length=150, help_text="As the bank gave it.")
    returned_on = serializers.DateField(required=False, help_text="Today when left out.")


class DepositItems(Rows):
    """Checks, wires and stubs of deposits."""

    queryset = DepositItem.objects.all()
    serializer_class = DepositItemShown
    filterset_fields: ClassVar = ["deposit", "state", "policy", "check_number"]
    reads = Permission.PAYMENTS_READ
    writes = Permission.CASH_WRITE

    @acts(Placing)
    def place(self, id: str, asked: dict[str, Any]) -> DepositItem:
        """Say whose the money of a held item is. Cover never comes back by it."""
        return deposits.place(item_id=id, policy_id=asked["policy"], reason=asked["reason"], actor=self.actor)

    @acts(DepositReason)
    def take_out(self, id: str, asked: dict[str, Any]) -> DepositItem:
        """Undo a placing; every balance is as it was before."""
        return deposits.take_out(item_id=id, reason=asked["reason"], actor=self.actor)

    @acts(DepositReason)
    def send_back(self, id: str, asked: dict[str, Any]) -> DepositItem:
        """Send the money of a held item back to its sender."""
        return deposits.send_back(item_id=id, reason=asked["reason"], actor=self.actor)

    @acts(Bounced)
    def bounce(self, id: str, asked: dict[str, Any]) -> DepositItem:
        """Take back the whole check of an item, because the bank did."""
        check = deposit_returns.bounce(
            item_id=id, reason=asked["reason"], returned_on=asked.get("returned_on"), actor=self.actor
        )
        return next(item for item in check if item.id == id)


class NewLockboxFile(Asked):
    bank_account = serializers.CharField(max_length=40)
    file = serializers.FileField(max_length=200, help_text="The BAI lockbox layout, or a CSV with a header.")
    amount_column = serializers.CharField(max_length=80, required=False, help_text="For a CSV; else as in settings.")
    reference_column = serializers.CharField(max_length=80, required=False)
    check_column = serializers.CharField(max_length=80, required=False, default="")
    payor_column = serializers.CharField(max_length=80, required=False, default="")
    lockbox_column = serializers.CharField(max_length=80, required=False, default="")
    date_column = serializers.CharField(max_length=80, required=False, default="")


class LockboxImported(serializers.Serializer[Any]):
    deposits = DepositShown(many=True)


class LockboxFiles(Resource):
    """Lockbox files: taken in whole, or refused with every problem by line and column."""

    queryset = Deposit.objects.none()
    serializer_class = DepositShown
    parser_classes = (MultiPartParser,)
    writes = Permission.CASH_WRITE

    @creates(NewLockboxFile, gives=LockboxImported)
    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Record the deposits of a file; a worker places their items. The same content again changes nothing."""
        columns = {name: asked.get(f"{name}_column", "") for name in ColumnMap.names()}
        given = ColumnMap(**columns) if columns["amount"] and columns["reference"] else None
        made = lockbox.import_file(
            bank_account_id=asked["bank_account"], content=asked["file"].read(), columns=given, actor=self.actor
        )
        return {"deposits": made}


class AnnouncedInvoice(Asked):
    invoice = serializers.CharField(max_length=40)
    amount_minor = serializers.IntegerField(required=False, min_value=1, help_text="All that is open when left out.")


class NewAnnouncement(Asked):
    invoices = AnnouncedInvoice(many=True)
    method = serializers.ChoiceField(choices=list(announcements.METHODS))
    note = serializers.CharField(max_length=120, help_text="What is known of it: the check's number, who sends it.")


class AnnouncedPayments(Resource):
    """Payments a payor says are on their way."""

    queryset = Payment.objects.none()
    serializer_class = PaymentShown
    writes = Permission.PAYMENTS_WRITE

    @creates(NewAnnouncement)
    def create(self, asked: dict[str, Any]) -> Payment:
        """Expect a check, wire, cash or funding. The deposit that names the payment makes it succeed."""
        return announcements.announce(
            items=[Wanted(item["invoice"], item.get("amount_minor")) for item in asked["invoices"]],
            method=asked["method"],
            note=asked["note"],
            actor=self.actor,
        )


routes = [
    ("deposits", Deposits),
    ("deposit-items", DepositItems),
    ("lockbox-files", LockboxFiles),
    ("announced-payments", AnnouncedPayments),
]
