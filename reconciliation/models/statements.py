"""Bank statements: files, days and lines."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models.banks import BankAccount
from reconciliation.models.columns import ColumnMap

READ = Permission.RECONCILIATION_READ


class StatementImport(models.Model):
    """One uploaded file, kept raw. The same content is imported once; what does not tie is quarantined with reasons.

    A CSV is read by a column map and, where it has no balances, with those a person gave: `reading` is their digest,
    so that a file set aside because of a wrong map may be read again with a better one.
    """

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
    column_map = models.ForeignKey(
        ColumnMap, null=True, blank=True, on_delete=models.PROTECT, related_name="imports", help_text="Of a CSV."
    )
    given = models.JSONField(default=dict, blank=True, help_text="The balances and day a person typed for a CSV.")
    reading = models.CharField(max_length=64, blank=True, db_collation="C", help_text="Digest of map and given.")
    state = models.CharField(max_length=12, choices=State.choices)
    problems = models.JSONField(default=list, help_text="line, column, code, message.")
    line_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "content_sha256", "reading"],
                name="one_statement_per_reading",
            ),
            models.UniqueConstraint(
                fields=["organization", "content_sha256"],
                condition=models.Q(state="imported"),
                name="one_statement_per_content",
            ),
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
    payer = models.CharField(max_length=140, blank=True, help_text="The other party, where the bank names it apart.")
    text = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["statement", "position"]
        triggers: ClassVar = guards.append_only("statement line")

    def __str__(self) -> str:
        return f"{self.posted_on} {self.amount_minor} {self.currency}"
