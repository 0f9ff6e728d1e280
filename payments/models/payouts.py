"""What processors pay out to the bank."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.accounts import GatewayAccount


class Payout(models.Model):
    """Money a processor sent to the bank: charges less refunds and fees, line by line."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="pyt")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="payouts")
    reference = models.CharField(
        max_length=80,
        help_text="The processor's own number, seen on the bank statement.",
    )
    amount_minor = models.BigIntegerField(help_text="Net: what reaches the bank.")
    currency = models.CharField(max_length=3)
    paid_on = models.DateField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "reference"], name="one_payout_per_reference")
        ]
        triggers: ClassVar = guards.append_only("payout")

    def __str__(self) -> str:
        return self.reference


class PayoutLine(models.Model):
    """One charge or refund inside a payout, gross, with the fee the processor kept for it."""

    class Kind(models.TextChoices):
        CHARGE = "charge", "Charge"
        REFUND = "refund", "Refund"
        RETURN = "return", "Return"
        DISPUTE = "dispute", "Dispute"
        DISPUTE_WON = "dispute_won", "Dispute won"
        FEE = "fee", "Fee"

    id = IdField(prefix="pyl")
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    gateway_reference = models.CharField(max_length=80)
    our_reference = models.CharField(
        max_length=40, blank=True, db_collation="C", help_text="The attempt or refund; empty: none of ours."
    )
    gross_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["our_reference", "kind"], condition=~models.Q(our_reference=""), name="paid_out_once"
            )
        ]
        triggers: ClassVar = guards.append_only("payout line")

    def __str__(self) -> str:
        return f"{self.kind} {self.gross_minor}"
