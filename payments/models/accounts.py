"""Where payments may go: accounts at processors, and the table that routes to them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from reconciliation.models import BankAccount


class RoutingTable(models.Model):
    """Which gateway takes which payment, from a date on: versioned data that `payments.routing` reads."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="rte")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    rules = models.JSONField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "number"], name="one_routing_table_per_number")
        ]
        triggers: ClassVar = guards.append_only("routing table")

    def __str__(self) -> str:
        return f"routing v{self.number}"


class GatewayAccount(models.Model):
    """An organization's account at a processor: its settings, its webhook secret (sealed), where payouts land."""

    ACCESS: ClassVar = Access(
        operator="organization_id",
        reader="organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="gwa")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    gateway = models.CharField(max_length=20)
    merchant = models.CharField(max_length=80, help_text="The account's name at the processor.")
    bank_account = models.ForeignKey(
        BankAccount,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Where its payouts land.",
    )
    webhook_secret_sealed = models.TextField(editable=False)
    credentials_sealed = models.TextField(editable=False, blank=True, default="")
    settings = models.JSONField(default=dict, blank=True, help_text="What else connects to it; nothing secret.")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Takes no new payments from here on.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gateway", "merchant"], name="one_account_per_merchant")
        ]
        triggers: ClassVar = [
            *guards.no_delete("gateway account"),
            guards.frozen_columns("organization", "gateway", "merchant"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.merchant}"
