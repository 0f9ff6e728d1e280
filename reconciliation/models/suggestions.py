"""What may be the same money, for a person to say."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models.banks import BankAccount
from reconciliation.models.matches import Match

SUGGESTION_JUMPS = [("open", "accepted"), ("open", "dismissed"), ("open", "lapsed")]


class MatchSuggestion(FSMModelMixin, models.Model):
    """A grouping that a run found likely and not sure. Its lines stay open until a person accepts it.

    It lapses when a later run no longer finds it, or when one of its lines is matched or set aside.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        DISMISSED = "dismissed", "Dismissed"
        LAPSED = "lapsed", "No longer found"

    ACCESS: ClassVar = Access(
        operator="bank_account__organization_id",
        reader="bank_account__organization_id",
        permission=Permission.RECONCILIATION_READ,
    )

    id = IdField(prefix="sug")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="suggestions")
    bank_lines = models.JSONField(help_text="Ids of statement lines.")
    book_lines = models.JSONField(help_text="Ids of ledger lines.")
    grouping = models.CharField(max_length=64, db_collation="C", help_text="A hash of exactly these lines.")
    difference_minor = models.BigIntegerField(help_text="Signed: bank less books. Only zero can be accepted.")
    stage = models.CharField(max_length=40)
    score = models.PositiveIntegerField(help_text="0 to 1,000.")
    reason = models.TextField()
    inputs = models.JSONField(default=dict, help_text="What was compared: name, bank's value, books' value.")
    rule_version = models.CharField(max_length=100)
    suggested_at = models.DateTimeField(default=clock.now)
    state = FSMField(default=State.OPEN, choices=State.choices, protected=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=40, blank=True)
    decided_reason = models.CharField(max_length=300, blank=True)
    match = models.ForeignKey(Match, null=True, blank=True, on_delete=models.PROTECT, related_name="suggestions")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["bank_account", "grouping"], condition=models.Q(state="open"), name="one_open_suggestion"
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("suggestion"),
            guards.first_state("state", "open"),
            guards.legal_jumps("state", SUGGESTION_JUMPS),
            guards.frozen_columns(
                "bank_account", "bank_lines", "book_lines", "grouping", "difference_minor", "stage", "score", "reason",
                "inputs", "rule_version", "suggested_at",
            ),
        ]  # fmt: skip

    @transition(field=state, source=State.OPEN, target=State.ACCEPTED)
    def accept(self) -> None:
        """A person matched the lines."""

    @transition(field=state, source=State.OPEN, target=State.DISMISSED)
    def dismiss(self) -> None:
        """A person said no; it is not suggested again."""

    @transition(field=state, source=State.OPEN, target=State.LAPSED)
    def lapse(self) -> None:
        """It is no longer found."""

    def __str__(self) -> str:
        return f"{self.stage} {self.score}"
