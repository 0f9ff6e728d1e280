"""What the relay does when a public event was recorded."""

from __future__ import annotations

from django.db.models import Q

from compliance.events import EventRecorded
from coverpay.kernel import jobs
from coverpay.webhooks.models import Delivery, Endpoint


def plan_deliveries(event: EventRecorded) -> None:
    """Owe the event to every enabled endpoint of its organization that wants its type."""
    wants_it = Q(event_types=[]) | Q(event_types__contains=[event.type])
    endpoints = Endpoint.objects.filter(wants_it, organization_id=event.organization_id, disabled_at=None)
    due = [Delivery(endpoint=endpoint, event_id=event.event_id) for endpoint in endpoints]
    Delivery.objects.bulk_create(due)
    for delivery in due:
        jobs.wake("webhooks.deliver", delivery.id)
