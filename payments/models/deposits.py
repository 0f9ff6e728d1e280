"""Money that came without our asking a processor: checks, lockbox files, wires, cash, funding by finance companies."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from billing.models import Invoice, SuspenseItem
from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.charges import Attempt
from policies.models import Policy
from reconciliation.models import BankAccount


class Deposit(models.Model):
    """One credit at the bank and the items it is made of: a lockbox file, a stack of checks, one wire."""

    class Kind(models.TextChoices):
        CHECK = "check", "Checks"
        LOCKBOX = "lockbox", "Lockbox"
        WIRE = "wire", "Wire"
        CASH = "cash", "Cash"
        PREMIUM_FINANCE = "premium_finance", "Premium finance funding"
        AGENCY = "agency", "Agency payment"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="dpt")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=15, choices=Kind.choices)
    reference = models.CharField(max_length=80, db_collation="C", help_text="The bank's or sender's own number.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    received_on = models.DateField()
    content_hash = models.CharField(max_length=64, blank=True, db_collation="C", help_text="Of the file, if one.")
    problems = models.JSONField(default=list, blank=True, help_text="What of the file could not be read, by line.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bank_account", "kind", "reference"], name="one_deposit_per_reference"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="deposit_brings_money"),
        ]
        triggers: ClassVar = guards.append_only("deposit")

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


ITEM_JUMPS = [("placed", "bounced"), ("suspense", "bounced"), ("suspense", "placed"), ("placed", "suspense")]


class DepositItem(FSMModelMixin, models.Model):
    """One check, wire or stub of a deposit: placed on a policy, or in suspense with the reason."""

    class State(models.TextChoices):
        PLACED = "placed", "Placed"
        SUSPENSE = "suspense", "In suspense"
        BOUNCED = "bounced", "Gone back"

    ACCESS: ClassVar = Access(
        operator="deposit__organization_id",
        reader="deposit__organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="dpi")
    deposit = models.ForeignKey(Deposit, on_delete=models.PROTECT, related_name="items")
    position = models.PositiveIntegerField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    check_number = models.CharField(max_length=20, blank=True)
    payor_name = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=80, blank=True, help_text="What the stub or payor says it is for.")
    memo = models.CharField(max_length=300, blank=True)
    financed_minor = models.BigIntegerField(
        null=True, blank=True, help_text="What the premium finance company financed in all; it may fund less."
    )
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="deposit_items")
    invoice = models.ForeignKey(Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    attempt = models.OneToOneField(
        Attempt, null=True, blank=True, on_delete=models.PROTECT, related_name="deposit_item",
        help_text="The expected payment that it is, if one was announced.",
    )  # fmt: skip
    suspense_item = models.OneToOneField(
        SuspenseItem, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    why = models.CharField(max_length=200, blank=True, help_text="Why it stands where it stands.")
    state = FSMField(default=State.SUSPENSE, choices=State.choices, protected=True)
    bounced_on = models.DateField(
        null=True, blank=True, help_text="The day the bank took it back, or it was sent back."
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["deposit_id", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["deposit", "position"], name="one_item_per_position"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="item_brings_money"),
        ]
        triggers: ClassVar = [
            *guards.no_delete("deposit item"),
            guards.first_state("state", "suspense"),
            guards.legal_jumps("state", ITEM_JUMPS),
            guards.frozen_columns(
                "deposit", "position", "amount_minor", "currency", "check_number", "attempt", "financed_minor"
            ),
        ]

    @transition(field=state, source=[State.PLACED, State.SUSPENSE], target=State.BOUNCED)
    def bounce(self) -> None:
        """The bank took it back (a check without funds, for one), or it went back to its sender."""

    @transition(field=state, source=State.SUSPENSE, target=State.PLACED)
    def place(self) -> None:
        """It was found, or a person said, whose it is."""

    @transition(field=state, source=State.PLACED, target=State.SUSPENSE)
    def take_out(self) -> None:
        """The placing was wrong and is undone."""

    def __str__(self) -> str:
        return f"{self.amount_minor} of {self.deposit_id}"
