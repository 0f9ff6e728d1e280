"""Standing orders to collect: a policy's invoices are charged on their due date."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from policies.models import Policy


class Autopay(models.Model):
    """The method that pays a policy's invoices when they fall due, until it is ended."""

    ACCESS: ClassVar = Access(
        operator="policy__operator_id",
        reader="policy__operator_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="aut")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="autopays")
    method = models.CharField(max_length=10, help_text="card or ach")
    token = models.CharField(max_length=120, help_text="The processor's token for the method; never a number.")
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["policy"], condition=models.Q(ended_at__isnull=True), name="one_autopay_per_policy"
            )
        ]
        triggers: ClassVar = [
            *guards.no_delete("autopay"),
            guards.frozen_columns("policy", "method", "token", "created_at"),
        ]

    def __str__(self) -> str:
        return f"{self.method} for {self.policy_id}"
