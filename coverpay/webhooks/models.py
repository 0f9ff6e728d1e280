"""Endpoints of integrations, and the deliveries due to them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django_fsm import FSMField, FSMModelMixin, transition

from compliance.access import Access
from compliance.models import EventRecord, Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, guards
from coverpay.kernel.ids import IdField


class Endpoint(models.Model):
    """Where an organization wants to hear of events. The signing secret is sealed and shown once.

    After a rotation the secret before signs too, until `previous_secret_until`.
    """

    ACCESS: ClassVar = Access(operator="organization_id", reader="organization_id", permission=Permission.WEBHOOKS_READ)

    id = IdField(prefix="whe")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    url = models.URLField(max_length=500)
    description = models.CharField(max_length=160, blank=True)
    event_types = ArrayField(models.CharField(max_length=60), default=list, help_text="Empty: every event.")
    secret_sealed = models.TextField(editable=False)
    previous_secret_sealed = models.TextField(editable=False, blank=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=160, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["organization", "id"], name="endpoint_by_organization")]
        triggers: ClassVar = [*guards.no_delete("endpoint"), guards.frozen_columns("organization")]

    def __str__(self) -> str:
        return self.url


DELIVERY_JUMPS = [
    ("due", "delivered"),
    ("due", "given_up"),
    ("given_up", "due"),
]


class Delivery(FSMModelMixin, models.Model):
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
    state = FSMField(default=State.DUE, choices=State.choices, protected=True)
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
        indexes: ClassVar = [models.Index(fields=["next_try_at"], name="delivery_due", condition=models.Q(state="due"))]
        triggers: ClassVar = [
            *guards.no_delete("delivery"),
            guards.first_state("state", "due"),
            guards.legal_jumps("state", DELIVERY_JUMPS),
            guards.frozen_columns("endpoint", "event"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.endpoint_id}"

    @transition(field=state, source=State.DUE, target=State.DELIVERED)
    def deliver(self) -> None:
        """The receiver confirmed with 2xx."""
        self.delivered_at = clock.now()

    @transition(field=state, source=State.DUE, target=State.GIVEN_UP)
    def give_up(self) -> None:
        """The last try failed, or the endpoint is gone."""

    @transition(field=state, source=State.GIVEN_UP, target=State.DUE)
    def reopen(self) -> None:
        """A person asked for one more try."""
        self.next_try_at = clock.now()


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
        constraints: ClassVar = [models.UniqueConstraint(fields=["delivery", "number"], name="one_try_per_number")]
        triggers: ClassVar = guards.append_only("delivery try")

    def __str__(self) -> str:
        return f"try {self.number}: {self.status or self.error}"
