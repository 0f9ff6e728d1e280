"""The relay: carry what is due to its endpoint. Command, network, command; no transaction is open on the way."""

from __future__ import annotations

import time

from coverpay.kernel import clock
from coverpay.kernel.actors import system
from coverpay.webhooks import deliveries, sender, signing, targets
from coverpay.webhooks.deliveries import Parcel, Tried
from coverpay.webhooks.models import Delivery

RELAY = system("relay")


def deliver(delivery_id: str) -> Delivery | None:
    """Make one try of a due delivery and keep how it ended; gives None when there was nothing to do.

    A process that dies on the way leaves it due again after the lease: a receiver may hear of an event twice, under
    the same `webhook-id`.
    """
    parcel = deliveries.take_up(delivery_id=delivery_id, actor=RELAY)
    if parcel is None:
        return None
    return deliveries.record_try(delivery_id=delivery_id, tried=_try(parcel), actor=RELAY)


def due(limit: int = 200) -> list[str]:
    """The deliveries whose time has come, longest waiting first."""
    rows = Delivery.objects.filter(
        state=Delivery.State.DUE, next_try_at__lte=clock.now(), endpoint__disabled_at=None
    ).order_by("next_try_at")
    return list(rows.values_list("id", flat=True)[:limit])


def deliver_due(limit: int = 200) -> int:
    """Make one try of everything due, here and now; gives how many tries were made."""
    return sum(deliver(delivery_id) is not None for delivery_id in due(limit))


def _try(parcel: Parcel) -> Tried:
    started = time.monotonic()
    status, error, text = None, "", ""
    try:
        reply = sender.post(targets.check(parcel.url), parcel.body, _headers(parcel))
        status, text = reply.status, reply.text
    except targets.TargetRefused as refusal:
        error = refusal.message
    except sender.SendFailed as failure:
        error = str(failure)
    return Tried(status, error, text, milliseconds=round((time.monotonic() - started) * 1000))


def _headers(parcel: Parcel) -> dict[str, str]:
    return signing.headers(message_id=parcel.message_id, at=clock.now(), body=parcel.body, with_secrets=parcel.secrets)
