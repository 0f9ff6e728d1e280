"""The journal handed to an accounting system: which account goes where, and every batch, once."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.ledger.models import Book, Entry


class AccountMapping(models.Model):
    """Which account of an accounting system takes what of ours, from a date on; `reconciliation.export` reads it."""

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=Permission.LEDGER_READ)

    id = IdField(prefix="amp")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    system = models.SlugField(max_length=40, help_text="Our name of the accounting system, such as quickbooks.")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    spec = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "system", "number"], name="one_account_mapping_per_number")
        ]
        triggers: ClassVar = guards.append_only("account mapping")

    def __str__(self) -> str:
        return f"{self.system} v{self.number}"


BATCH_JUMPS = [("built", "acknowledged"), ("built", "withdrawn")]
_ENTRIES_END = """
UPDATE reconciliation_exportedentry SET live = false WHERE batch_id = NEW.id AND live;
RETURN NULL;
"""


class ExportBatch(FSMModelMixin, models.Model):
    """Entries handed over together. Asked for again, it is the same; withdrawn, its entries go with the next one."""

    class State(models.TextChoices):
        BUILT = "built", "Built"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        WITHDRAWN = "withdrawn", "Withdrawn"

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=Permission.LEDGER_READ)

    id = IdField(prefix="xpb")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+")
    mapping = models.ForeignKey(AccountMapping, on_delete=models.PROTECT, related_name="batches")
    system = models.SlugField(max_length=40)
    format = models.CharField(max_length=20)
    summary = models.BooleanField(default=False, help_text="One journal a day instead of one an entry.")
    from_on = models.DateField()
    to_on = models.DateField()
    entry_count = models.PositiveIntegerField()
    line_count = models.PositiveIntegerField(help_text="Lines of the files.")
    debit_minor = models.BigIntegerField(help_text="Debits of the files; credits are the same.")
    currency = models.CharField(max_length=3)
    files = models.JSONField(help_text="Each: name and content.")
    content_hash = models.CharField(max_length=64, db_collation="C")
    state = FSMField(default=State.BUILT, choices=State.choices, protected=True)
    external_reference = models.CharField(
        max_length=120, blank=True, help_text="What the accounting system made of it."
    )
    decided_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "export batches"
        triggers: ClassVar = [
            *guards.no_delete("export batch"),
            guards.first_state("state", "built"),
            guards.legal_jumps("state", BATCH_JUMPS),
            guards.frozen_columns(
                "organization", "book", "mapping", "system", "format", "summary", "from_on", "to_on", "files",
                "content_hash", "currency",
            ),
            pgtrigger.Trigger(
                name="entries_end",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("state"),
                condition=pgtrigger.Q(new__state="withdrawn"),
                func=_ENTRIES_END,
            ),
        ]  # fmt: skip

    @transition(field=state, source=State.BUILT, target=State.ACKNOWLEDGED)
    def acknowledge(self) -> None:
        """The accounting system has it."""

    @transition(field=state, source=State.BUILT, target=State.WITHDRAWN)
    def withdraw(self) -> None:
        """It was not taken in; its entries wait for another batch."""

    def __str__(self) -> str:
        return f"{self.system} {self.from_on} to {self.to_on}"


class ExportedEntry(models.Model):
    """An entry in a batch. No entry stands in two live batches of one system: the database sees to it."""

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(ExportBatch, on_delete=models.PROTECT, related_name="entries")
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    system = models.SlugField(max_length=40, db_index=False)
    currency = models.CharField(max_length=3)
    live = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entry", "system", "currency"], condition=models.Q(live=True), name="one_export_per_system"
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("exported entry"),
            guards.frozen_columns("batch", "entry", "system", "currency"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} in {self.batch_id}"
