"""Breaks of the bank side that were settled by a posting."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models import BankAccount, Break, Match


class BreakResolution(models.Model):
    """How a break was resolved: what was posted, and the match that it made possible. It is never changed."""

    class Way(models.TextChoices):
        BANK_FEE = "bank_fee", "Bank fee"
        MERCHANT_FEE = "merchant_fee", "Fee of the processor"
        INTEREST = "interest", "Interest credited"
        RETURNED_ITEM = "returned_item", "Deposited item returned"
        SUSPENSE = "suspense", "Unidentified deposit"

    ACCESS: ClassVar = Access(
        operator="organization_id", reader="organization_id", permission=Permission.RECONCILIATION_READ
    )

    id = IdField(prefix="brs")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    about = models.OneToOneField(Break, on_delete=models.PROTECT, related_name="resolution")
    way = models.CharField(max_length=16, choices=Way.choices)
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="+")
    amount_minor = models.BigIntegerField(help_text="Signed: what it adds to the account in the books.")
    currency = models.CharField(max_length=3)
    posted_on = models.DateField()
    bears = models.CharField(
        max_length=60, blank=True, db_collation="C", help_text="The processor account whose fee it is."
    )
    made_id = models.CharField(
        max_length=40, blank=True, db_collation="C",
        help_text="The trust movement, suspense item or deposit item that posted; empty where it posted itself.",
    )  # fmt: skip
    match = models.ForeignKey(Match, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    resolved_by = models.CharField(max_length=40, db_collation="C")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(amount_minor=0), name="resolution_moves_money")
        ]
        triggers: ClassVar = guards.append_only("resolution of a break")

    def __str__(self) -> str:
        return f"{self.way} {self.about_id}"
