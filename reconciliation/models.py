"""Bank accounts, statements, matches and breaks; the ledger's tables live in `reconciliation.ledger.models`."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.ledger.models import (
    Account,
    Book,
    Entry,
    Line,
    Snapshot,
    SnapshotBalance,
)

READ = Permission.RECONCILIATION_READ


class BankAccount(models.Model):
    """An account at a bank, and the ledger account that mirrors it. Its row is the lock of matching."""

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=READ)

    id = IdField(prefix="bnk")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="bank_accounts")
    name = models.CharField(max_length=120)
    bank_id = models.CharField(max_length=40, help_text="Routing number or BIC as statements show it.")
    account_mark = models.CharField(
        max_length=40,
        help_text="The account as statements show it, e.g. the last digits.",
    )
    currency = models.CharField(max_length=3)
    ledger_account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="bank_account")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "bank_id", "account_mark"],
                name="one_bank_account",
            )
        ]
        triggers: ClassVar = guards.no_delete("bank account")

    def __str__(self) -> str:
        return self.name


class StatementImport(models.Model):
    """One uploaded file, kept raw. The same content is imported once; what does not tie is quarantined with reasons."""

    class State(models.TextChoices):
        IMPORTED = "imported", "Imported"
        QUARANTINED = "quarantined", "Quarantined"

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=READ)

    id = IdField(prefix="sti")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=200)
    format = models.CharField(max_length=12, blank=True)
    content_sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    state = models.CharField(max_length=12, choices=State.choices)
    problems = models.JSONField(default=list, help_text="line, column, code, message.")
    line_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "content_sha256"],
                name="one_statement_per_content",
            )
        ]
        triggers: ClassVar = guards.append_only("statement import")

    def __str__(self) -> str:
        return self.file_name


class Statement(models.Model):
    """One account's day: opening + lines = closing, or it would not be here."""

    ACCESS: ClassVar = Access(
        operator="bank_account__organization_id",
        reader="bank_account__organization_id",
        permission=READ,
    )

    id = IdField(prefix="stm")
    source = models.ForeignKey(StatementImport, on_delete=models.PROTECT, related_name="statements")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="statements")
    as_of = models.DateField()
    currency = models.CharField(max_length=3)
    opening_minor = models.BigIntegerField()
    closing_minor = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["-as_of", "-id"]
        triggers: ClassVar = guards.append_only("statement")

    def __str__(self) -> str:
        return f"{self.bank_account} {self.as_of}"


class StatementLine(models.Model):
    """One movement at the bank; positive came in."""

    ACCESS: ClassVar = Access(
        operator="statement__bank_account__organization_id",
        reader="statement__bank_account__organization_id",
        permission=READ,
    )

    id = IdField(prefix="stl")
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField(help_text="Line in the file.")
    posted_on = models.DateField()
    value_on = models.DateField(null=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    type_code = models.CharField(max_length=12, blank=True)
    bank_reference = models.CharField(max_length=120, blank=True)
    customer_reference = models.CharField(max_length=120, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["statement", "position"]
        triggers: ClassVar = guards.append_only("statement line")

    def __str__(self) -> str:
        return f"{self.posted_on} {self.amount_minor} {self.currency}"


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


class Break(models.Model):
    """Something that does not tie and waits for a person: a line without partner, a wrong amount, several answers."""

    class Kind(models.TextChoices):
        BANK_ONLY = "bank_only", "On the bank statement only"
        BOOKS_ONLY = "books_only", "In the books only"
        AMOUNT_DIFFERS = "amount_differs", "Amount differs"
        AMBIGUOUS = "ambiguous", "Several equal answers"
        GATEWAY_AMOUNT = "gateway_amount", "Processor reported another amount"
        GATEWAY_CONTRADICTS = (
            "gateway_contradicts",
            "Processor contradicts what it said before",
        )
        PAYOUT_UNKNOWN_CHARGE = (
            "payout_unknown_charge",
            "Payout names a charge we do not know",
        )

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

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


__all__ = [
    "Account",
    "BankAccount",
    "Book",
    "Break",
    "Entry",
    "Line",
    "Match",
    "Snapshot",
    "SnapshotBalance",
    "Statement",
    "StatementImport",
    "StatementLine",
]
