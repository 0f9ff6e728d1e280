"""What the relay does when a public event was recorded."""

from __future__ import annotations

from compliance.events import EventRecorded, EventsRecorded
from coverpay.kernel import clock, commands, copying, ids, jobs
from coverpay.webhooks.models import Delivery, Endpoint


def plan_deliveries(event: EventRecorded) -> None:
    """Owe the event to every enabled endpoint of its organization that wants its type."""
    mine = Endpoint.objects.filter(organization_id=event.organization_id, disabled_at=None)
    endpoints = commands.once(("endpoints", event.organization_id), lambda: list(mine))
    wanting = [each for each in endpoints if not each.event_types or event.type in each.event_types]
    due = [Delivery(endpoint=endpoint, event_id=event.event_id) for endpoint in wanting]
    Delivery.objects.bulk_create(due)
    for delivery in due:
        jobs.wake("webhooks.deliver", delivery.id)


def plan_many_deliveries(event: EventsRecorded) -> None:
    """Owe many events at once; one wake-up of the sweep sends them all."""
    wanted = {told.organization_id for told in event.events}
    endpoints = list(Endpoint.objects.filter(organization_id__in=wanted, disabled_at=None).order_by("id"))
    owed = [
        (endpoint.id, told.event_id)
        for told in event.events
        for endpoint in endpoints
        if endpoint.organization_id == told.organization_id
        and (not endpoint.event_types or told.type in endpoint.event_types)
    ]
    if not owed:
        return
    now = clock.now()
    copying.insert(
        Delivery,
        ("id", "endpoint_id", "event_id", "state", "try_count", "next_try_at", "delivered_at", "created_at"),
        (
            (id, endpoint_id, event_id, Delivery.State.DUE, 0, now, None, now)
            for id, (endpoint_id, event_id) in zip(ids.many("dlv", len(owed)), owed, strict=True)
        ),
    )
    jobs.wake("webhooks.sweep")
