"""Books, accounts, entries and lines. The database itself refuses what must not happen.

Signed lines, debit positive, never zero. An entry and all its lines are written by one statement of one transaction;
afterwards neither can be changed, removed or added to. Corrections are reversals that name what they reverse.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.ledger import guards as ledger_guards


class Book(models.Model):
    """One organization's books. Its row orders postings against the sealing of a period."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.LEDGER_READ,
    )

    id = IdField(prefix="bok")
    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="book")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        triggers: ClassVar = guards.append_only("book")

    def __str__(self) -> str:
        return f"books of {self.organization}"


class Fund(models.TextChoices):
    """Whose money an account counts. Fiduciary money is never ours."""

    TRUST = "trust", "Trust (fiduciary)"
    OPERATING = "operating", "Operating"


class AccountType(models.TextChoices):
    ASSET = "asset", "Asset"
    LIABILITY = "liability", "Liability"
    INCOME = "income", "Income"
    EXPENSE = "expense", "Expense"


class Account(models.Model):
    """One account of a book: a code of the chart, one currency, and the owner it is kept for, if any."""

    ACCESS: ClassVar = Access(
        operator="book__organization_id",
        reader="book__organization_id",
        permission=Permission.LEDGER_READ,
    )

    id = models.BigAutoField(primary_key=True)
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="accounts", db_index=False)
    code = models.CharField(max_length=40)
    type = models.CharField(max_length=10, choices=AccountType.choices)
    fund = models.CharField(max_length=10, choices=Fund.choices)
    currency = models.CharField(max_length=3)
    owner = models.CharField(
        max_length=60,
        blank=True,
        help_text="Organization id, state, or bank account; opaque.",
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["code", "owner"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["book", "code", "currency", "owner"],
                name="one_account_per_code_and_owner",
            )
        ]
        triggers: ClassVar = guards.append_only("account")

    def __str__(self) -> str:
        return f"{self.code} {self.owner}".strip()


class Entry(models.Model):
    """One balanced posting. (source, kind) is posted once, whoever asks again."""

    ACCESS: ClassVar = Access(
        operator="book__organization_id",
        reader="book__organization_id",
        permission=Permission.LEDGER_READ,
    )

    id = IdField(prefix="ent")
    book = models.ForeignKey(
        Book,
        on_delete=models.PROTECT,
        related_name="entries",
        db_constraint=False,
        db_index=False,
    )
    posted_on = models.DateField(help_text="The accounting date.")
    source_id = models.CharField(max_length=40, db_collation="C", help_text="What caused it, opaque here.")
    kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=40, blank=True, db_collation="C", help_text="The policy, if any.")
    memo = models.CharField(max_length=300, blank=True)
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "entries"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source_id", "kind"], name="one_entry_per_source_and_kind")
        ]
        indexes: ClassVar = [
            models.Index(fields=["book", "id"], name="entry_by_book"),
            models.Index(
                fields=["subject_id", "id"],
                name="entry_by_subject",
                condition=~models.Q(subject_id=""),
            ),
        ]
        triggers: ClassVar = [
            *guards.append_only("ledger entry"),
            ledger_guards.entry_stands(),
            ledger_guards.floor_stands(),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source_id}"


class Line(models.Model):
    """One side of an entry: signed minor units, debit positive, never zero."""

    ACCESS: ClassVar = Access(
        operator="entry__book__organization_id",
        reader="entry__book__organization_id",
        permission=Permission.LEDGER_READ,
    )

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="lines",
        db_constraint=False,
        db_index=False,
    )
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="lines",
        db_constraint=False,
        db_index=False,
    )
    posted_on = models.DateField(help_text="The entry's date, kept here for balances at a date.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reference = models.CharField(
        max_length=80,
        blank=True,
        help_text="What a statement would show, for matching.",
    )

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(amount_minor=0), name="line_is_never_zero"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["entry"],
                name="line_by_entry",
                include=["amount_minor", "currency"],
            ),
            models.Index(
                fields=["account", "posted_on"],
                name="line_by_account",
                include=["amount_minor"],
            ),
        ]
        triggers: ClassVar = [
            *guards.append_only("ledger line"),
            ledger_guards.lines_belong(),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class Snapshot(models.Model):
    """A sealed set of balances: nothing may be posted on or before its day any more, until the seal is lifted."""

    ACCESS: ClassVar = Access(
        operator="book__organization_id",
        reader="book__organization_id",
        permission=Permission.LEDGER_READ,
    )

    id = IdField(prefix="snp")
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="snapshots", db_index=False)
    as_of = models.DateField()
    created_at = models.DateTimeField(default=clock.now)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-as_of"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["book", "as_of"], condition=models.Q(lifted_at__isnull=True), name="one_snapshot_per_day"
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("snapshot"),
            ledger_guards.only_lifted(),
            ledger_guards.sealed_alone(),
        ]

    def __str__(self) -> str:
        return f"sealed through {self.as_of}"


class SnapshotBalance(models.Model):
    """One account's balance at the end of a snapshot's day."""

    id = models.BigAutoField(primary_key=True)
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="balances")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    balance_minor = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "snapshot"], name="one_balance_per_snapshot")
        ]
        triggers: ClassVar = guards.append_only("snapshot balance")

    def __str__(self) -> str:
        return f"{self.account_id}: {self.balance_minor}"
