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


def deliveries_listed(state: str = "", endpoint_id: str = "") -> QuerySet[Delivery]:
    """Deliveries in one state, to one endpoint, or all."""
    rows = Delivery.objects.select_related("endpoint", "event")
    rows = rows.filter(state=state) if state else rows
    return rows.filter(endpoint_id=endpoint_id) if endpoint_id else rows


def delivery(actor: Actor, delivery_id: str) -> Delivery:
    """One delivery with its tries. Raises: NotFound."""
    rows = Delivery.objects.select_related("endpoint", "event").prefetch_related("tries")
    return access.get(actor, rows, delivery_id)
