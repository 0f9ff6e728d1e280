"""Reads of endpoints and deliveries for pages."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from compliance import access
from coverpay.kernel.actors import Actor
from coverpay.webhooks.models import Delivery, Endpoint


def endpoints_of(actor: Actor) -> QuerySet[Endpoint]:
    """The organization's endpoints, newest first, with how many deliveries are due and given up."""
    rows = Endpoint.objects.select_related("organization").annotate(
        due_count=Count("deliveries", filter=Q(deliveries__state=Delivery.State.DUE)),
        given_up_count=Count("deliveries", filter=Q(deliveries__state=Delivery.State.GIVEN_UP)),
    )
    return access.visible(actor, rows).order_by("-id")


def failing(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Keep the deliveries that were tried and did not arrive: due again, or given up."""
    return rows.filter(Q(state=Delivery.State.GIVEN_UP) | Q(state=Delivery.State.DUE, try_count__gt=0))


def deliveries_listed(show: str = "", endpoint_id: str = "") -> QuerySet[Delivery]:
    """Deliveries in one state or failing, to one endpoint, or all."""
    rows = Delivery.objects.select_related("endpoint", "event")
    if show:
        rows = failing(rows) if show == "failing" else rows.filter(state=show)
    return rows.filter(endpoint_id=endpoint_id) if endpoint_id else rows


def delivery(actor: Actor, delivery_id: str) -> Delivery:
    """One delivery with its tries. Raises: NotFound."""
    rows = Delivery.objects.select_related("endpoint", "event").prefetch_related("tries")
    return access.get(actor, rows, delivery_id)
