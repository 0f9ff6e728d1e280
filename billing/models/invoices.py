"""Invoices, their lines, and credits that lower what a line asks for."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models.access import THROUGH_POLICY
from billing.models.accounts import AccountBill, BillingAccount
from billing.models.schedules import InstallmentItem
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Component, PayeeKind, Policy, Term

INVOICE_JUMPS = [
    ("open", "paid"),
    ("paid", "open"),
    ("open", "superseded"),
    ("open", "void"),
    ("open", "written_off"),
    ("written_off", "open"),
]


class Invoice(FSMModelMixin, models.Model):
    """What is asked of the payor, by a date. Its lines are never edited: cash covers them, credits lower them.

    A change after it was sent supersedes it: its lines are credited whole, and a new invoice says why.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        PAID = "paid", "Paid"
        SUPERSEDED = "superseded", "Superseded"
        VOID = "void", "Void"
        WRITTEN_OFF = "written_off", "Written off"

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="inv")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=60)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    issued_on = models.DateField()
    due_on = models.DateField()
    account = models.ForeignKey(
        BillingAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="invoices", help_text="Who pays."
    )
    account_bill = models.ForeignKey(
        AccountBill, null=True, blank=True, on_delete=models.PROTECT, related_name="invoices"
    )
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    reason = models.CharField(max_length=200, blank=True, help_text="Why it supersedes another.")
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
            guards.frozen_columns(
                "policy", "number", "currency", "total_minor", "issued_on", "due_on", "account", "supersedes", "reason"
            ),
        ]

    @transition(field=state, source=State.OPEN, target=State.PAID)
    def settle(self) -> None:
        """Every line is covered by applied cash or lowered by credits."""

    @transition(field=state, source=State.PAID, target=State.OPEN)
    def reopen(self) -> None:
        """Applied cash was taken back."""

    @transition(field=state, source=State.OPEN, target=State.SUPERSEDED)
    def supersede(self) -> None:
        """Another invoice takes its place; its lines are credited whole."""

    @transition(field=state, source=State.OPEN, target=State.VOID)
    def void(self) -> None:
        """It asks for nothing any more; its lines are credited whole."""

    @transition(field=state, source=State.OPEN, target=State.WRITTEN_OFF)
    def write_off(self) -> None:
        """What was open is given up; its lines are credited for it."""

    @transition(field=state, source=State.WRITTEN_OFF, target=State.OPEN)
    def revive(self) -> None:
        """The write-off was taken back."""

    def __str__(self) -> str:
        return self.number


class InvoiceLine(models.Model):
    """One component asked for by an invoice: the open item that cash is applied to."""

    id = IdField(prefix="inl")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    installment_item = models.OneToOneField(
        InstallmentItem, null=True, blank=True, on_delete=models.PROTECT, related_name="invoice_line"
    )
    replaces = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by")
    term = models.ForeignKey(Term, on_delete=models.PROTECT, related_name="+")
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


class LineCredit(models.Model):
    """Lowers what a line asks for, without cash: above zero; below zero where it takes an earlier credit back."""

    class Kind(models.TextChoices):
        RETURN_PREMIUM = "return_premium", "Return premium"
        SUPERSEDED = "superseded", "Superseded"
        VOIDED = "voided", "Voided"
        WRITTEN_OFF = "written_off", "Written off"
        WAIVED = "waived", "Waived"

    id = IdField(prefix="lcr")
    line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, related_name="credits")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    amount_minor = models.BigIntegerField()
    credited_on = models.DateField()
    source_id = models.CharField(max_length=40, db_collation="C", help_text="The transaction, invoice or permit.")
    reason = models.CharField(max_length=300, blank=True)
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        triggers: ClassVar = guards.append_only("line credit")

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor}"
