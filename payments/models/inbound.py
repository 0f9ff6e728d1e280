"""What gateways tell us."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.access import Access
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField
from payments.models.accounts import GatewayAccount


class InboundEvent(models.Model):
    """A gateway's webhook, verified and stored raw before anything acts on it."""

    ACCESS: ClassVar = Access(
        operator="account__organization_id",
        reader="account__organization_id",
        permission=Permission.PAYMENTS_READ,
    )

    class State(models.TextChoices):
        RECEIVED = "received", "Received"
        PROCESSED = "processed", "Processed"
        QUARANTINED = "quarantined", "Quarantined"

    id = IdField(prefix="inb")
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, related_name="+")
    external_id = models.CharField(max_length=120)
    body = models.BinaryField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.RECEIVED)
    result = models.CharField(max_length=300, blank=True)
    received_at = models.DateTimeField(default=clock.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "external_id"],
                name="one_inbound_event_per_external_id",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="inbound_due", condition=models.Q(state="received")),
        ]
        triggers: ClassVar = [
            *guards.no_delete("inbound event"),
            guards.frozen_columns("account", "external_id", "body", "received_at"),
            guards.legal_jumps("state", [("received", "processed"), ("received", "quarantined")]),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.external_id}"
