"""Statement lines that need no partner in the books."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models import match_guards
from reconciliation.models.banks import BankAccount
from reconciliation.models.statements import StatementLine


class IgnoredLine(models.Model):
    """A statement line set aside: no partner is looked for. The balance proof goes on naming it."""

    ACCESS: ClassVar = Access(
        operator="bank_account__organization_id",
        reader="bank_account__organization_id",
        permission=Permission.RECONCILIATION_READ,
    )

    id = IdField(prefix="igl")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="ignored_lines")
    statement_line = models.ForeignKey(StatementLine, on_delete=models.PROTECT, related_name="ignored")
    reason = models.CharField(max_length=300)
    ignored_by = models.CharField(max_length=40)
    ignored_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=40, blank=True)
    ended_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["statement_line"], condition=models.Q(ended_at__isnull=True), name="bank_line_ignored_once"
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("ignored line"),
            guards.frozen_columns("bank_account", "statement_line", "reason", "ignored_by", "ignored_at"),
            match_guards.ended_once(),
            match_guards.not_matched(),
        ]

    def __str__(self) -> str:
        return f"{self.statement_line_id}: {self.reason}"
