"""Deliveries: taken up one at a time, every try kept, tried again later and later, in the end given up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, jobs
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import IllegalTransition, NotFound
from coverpay.webhooks import endpoints, signing
from coverpay.webhooks.models import Delivery, DeliveryTry, Endpoint

BACKOFF_SECONDS = (5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200, 86_400)
"""Waits after the first failure, the second, and so on; when they are used up the delivery is given up."""

LEASE_SECONDS = 60
"""A try taken up by a process that died is due again after this; longer than any try takes."""

GONE = 410


@dataclass(frozen=True, slots=True)
class Parcel:
    """Everything one try needs, read in one go."""

    delivery_id: str
    message_id: str
    url: str
    body: bytes
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """How one try ended: a status, or why there is none."""

    status: int | None
    error: str
    response: str
    milliseconds: int

    @property
    def confirmed(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@command
def take_up(*, delivery_id: str, actor: Actor) -> Parcel | None:
    """Lease a due delivery for one try, or give None: not due, taken by another process, or its endpoint is off."""
    delivery = _locked(delivery_id)
    endpoint = delivery.endpoint
    commands.unchanged()  # a lease changes nothing that is owed; the try is what the trail keeps
    if delivery.state != Delivery.State.DUE or delivery.next_try_at > clock.now() or endpoint.disabled_at is not None:
        return None
    delivery.next_try_at = clock.now() + dt.timedelta(seconds=LEASE_SECONDS)
    delivery.save(update_fields=["next_try_at"])
    return Parcel(
        delivery_id=delivery.id,
        message_id=delivery.event_id,
        url=endpoint.url,
        body=signing.body_of(delivery.event),
        secrets=tuple(endpoints.secrets_of(endpoint)),
    )


@command
def record_try(*, delivery_id: str, tried: Tried, actor: Actor) -> Delivery:
    """Keep a try and decide what follows: delivered, due again later, or given up.

    A receiver that answers 410 wants no more: its endpoint is disabled.
    """
    delivery = _locked(delivery_id)
    before = {"state": delivery.state, "try_count": delivery.try_count}
    delivery.try_count += 1
    DeliveryTry.objects.create(
        delivery=delivery,
        number=delivery.try_count,
        status=tried.status,
        error=tried.error[:300],
        response=tried.response[:500],
        milliseconds=tried.milliseconds,
    )
    if delivery.state == Delivery.State.DUE:
        _decide(delivery, tried)
    delivery.save()
    audit.record(
        action="webhook_delivery.try",
        object_id=delivery.id,
        organization_id=delivery.endpoint.organization_id,
        before=before,
        after={"state": delivery.state, "try_count": delivery.try_count, "status": tried.status, "error": tried.error},
    )
    return delivery


def _decide(delivery: Delivery, tried: Tried) -> None:
    if tried.confirmed:
        delivery.deliver()
    elif tried.status == GONE:
        delivery.give_up()
        endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=delivery.endpoint_id)
        endpoints.switch_off(endpoint, "the receiver answered 410 Gone")
    elif delivery.try_count > len(BACKOFF_SECONDS):
        delivery.give_up()
    else:
        wait = dt.timedelta(seconds=BACKOFF_SECONDS[delivery.try_count - 1])
        delivery.next_try_at = clock.now() + wait


@command
def retry(*, delivery_id: str, actor: Actor) -> Delivery:
    """Try an undelivered delivery now; one that was given up gets one more try.

    Raises: IllegalTransition once it was delivered, or while its endpoint is disabled.
    """
    rows = Delivery.objects.select_related("endpoint").select_for_update(no_key=True, of=("self",))
    delivery = access.get_operable(actor, rows, delivery_id, permission=Permission.WEBHOOKS_WRITE)
    if delivery.state == Delivery.State.DELIVERED:
        raise IllegalTransition("It was delivered; there is nothing to retry.")
    if delivery.endpoint.disabled_at is not None:
        raise IllegalTransition("Its endpoint is disabled; enable that first.")
    before = {"state": delivery.state, "next_try_at": delivery.next_try_at.isoformat()}
    if delivery.state == Delivery.State.GIVEN_UP:
        delivery.reopen()
    delivery.next_try_at = clock.now()
    delivery.save()
    jobs.wake("webhooks.deliver", delivery.id)
    audit.record(
        action="webhook_delivery.retry",
        object_id=delivery.id,
        organization_id=delivery.endpoint.organization_id,
        before=before,
        after={"state": delivery.state, "next_try_at": delivery.next_try_at.isoformat()},
    )
    return delivery


def _locked(delivery_id: str) -> Delivery:
    rows = Delivery.objects.select_related("endpoint", "event").select_for_update(no_key=True, of=("self",))
    delivery = rows.filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound(f"No delivery {delivery_id}.", field="delivery")
    return delivery
