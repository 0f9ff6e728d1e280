"""Plans, schedules, invoices, and cash with its applications."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Charge, Component, PayeeKind, Policy, Term

THROUGH_POLICY = Access(
    operator="policy__operator_id",
    reader="policy__participants__organization_id",
    permission=Permission.BILLING_READ,
)


class PlanVersion(models.Model):
    """A payment plan from a date on. Never edited, only followed by the next version; `billing.plans` reads `spec`."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.BILLING_READ,
    )

    id = IdField(prefix="pln")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    effective_from = models.DateField()
    spec = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["code", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "code", "number"],
                name="one_plan_version_per_number",
            )
        ]
        triggers: ClassVar = guards.append_only("plan version")

    def __str__(self) -> str:
        return f"{self.code} v{self.number}"


class Schedule(models.Model):
    """The installments of one transaction's charges under one plan version."""

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="sch")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="schedules")
    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="schedules")
    transaction_id = models.CharField(max_length=32, unique=True, db_collation="C")
    plan_version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        triggers: ClassVar = guards.no_delete("schedule")

    def __str__(self) -> str:
        return f"{self.plan_version} for {self.policy_id}"


class Installment(models.Model):
    """One date of a schedule. It is due to be billed until an invoice line names it."""

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="ins")
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="installments")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    sequence = models.PositiveIntegerField()
    bill_on = models.DateField()
    due_on = models.DateField()
    invoice = models.ForeignKey("Invoice", null=True, on_delete=models.PROTECT, related_name="installments")

    class Meta:
        ordering: ClassVar = ["schedule", "sequence"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["schedule", "sequence"], name="one_installment_per_sequence"),
            models.CheckConstraint(
                condition=models.Q(bill_on__lte=models.F("due_on")),
                name="billed_before_due",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["bill_on"],
                name="installment_to_bill",
                condition=models.Q(invoice__isnull=True),
            )
        ]
        triggers: ClassVar = guards.no_delete("installment")

    def __str__(self) -> str:
        return f"{self.sequence}: {self.due_on}"


class InstallmentItem(models.Model):
    """One component's share in an installment. `charge` is empty for a fee that the plan itself adds."""

    id = IdField(prefix="iit")
    installment = models.ForeignKey(Installment, on_delete=models.PROTECT, related_name="items")
    charge = models.ForeignKey(Charge, null=True, on_delete=models.PROTECT, related_name="+")
    component = models.CharField(max_length=20, choices=Component.choices)
    amount_minor = models.BigIntegerField()
    payee_kind = models.CharField(max_length=10, choices=PayeeKind.choices)
    payee = models.CharField(max_length=60)
    commission_ppm = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["id"]
        triggers: ClassVar = guards.append_only("installment item")

    def __str__(self) -> str:
        return f"{self.component} {self.amount_minor}"


INVOICE_JUMPS = [("open", "paid"), ("paid", "open")]


class Invoice(FSMModelMixin, models.Model):
    """What is asked of the payor, by a date. Its lines are never edited; it is paid by applications."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        PAID = "paid", "Paid"

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="inv")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=60)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    issued_on = models.DateField()
    due_on = models.DateField()
    state = FSMField(default=State.OPEN, choices=State.choices, protected=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["policy", "number"], name="one_invoice_per_number"),
            models.CheckConstraint(condition=models.Q(total_minor__gt=0), name="invoice_asks_for_money"),
        ]
        indexes: ClassVar = [models.Index(fields=["due_on"], name="invoice_open", condition=models.Q(state="open"))]
        triggers: ClassVar = [
            *guards.no_delete("invoice"),
            guards.first_state("state", "open"),
            guards.legal_jumps("state", INVOICE_JUMPS),
            guards.frozen_columns("policy", "number", "currency", "total_minor", "issued_on", "due_on"),
        ]

    @transition(field=state, source=State.OPEN, target=State.PAID)
    def settle(self) -> None:
        """Every line is covered by applied cash."""

    @transition(field=state, source=State.PAID, target=State.OPEN)
    def reopen(self) -> None:
        """Applied cash was taken back."""

    def __str__(self) -> str:
        return self.number


class InvoiceLine(models.Model):
    """One component asked for by an invoice: the open item that cash is applied to."""

    id = IdField(prefix="inl")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    installment_item = models.OneToOneField(InstallmentItem, on_delete=models.PROTECT, related_name="invoice_line")
    position = models.PositiveIntegerField()
    component = models.CharField(max_length=20, choices=Component.choices)
    description = models.CharField(max_length=200)
    amount_minor = models.BigIntegerField()
    payee_kind = models.CharField(max_length=10, choices=PayeeKind.choices)
    payee = models.CharField(max_length=60)
    commission_ppm = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["invoice", "position"]
        triggers: ClassVar = guards.append_only("invoice line")

    def __str__(self) -> str:
        return f"{self.description} {self.amount_minor}"


class Receipt(models.Model):
    """Money received for a policy, whatever brought it. `source_id` is the payment, opaque here."""

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="rcp")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="receipts")
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
    """A receipt taken back whole: refunded by us or returned by the bank."""

    class Reason(models.TextChoices):
        REFUNDED = "refunded", "Refunded"
        RETURNED = "returned", "Returned"

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
