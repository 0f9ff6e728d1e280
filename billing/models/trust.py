"""Money that leaves or enters fiduciary accounts on our own account: draws, remittances, interest, repayments."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models import BankAccount

MOVEMENT_JUMPS = [("made", "undone")]


class TrustMovement(FSMModelMixin, models.Model):
    """One movement of trust money with the position it was measured against. `code` and `owner` say whose it was."""

    class Kind(models.TextChoices):
        WITHDRAWAL = "withdrawal", "Withdrawal"
        INTEREST = "interest", "Interest credited by the bank"
        REPAYMENT = "repayment", "Repaid by operating"

    class State(models.TextChoices):
        MADE = "made", "Made"
        UNDONE = "undone", "Undone"

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=Permission.LEDGER_READ)

    id = IdField(prefix="tmv")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    code = models.CharField(max_length=40, help_text="The ledger account it was drawn from, or goes to.")
    owner = models.CharField(max_length=60, blank=True, help_text="Carrier, state or ourselves.")
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, related_name="+", help_text="The fiduciary account."
    )
    operating_account = models.ForeignKey(
        BankAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Ours, where a draw goes to or a repayment comes from.",
    )  # fmt: skip
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    moved_on = models.DateField()
    reference = models.CharField(max_length=80, help_text="What the bank statement will show.")
    reason = models.CharField(max_length=300)
    permit_id = models.CharField(max_length=32, blank=True)
    cash_minor = models.BigIntegerField(default=0, help_text="In fiduciary accounts before it.")
    floor_minor = models.BigIntegerField(default=0, help_text="What had to stay after it.")
    state = FSMField(default=State.MADE, choices=State.choices, protected=True)
    undone_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="trust_movement_moves_money"),
            models.UniqueConstraint(fields=["bank_account", "reference"], name="one_trust_movement_per_reference"),
        ]
        triggers: ClassVar = [
            *guards.no_delete("trust movement"),
            guards.first_state("state", "made"),
            guards.legal_jumps("state", MOVEMENT_JUMPS),
            guards.frozen_columns(
                "organization", "kind", "code", "owner", "bank_account", "operating_account", "amount_minor",
                "currency", "moved_on", "reference", "cash_minor", "floor_minor",
            ),
        ]  # fmt: skip

    @transition(field=state, source=State.MADE, target=State.UNDONE)
    def undo(self) -> None:
        """It did not happen after all, or was wrong; the books go back."""

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
