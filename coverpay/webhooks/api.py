"""Webhook endpoints and deliveries under /v1."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance.permissions import Permission
from compliance.resources import Asked, Rows, Shown, acts, creates, edits
from coverpay.webhooks import deliveries, endpoints
from coverpay.webhooks.endpoints import IssuedEndpoint
from coverpay.webhooks.models import Delivery, DeliveryTry, Endpoint


class EndpointShown(Shown):
    class Meta:
        model = Endpoint
        fields: ClassVar = [
            "id",
            "url",
            "description",
            "event_types",
            "created_at",
            "previous_secret_until",
            "disabled_at",
            "disabled_reason",
        ]


class IssuedEndpointShown(EndpointShown):
    secret = serializers.CharField(read_only=True, help_text="Verifies signatures; in this answer only, keep it now.")

    class Meta:
        model = Endpoint
        fields: ClassVar = [*EndpointShown.Meta.fields, "secret"]

    def to_representation(self, instance: IssuedEndpoint) -> dict[str, Any]:
        return {**EndpointShown(instance.endpoint).data, "secret": instance.secret}


class NewEndpoint(Asked):
    url = serializers.CharField(max_length=500, help_text="A public https address.")
    description = serializers.CharField(max_length=160, required=False, allow_blank=True)
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, help_text="None: every event."
    )


class NewSecret(Asked):
    overlap_hours = serializers.IntegerField(
        required=False, help_text="How long the old secret signs too; 24 if unsaid."
    )


class WhyDisabled(Asked):
    reason = serializers.CharField(max_length=160, required=False, allow_blank=True)


class Endpoints(Rows):
    """Where the organization hears of events."""

    queryset = Endpoint.objects.all()
    serializer_class = EndpointShown
    reads = Permission.WEBHOOKS_READ
    writes = Permission.WEBHOOKS_WRITE

    @creates(NewEndpoint, gives=IssuedEndpointShown)
    def create(self, asked: dict[str, Any]) -> IssuedEndpoint:
        """Open an endpoint; its signing secret is in this answer and nowhere else."""
        return endpoints.create(**asked, actor=self.actor)

    @edits(NewEndpoint)
    def partial_update(self, id: str, asked: dict[str, Any]) -> Endpoint:
        """Change the address, the description or the event types."""
        return endpoints.update(endpoint_id=id, **asked, actor=self.actor)

    @acts(NewSecret, gives=IssuedEndpointShown)
    def rotate_secret(self, id: str, asked: dict[str, Any]) -> IssuedEndpoint:
        """Make a new signing secret; the old one signs too until the overlap ends."""
        return endpoints.rotate_secret(endpoint_id=id, **asked, actor=self.actor)

    @acts(WhyDisabled)
    def disable(self, id: str, asked: dict[str, Any]) -> Endpoint:
        """Stop sending to it."""
        return endpoints.disable(endpoint_id=id, **asked, actor=self.actor)

    @acts()
    def enable(self, id: str, asked: dict[str, Any]) -> Endpoint:
        """Send to it again, first what is still due."""
        return endpoints.enable(endpoint_id=id, actor=self.actor)


class TryShown(Shown):
    class Meta:
        model = DeliveryTry
        fields: ClassVar = ["number", "at", "status", "error", "response", "milliseconds"]


class DeliveryShown(Shown):
    event_type = serializers.CharField(source="event.type", read_only=True)
    tries = TryShown(many=True, read_only=True)

    class Meta:
        model = Delivery
        fields: ClassVar = [
            "id",
            "endpoint",
            "event",
            "event_type",
            "state",
            "try_count",
            "next_try_at",
            "delivered_at",
            "created_at",
            "tries",
        ]


class Deliveries(Rows):
    """Events owed to endpoints, with every try."""

    queryset = Delivery.objects.select_related("event").prefetch_related("tries")
    serializer_class = DeliveryShown
    filterset_fields: ClassVar = ["endpoint", "event", "state"]
    reads = Permission.WEBHOOKS_READ
    writes = Permission.WEBHOOKS_WRITE

    @acts()
    def retry(self, id: str, asked: dict[str, Any]) -> Delivery:
        """Try it now, once more if it was given up."""
        return deliveries.retry(delivery_id=id, actor=self.actor)


routes = [
    ("webhook-endpoints", Endpoints),
    ("webhook-deliveries", Deliveries),
]
