"""What does not tie and waits for a person."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization, User
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models.banks import BankAccount

READ = Permission.RECONCILIATION_READ


class Break(models.Model):
    """Something that does not tie and waits for a person: a line without partner, a wrong amount, several answers."""

    class Kind(models.TextChoices):
        BANK_ONLY = "bank_only", "On the bank statement only"
        BOOKS_ONLY = "books_only", "In the books only"
        AMOUNT_DIFFERS = "amount_differs", "Amount differs"
        AMBIGUOUS = "ambiguous", "Several equal answers"
        FEE_TAKEN = "fee_taken", "A fee was kept back"
        GATEWAY_AMOUNT = "gateway_amount", "Processor reported another amount"
        GATEWAY_CONTRADICTS = (
            "gateway_contradicts",
            "Processor contradicts what it said before",
        )
        PAYOUT_UNKNOWN_CHARGE = (
            "payout_unknown_charge",
            "Payout names a charge we do not know",
        )
        SOURCE_WE_MORE = "source_we_more", "We have more than the other side says"
        SOURCE_WE_LESS = "source_we_less", "We have less than the other side says"
        SOURCE_UNKNOWN = "source_unknown", "The other side names a policy we do not know"
        SOURCE_MISSING = "source_missing", "Missing in the other side's statement"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=READ)

    id = IdField(prefix="brk")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    bank_account = models.ForeignKey(BankAccount, null=True, on_delete=models.PROTECT, related_name="breaks")
    kind = models.CharField(max_length=24, choices=Kind.choices)
    subject_id = models.CharField(
        max_length=40,
        db_collation="C",
        help_text="The line, attempt or payout it is about.",
    )
    difference_minor = models.BigIntegerField(help_text="Signed: what the outside says less what our books say.")
    currency = models.CharField(max_length=3)
    reason = models.TextField()
    inputs = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who works on it."
    )
    due_on = models.DateField(help_text="By when it should be settled; set from its kind when it was opened.")
    opened_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_id", "kind"],
                condition=models.Q(state="open"),
                name="one_open_break_per_subject",
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("break"),
            guards.first_state("state", "open"),
            guards.legal_jumps("state", [("open", "closed")]),
            guards.frozen_columns("organization", "kind", "subject_id", "difference_minor", "reason"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "due_on"], condition=models.Q(state="open"), name="open_breaks_by_due")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


class BreakComment(models.Model):
    """What somebody said about a break; it is never changed."""

    ACCESS: ClassVar = Access(operator="about__organization_id", reader="about__organization_id", permission=READ)

    id = IdField(prefix="bcm")
    about = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="comments")
    text = models.CharField(max_length=1000)
    author_id = models.CharField(max_length=40, db_collation="C")
    author_label = models.CharField(max_length=200, help_text="As the author was called then.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        triggers: ClassVar = guards.append_only("comment on a break")

    def __str__(self) -> str:
        return f"{self.author_label}: {self.text}"[:80]
