"""What a bank announced before it stood on a statement."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models.banks import BankAccount
from reconciliation.models.statements import StatementImport, StatementLine

ANNOUNCEMENT_JUMPS = [("announced", "settled"), ("announced", "dismissed"), ("dismissed", "settled")]


class Announcement(FSMModelMixin, models.Model):
    """A movement that a notification (camt.054) told of. No balance proves it, and it is never matched.

    The statement line that brings it, found by the bank's own reference and the amount, settles it.
    """

    class State(models.TextChoices):
        ANNOUNCED = "announced", "Announced"
        SETTLED = "settled", "On a statement"
        DISMISSED = "dismissed", "Dismissed"

    ACCESS: ClassVar = Access(
        operator="bank_account__organization_id",
        reader="bank_account__organization_id",
        permission=Permission.RECONCILIATION_READ,
    )

    id = IdField(prefix="ann")
    source = models.ForeignKey(StatementImport, on_delete=models.PROTECT, related_name="announcements")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="announcements")
    position = models.PositiveIntegerField(help_text="Line in the file.")
    posted_on = models.DateField()
    value_on = models.DateField(null=True, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    type_code = models.CharField(max_length=12, blank=True)
    bank_reference = models.CharField(max_length=120, blank=True, help_text="The bank's own reference of the entry.")
    customer_reference = models.CharField(max_length=120, blank=True)
    text = models.TextField(blank=True)
    is_booked = models.BooleanField(help_text="False: the bank itself says that it is pending.")
    state = FSMField(default=State.ANNOUNCED, choices=State.choices, protected=True)
    line = models.OneToOneField(
        StatementLine, null=True, blank=True, on_delete=models.PROTECT, related_name="announcement"
    )
    dismissed_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state="settled", line__isnull=False)
                | (~models.Q(state="settled") & models.Q(line__isnull=True)),
                name="settled_by_a_line",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["bank_account", "posted_on"],
                name="announcement_waits",
                condition=models.Q(state="announced"),
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("announcement"),
            guards.first_state("state", "announced"),
            guards.legal_jumps("state", ANNOUNCEMENT_JUMPS),
            guards.frozen_columns(
                "source", "bank_account", "position", "posted_on", "amount_minor", "currency", "bank_reference"
            ),
        ]

    @transition(field=state, source=[State.ANNOUNCED, State.DISMISSED], target=State.SETTLED)
    def settle(self) -> None:
        """The statement brought it."""

    @transition(field=state, source=State.ANNOUNCED, target=State.DISMISSED)
    def dismiss(self) -> None:
        """A person found that it will not come."""

    def __str__(self) -> str:
        return f"{self.posted_on} {self.amount_minor} {self.currency}"
