"""Endpoints of integrations, and the deliveries due to them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from compliance.access import Access
from compliance.models import EventRecord, Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField


class Endpoint(models.Model):
    """Where an organization wants to hear of events. The signing secret is sealed and shown once."""

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=Permission.WEBHOOKS_READ)

    id = IdField(prefix="whe")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    url = models.URLField(max_length=500)
    description = models.CharField(max_length=160, blank=True)
    event_types = ArrayField(models.CharField(max_length=60), default=list, help_text="Empty: every event.")
    secret_sealed = models.TextField(editable=False)
    created_at = models.DateTimeField(default=clock.now)
    disabled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        triggers: ClassVar = guards.no_delete("endpoint")

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One event owed to one endpoint. Due until delivered, or given up after the last try."""

    class State(models.TextChoices):
        DUE = "due", "Due"
        DELIVERED = "delivered", "Delivered"
        GIVEN_UP = "given_up", "Given up"

    ACCESS: ClassVar = Access(
        operator="endpoint__organization_id",
        reader="endpoint__organization_id",
        permission=Permission.WEBHOOKS_READ,
    )

    id = IdField(prefix="dlv")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="deliveries")
    event = models.ForeignKey(EventRecord, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DUE)
    try_count = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=clock.now)
    delivered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="one_delivery_per_endpoint")
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_try_at"], name="delivery_due", condition=models.Q(state="due"))
        ]
        triggers: ClassVar = [
            *guards.no_delete("delivery"),
            guards.first_state("state", "due"),
            guards.legal_jumps("state", [("due", "delivered"), ("due", "given_up"), ("given_up", "due")]),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.endpoint_id}"


class DeliveryTry(models.Model):
    """One request we made for a delivery, and what came back."""

    id = IdField(prefix="dtr")
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveIntegerField()
    at = models.DateTimeField(default=clock.now)
    status = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    response = models.CharField(max_length=500, blank=True, help_text="The first characters of the answer.")
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "delivery tries"
        ordering: ClassVar = ["id"]
        triggers: ClassVar = guards.append_only("delivery try")

    def __str__(self) -> str:
        return f"try {self.number}: {self.status or self.error}"
