"""Closed periods of a book: what was checked, what was sealed, and who opened it again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.ledger.models import Book, Snapshot

CLOSE_JUMPS = [("closed", "reopened")]


class Close(FSMModelMixin, models.Model):
    """A period that is over: its checklist as it stood, its trial balance by hash, chained to the close before."""

    class State(models.TextChoices):
        CLOSED = "closed", "Closed"
        REOPENED = "reopened", "Reopened"

    ACCESS: ClassVar = Access(
        operator="book__organization_id", reader="book__organization_id", permission=Permission.LEDGER_READ
    )

    id = IdField(prefix="cls")
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="closes")
    from_on = models.DateField(help_text="The day after the close before; the first entry's for the first close.")
    to_on = models.DateField()
    snapshot = models.OneToOneField(Snapshot, on_delete=models.PROTECT, related_name="close")
    checklist = models.JSONField(help_text="Each item as it stood: what, count, amount, whether it had to be clear.")
    accepted_reason = models.CharField(max_length=300, blank=True, help_text="Why what was open was accepted.")
    trial_balance = models.JSONField(help_text="Each account: code, owner, currency, balance in minor units.")
    hash = models.CharField(max_length=64, db_collation="C", help_text="Of the trial balance and the hash before.")
    hash_before = models.CharField(max_length=64, blank=True, db_collation="C")
    closed_by = models.CharField(max_length=40)
    closed_at = models.DateTimeField(default=clock.now)
    state = FSMField(default=State.CLOSED, choices=State.choices, protected=True)
    permit_id = models.CharField(max_length=32, blank=True, help_text="Who allowed to open it again.")
    reopened_at = models.DateTimeField(null=True, blank=True)
    reopened_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-to_on", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["book", "to_on"], condition=models.Q(state="closed"), name="one_close_per_day"
            ),
            models.CheckConstraint(condition=models.Q(to_on__gte=models.F("from_on")), name="close_has_days"),
        ]
        triggers: ClassVar = [
            *guards.no_delete("close"),
            guards.first_state("state", "closed"),
            guards.legal_jumps("state", CLOSE_JUMPS),
            guards.frozen_columns(
                "book", "from_on", "to_on", "snapshot", "checklist", "accepted_reason", "trial_balance", "hash",
                "hash_before", "closed_by", "closed_at",
            ),
        ]  # fmt: skip

    @transition(field=state, source=State.CLOSED, target=State.REOPENED)
    def reopen(self) -> None:
        """Its days take entries again."""

    def __str__(self) -> str:
        return f"{self.from_on} to {self.to_on}"
