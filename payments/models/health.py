"""Whether a processor can be relied on right now."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import guards
from coverpay.kernel.ids import IdField
from payments.models.accounts import GatewayAccount


class Breaker(models.Model):
    """The circuit breaker of one processor account, shared by all workers. Declines never count; outages do.

    Closed: `opened_at` is empty. Open until `retry_at`; then one payment tries (half open), and its end decides.
    """

    ACCESS: ClassVar = Access(
        operator="account__organization_id",
        reader="account__organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    id = IdField(prefix="cbr")
    account = models.OneToOneField(GatewayAccount, on_delete=models.PROTECT, related_name="breaker")
    failures_in_row = models.PositiveIntegerField(default=0)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_failure = models.CharField(max_length=200, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    trial_attempt_id = models.CharField(max_length=32, blank=True, help_text="The one that tries while half open.")
    times_opened = models.PositiveIntegerField(default=0)

    class Meta:
        triggers: ClassVar = [*guards.no_delete("breaker"), guards.frozen_columns("account")]

    def __str__(self) -> str:
        return f"{self.account_id}: {'open' if self.opened_at else 'closed'}"
