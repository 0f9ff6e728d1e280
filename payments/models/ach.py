"""Bank-originated ACH: files that go out and come in, their entries, and what could not be understood."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.accounts import GatewayAccount
from payments.models.methods import PaymentMethod


class AchFile(models.Model):
    """One file of the ACH operator's format, sent or received, kept byte for byte (sealed)."""

    class Direction(models.TextChoices):
        OUT = "out", "Sent"
        IN = "in", "Received"

    class Kind(models.TextChoices):
        ORIGINATION = "origination", "Entries"
        RETURNS = "returns", "Returns and changes"
        ACKNOWLEDGEMENT = "acknowledgement", "Acknowledgement"

    class State(models.TextChoices):
        BUILT = "built", "Built"
        SENT = "sent", "Sent"
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Rejected"
        READ = "read", "Read"
        QUARANTINED = "quarantined", "Quarantined"

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="acf")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="ach_files")
    direction = models.CharField(max_length=3, choices=Direction.choices)
    kind = models.CharField(max_length=15, choices=Kind.choices)
    name = models.CharField(max_length=120)
    file_date = models.DateField()
    modifier = models.CharField(max_length=1, blank=True, help_text="A-Z, 0-9: tells files of one day apart.")
    content_sealed = models.TextField(editable=False)
    content_hash = models.CharField(max_length=64, db_collation="C")
    entry_count = models.PositiveIntegerField(default=0)
    debit_minor = models.BigIntegerField(default=0)
    credit_minor = models.BigIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State.choices)
    result = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "direction", "content_hash"], name="one_ach_file_per_content"),
            models.UniqueConstraint(
                fields=["account", "file_date", "modifier"],
                condition=models.Q(direction="out"),
                name="one_ach_file_per_modifier",
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("ACH file"),
            guards.frozen_columns("organization", "account", "direction", "content_sealed", "content_hash"),
            guards.legal_jumps(
                "state", [("built", "sent"), ("sent", "accepted"), ("sent", "rejected"), ("built", "rejected")]
            ),
        ]

    def __str__(self) -> str:
        return self.name


ENTRY_JUMPS = [
    ("staged", "filed"),
    ("staged", "withdrawn"),
    ("filed", "settled"),
    ("filed", "returned"),
    ("filed", "rejected"),
    ("settled", "returned"),
    ("returned", "settled"),
]


class AchEntry(FSMModelMixin, models.Model):
    """One debit, credit, prenote or reversal for a bank account, under our reference (attempt, disbursement, ...)."""

    class State(models.TextChoices):
        STAGED = "staged", "Waits for the next file"
        FILED = "filed", "In a file"
        SETTLED = "settled", "Settled"
        RETURNED = "returned", "Returned"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Purpose(models.TextChoices):
        CHARGE = "charge", "Charge"
        REFUND = "refund", "Refund"
        DISBURSEMENT = "disbursement", "Disbursement"
        PRENOTE = "prenote", "Prenote"
        MICRO = "micro", "Micro-entry"
        REVERSAL = "reversal", "Reversal"

    ACCESS: ClassVar = Access(
        operator="account__organization_id",
        reader="account__organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="ace")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="ach_entries")
    reference = models.CharField(max_length=40, db_collation="C", help_text="Ours: attempt, refund, disbursement...")
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    payment_method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="ach_entries")
    sec_code = models.CharField(max_length=3)
    transaction_code = models.CharField(max_length=2)
    amount_minor = models.BigIntegerField()
    receiver_name = models.CharField(max_length=22)
    receiver_id = models.CharField(max_length=15, blank=True)
    description = models.CharField(max_length=10, blank=True, help_text="The batch's entry description.")
    addenda = models.CharField(max_length=80, blank=True)
    same_day = models.BooleanField(default=False)
    effective_on = models.DateField(help_text="The day the bank is asked to settle it.")
    trace_number = models.CharField(max_length=15, blank=True, db_collation="C")
    file = models.ForeignKey(AchFile, null=True, blank=True, on_delete=models.PROTECT, related_name="entries")
    represents = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
    return_code = models.CharField(max_length=3, blank=True)
    returned_on = models.DateField(null=True, blank=True)
    settles_on = models.DateField(null=True, blank=True)
    state = FSMField(default=State.STAGED, choices=State.choices, protected=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "ACH entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "reference"], name="one_ach_entry_per_reference"),
            models.UniqueConstraint(
                fields=["account", "trace_number", "file"],
                condition=~models.Q(trace_number=""),
                name="one_ach_entry_per_trace",
            ),
            models.CheckConstraint(condition=models.Q(amount_minor__gte=0), name="ach_amount_is_no_less_than_zero"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "id"], name="ach_staged", condition=models.Q(state="staged")),
            models.Index(fields=["trace_number"], name="ach_by_trace"),
        ]
        triggers: ClassVar = [
            *guards.no_delete("ACH entry"),
            guards.first_state("state", "staged"),
            guards.legal_jumps("state", ENTRY_JUMPS),
            guards.frozen_columns(
                "account", "reference", "purpose", "payment_method", "sec_code", "transaction_code", "amount_minor"
            ),
        ]

    @transition(field=state, source=State.STAGED, target=State.FILED)
    def put_in_file(self) -> None:
        """In a file that goes to the bank."""

    @transition(field=state, source=State.STAGED, target=State.WITHDRAWN)
    def withdraw(self) -> None:
        """Stopped before any file held it."""

    @transition(field=state, source=[State.FILED, State.RETURNED], target=State.SETTLED)
    def settle(self) -> None:
        """Its settlement day came, or its return was dishonored."""

    @transition(field=state, source=[State.FILED, State.SETTLED], target=State.RETURNED)
    def send_back(self) -> None:
        """The receiving bank returned it."""

    @transition(field=state, source=State.FILED, target=State.REJECTED)
    def reject(self) -> None:
        """The bank did not take the file or the batch it was in."""

    def __str__(self) -> str:
        return f"{self.purpose} {self.trace_number or self.id}"


class AchNews(models.Model):
    """One record of a received file: a return, a change, a dishonored return; applied, or kept for a person."""

    class State(models.TextChoices):
        APPLIED = "applied", "Applied"
        QUARANTINED = "quarantined", "Quarantined"
        DECIDED = "decided", "Decided by a person"

    ACCESS: ClassVar = Access(
        operator="file__organization_id",
        reader="file__organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="acn")
    file = models.ForeignKey(AchFile, on_delete=models.PROTECT, related_name="news")
    line = models.PositiveIntegerField()
    column = models.PositiveIntegerField(default=1)
    code = models.CharField(max_length=10, blank=True)
    entry = models.ForeignKey(AchEntry, null=True, blank=True, on_delete=models.PROTECT, related_name="news")
    record_sealed = models.TextField(editable=False, blank=True, default="")
    detail = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was not applied.")
    state = models.CharField(max_length=12, choices=State.choices)
    decided_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["file_id", "line"]
        verbose_name_plural = "ACH news"
        triggers: ClassVar = [
            *guards.no_delete("ACH news"),
            guards.frozen_columns("file", "line", "column", "code", "record_sealed", "reason"),
            guards.legal_jumps("state", [("quarantined", "decided"), ("quarantined", "applied")]),
        ]

    def __str__(self) -> str:
        return f"{self.code} line {self.line}"
