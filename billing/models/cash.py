"""Money received, its applications to invoice lines, transfers, and money nobody has placed yet."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models.access import THROUGH_POLICY
from billing.models.invoices import InvoiceLine
from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Policy
from reconciliation.models import BankAccount


class Receipt(models.Model):
    """Money received for a policy, whatever brought it. `source_id` is the payment, transfer or suspense item."""

    class Kind(models.TextChoices):
        PAYMENT = "payment", "Payment"
        TRANSFER = "transfer", "Transfer"
        SUSPENSE = "suspense", "From suspense"

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="rcp")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="receipts")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PAYMENT)
    source_id = models.CharField(max_length=40, unique=True, db_collation="C")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    received_on = models.DateField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="receipt_brings_money")
        ]
        triggers: ClassVar = guards.append_only("receipt")

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency} from {self.source_id}"


class ReceiptReversal(models.Model):
    """A receipt taken back whole: refunded by us, returned by the bank, or its transfer undone."""

    class Reason(models.TextChoices):
        REFUNDED = "refunded", "Refunded"
        RETURNED = "returned", "Returned"
        UNDONE = "undone", "Undone"
        DISPUTED = "disputed", "Disputed"

    id = IdField(prefix="rrv")
    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="reversal")
    reason = models.CharField(max_length=10, choices=Reason.choices)
    reversed_on = models.DateField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        triggers: ClassVar = guards.append_only("receipt reversal")

    def __str__(self) -> str:
        return f"{self.receipt_id} {self.reason}"


class Application(models.Model):
    """Received money given to one invoice line; negative when taken back. History is kept, never edited.

    The split between the payee and our commission is fixed here, so that a reversal undoes the very cents.
    """

    id = IdField(prefix="app")
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="applications")
    line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, related_name="applications")
    amount_minor = models.BigIntegerField()
    commission_minor = models.BigIntegerField()
    applied_on = models.DateField()
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        triggers: ClassVar = guards.append_only("application")

    def __str__(self) -> str:
        return f"{self.amount_minor} to {self.line_id}"


class CashTransfer(models.Model):
    """Unapplied cash carried from one policy to another of the same operator: by journal, no cash moves.

    It stands until the receipt it made is reversed.
    """

    id = IdField(prefix="ctr")
    from_receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="transfers_out")
    to_receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="transfer_in")
    amount_minor = models.BigIntegerField()
    transferred_on = models.DateField()
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="transfer_moves_money")
        ]
        triggers: ClassVar = guards.append_only("cash transfer")

    def __str__(self) -> str:
        return f"{self.amount_minor} from {self.from_receipt_id} to {self.to_receipt_id}"


class CashOut(models.Model):
    """Unapplied cash of a receipt that left: refunded in part or disbursed. A negative row takes one back.

    `source_id` is the refund or disbursement that paid it out.
    """

    id = IdField(prefix="cso")
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="cash_outs")
    source_id = models.CharField(max_length=40, db_collation="C")
    amount_minor = models.BigIntegerField()
    paid_on = models.DateField()
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0, reverses__isnull=True)
                | models.Q(amount_minor__lt=0, reverses__isnull=False),
                name="cash_out_or_its_opposite",
            ),
            models.UniqueConstraint(
                fields=["receipt", "source_id"],
                condition=models.Q(reverses__isnull=True),
                name="one_cash_out_per_source",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["source_id"], name="cash_out_by_source")]
        triggers: ClassVar = guards.append_only("cash out")

    def __str__(self) -> str:
        return f"{self.amount_minor} by {self.source_id}"


SUSPENSE_JUMPS = [("open", "placed"), ("open", "returned"), ("placed", "open")]


class SuspenseItem(FSMModelMixin, models.Model):
    """Money a person must place: of nobody we know, or held because it came after its policy was cancelled.

    `receipt` is the held receipt, or, once a deposit nobody knew is placed, the receipt that placing made.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        PLACED = "placed", "Placed"
        RETURNED = "returned", "Returned"

    class Why(models.TextChoices):
        UNIDENTIFIED = "unidentified", "Unknown payor or policy"
        AFTER_CANCELLATION = "after_cancellation", "Came after cancellation"

    ACCESS: ClassVar = Access(
        operator="operator_id",
        reader="operator_id",
        permission=Permission.BILLING_READ,
    )

    id = IdField(prefix="sus")
    operator = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=20, choices=Why.choices)
    bank_account = models.ForeignKey(
        BankAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Where it came in."
    )
    source_id = models.CharField(max_length=80, db_collation="C", help_text="The bank's or sender's own reference.")
    payor_name = models.CharField(max_length=200, blank=True)
    policy_reference = models.CharField(max_length=80, blank=True, help_text="What the payor wrote as policy number.")
    memo = models.CharField(max_length=300, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    received_on = models.DateField()
    state = FSMField(default=State.OPEN, choices=State.choices, protected=True)
    receipt = models.OneToOneField(
        Receipt, null=True, blank=True, on_delete=models.PROTECT, related_name="suspense_item"
    )
    decided_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["operator", "source_id"], name="one_suspense_item_per_source"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="suspense_holds_money"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["operator", "id"], name="suspense_open", condition=models.Q(state="open"))
        ]
        triggers: ClassVar = [
            *guards.no_delete("suspense item"),
            guards.first_state("state", "open"),
            guards.legal_jumps("state", SUSPENSE_JUMPS),
            guards.frozen_columns(
                "operator", "why", "bank_account", "source_id", "amount_minor", "currency", "received_on"
            ),
        ]

    @transition(field=state, source=State.OPEN, target=State.PLACED)
    def place(self) -> None:
        """A person said whose it is; it can be applied."""

    @transition(field=state, source=State.OPEN, target=State.RETURNED)
    def give_back(self) -> None:
        """It goes back to the sender."""

    @transition(field=state, source=State.PLACED, target=State.OPEN)
    def take_out(self) -> None:
        """The placing was wrong and is undone."""

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency} from {self.payor_name or 'unknown'}"
