"""Lines of the bank and of the books that are the same money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from django.db import models

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.ledger.models import Line
from reconciliation.models import match_guards
from reconciliation.models.banks import BankAccount
from reconciliation.models.statements import StatementLine

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

READ = Permission.RECONCILIATION_READ


class Match(models.Model):
    """Bank lines and ledger lines that are together the same money, with why. Undone, it stays as history.

    The lines are written before it, by `matches.keep_locked`; the database checks that the two sides tie to the cent.
    """

    ACCESS: ClassVar = Access(
        operator="bank_account__organization_id",
        reader="bank_account__organization_id",
        permission=READ,
    )

    id = IdField(prefix="mat")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="matches")
    stage = models.CharField(max_length=40)
    score = models.PositiveIntegerField(help_text="0 to 1,000.")
    reason = models.TextField()
    inputs = models.JSONField(default=dict, help_text="What was compared: name, bank's value, books' value.")
    rule_version = models.CharField(max_length=100, blank=True, help_text="Empty when a person matched by hand.")
    matched_at = models.DateTimeField(default=clock.now)
    matched_by = models.CharField(max_length=40, blank=True, help_text="The person; empty when the rules matched.")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_reason = models.CharField(max_length=300, blank=True)
    undone_by = models.CharField(max_length=40, blank=True)

    if TYPE_CHECKING:
        bank_lines: RelatedManager[MatchBankLine]
        book_lines: RelatedManager[MatchBookLine]

    class Meta:
        verbose_name_plural = "matches"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["bank_account"], condition=models.Q(undone_at__isnull=False), name="undone_matches_by_account"
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("match"),
            guards.frozen_columns(
                "id", "bank_account", "stage", "score", "reason", "inputs", "rule_version", "matched_at", "matched_by"
            ),
            match_guards.match_ties(),
            match_guards.lines_end(),
            match_guards.undone_once(),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.id}"

    @property
    def statement_lines(self) -> Sequence[StatementLine]:
        """The bank's side, in the order it was written."""
        return [each.statement_line for each in sorted(self.bank_lines.all(), key=lambda each: each.pk)]

    @property
    def ledger_lines(self) -> Sequence[Line]:
        """The books' side, in the order it was written."""
        return [each.ledger_line for each in sorted(self.book_lines.all(), key=lambda each: each.pk)]

    @property
    def amount_minor(self) -> int:
        return sum(line.amount_minor for line in self.statement_lines)


class MatchBankLine(models.Model):
    """A statement line in a match. No line stands in two live matches: the database sees to it."""

    id = models.BigAutoField(primary_key=True)
    match = models.ForeignKey(Match, on_delete=models.PROTECT, related_name="bank_lines")
    statement_line = models.ForeignKey(StatementLine, on_delete=models.PROTECT, related_name="in_matches")
    live = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["statement_line"], condition=models.Q(live=True), name="bank_line_matched_once"
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("line of a match"),
            guards.frozen_columns("id", "match", "statement_line"),
            match_guards.lines_first(),
            match_guards.not_ignored(),
            match_guards.ends_with_match(),
        ]

    def __str__(self) -> str:
        return f"{self.statement_line_id} in {self.match_id}"


class MatchBookLine(models.Model):
    """A ledger line in a match. No line stands in two live matches: the database sees to it."""

    id = models.BigAutoField(primary_key=True)
    match = models.ForeignKey(Match, on_delete=models.PROTECT, related_name="book_lines")
    ledger_line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="in_matches")
    live = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["ledger_line"], condition=models.Q(live=True), name="ledger_line_matched_once"
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("line of a match"),
            guards.frozen_columns("id", "match", "ledger_line"),
            match_guards.lines_first(),
            match_guards.ends_with_match(),
        ]

    def __str__(self) -> str:
        return f"{self.ledger_line_id} in {self.match_id}"
