"""Lines of the bank and of the books that are the same money."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.ledger.models import Line
from reconciliation.models.banks import BankAccount
from reconciliation.models.statements import StatementLine

READ = Permission.RECONCILIATION_READ


class Match(models.Model):
    """One bank line and one ledger line that are the same money, with why. Undone, it stays as history."""

    ACCESS: ClassVar = Access(
        operator="bank_account__organization_id",
        reader="bank_account__organization_id",
        permission=READ,
    )

    id = IdField(prefix="mat")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="matches")
    statement_line = models.ForeignKey(StatementLine, on_delete=models.PROTECT, related_name="matches")
    ledger_line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="matches")
    stage = models.CharField(max_length=40)
    score = models.PositiveIntegerField(help_text="0 to 1,000.")
    reason = models.TextField()
    inputs = models.JSONField(default=dict)
    rule_version = models.CharField(max_length=40)
    matched_at = models.DateTimeField(default=clock.now)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "matches"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["statement_line"],
                condition=models.Q(undone_at__isnull=True),
                name="bank_line_matched_once",
            ),
            models.UniqueConstraint(
                fields=["ledger_line"],
                condition=models.Q(undone_at__isnull=True),
                name="ledger_line_matched_once",
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("match"),
            guards.frozen_columns(
                "bank_account",
                "statement_line",
                "ledger_line",
                "stage",
                "score",
                "reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.statement_line_id} = {self.ledger_line_id}"
