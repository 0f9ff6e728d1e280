"""Billing accounts: one payor, one or many policies, one bill or several."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.models.access import THROUGH_POLICY
from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Party, Policy


class BillingAccount(models.Model):
    """Who pays, and how the bill comes: an invoice a policy, one bill across policies, or a list bill by member."""

    class Mode(models.TextChoices):
        SEPARATE = "separate", "An invoice for each policy"
        ACCOUNT_BILL = "account_bill", "One bill across policies"
        LIST_BILL = "list_bill", "List bill by member"

    ACCESS: ClassVar = Access(
        operator="operator_id",
        reader="operator_id",
        permission=Permission.BILLING_READ,
    )

    id = IdField(prefix="bac")
    operator = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    number = models.CharField(max_length=40)
    payor = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="billing_accounts")
    mode = models.CharField(max_length=14, choices=Mode.choices, default=Mode.SEPARATE)
    due_day = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Day of month, 1 to 31.")
    currency = models.CharField(max_length=3, default="USD")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["operator", "number"], name="one_billing_account_per_number"),
            models.CheckConstraint(
                condition=models.Q(due_day__isnull=True) | models.Q(due_day__range=(1, 31)), name="due_day_of_a_month"
            ),
        ]
        triggers: ClassVar = [
            *guards.no_delete("billing account"),
            guards.frozen_columns("operator", "number", "currency"),
        ]

    def __str__(self) -> str:
        return self.number


class PayorShare(models.Model):
    """The part of a policy's charges that a billing account pays from a day on. A later set of shares replaces it."""

    ACCESS: ClassVar = THROUGH_POLICY

    id = IdField(prefix="psh")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="payor_shares")
    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="shares")
    share_ppm = models.PositiveIntegerField(help_text="Parts per million; the shares of a policy sum to 1,000,000.")
    ended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["policy", "account"], condition=models.Q(ended_at__isnull=True), name="one_share_per_account"
            ),
            models.CheckConstraint(condition=models.Q(share_ppm__range=(1, 1_000_000)), name="share_of_a_whole"),
        ]
        triggers: ClassVar = [
            *guards.no_delete("payor share"),
            guards.frozen_columns("policy", "account", "share_ppm", "created_at"),
        ]

    def __str__(self) -> str:
        return f"{self.account} pays {self.share_ppm} ppm"


class AccountBill(models.Model):
    """One bill across the policies of an account: it groups an invoice of each, all due on one day."""

    ACCESS: ClassVar = Access(
        operator="account__operator_id",
        reader="account__operator_id",
        permission=Permission.BILLING_READ,
    )

    id = IdField(prefix="abl")
    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="bills")
    number = models.CharField(max_length=60)
    currency = models.CharField(max_length=3)
    issued_on = models.DateField()
    due_on = models.DateField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "number"], name="one_account_bill_per_number")
        ]
        triggers: ClassVar = guards.append_only("account bill")

    def __str__(self) -> str:
        return self.number
