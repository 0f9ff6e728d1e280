"""Inbound webhooks: verify, store raw, answer; then process from the row, as often as it takes."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import IntegrityError, transaction

from coverpay.kernel import clock, jobs, texts
from coverpay.kernel.actors import system
from coverpay.kernel.errors import Forbidden, NotFound
from coverpay.kernel.ids import is_id
from payments import accounts, attempts, sweeps
from payments.gateways.base import BadSignature, Unreadable
from payments.models import Attempt, GatewayAccount, InboundEvent

MAX_BODY_BYTES = 256 * 1024
MAX_EXTERNAL_ID = 120
WEBHOOK = system("webhook")


class SignatureRefused(Forbidden):
    """The webhook's signature, time stamp or secret does not hold."""

    code = "bad_signature"


def receive(*, account_id: str, headers: Mapping[str, str], body: bytes) -> InboundEvent | None:
    """Store a verified webhook once. Gives None when it was stored before.

    Raises: NotFound (account), SignatureRefused, BadText for an event id that cannot be kept.
    """
    account = GatewayAccount.objects.filter(pk=account_id).first()
    if account is None:
        raise NotFound(f"No gateway account {account_id}.")
    try:
        message = accounts.gateway_of(account).verify(headers, body, secret=accounts.webhook_secret(account))
    except BadSignature as error:
        raise SignatureRefused(f"The signature does not hold: {error}.") from error
    external_id = texts.line(message.external_id, field="external_id", at_most=MAX_EXTERNAL_ID)
    try:
        with transaction.atomic():
            event = InboundEvent.objects.create(account=account, external_id=external_id, body=body)
            jobs.wake("payments.process_inbound", event.id)
    except IntegrityError:
        return None
    return event


def process(event_id: str) -> None:
    """Let a stored webhook take effect. Doing it twice, or after a crash half-way, does no harm."""
    event = InboundEvent.objects.select_related("account").get(pk=event_id)
    if event.state != InboundEvent.State.RECEIVED:
        return
    try:
        news = accounts.gateway_of(event.account).parse(bytes(event.body))
    except Unreadable as error:
        _finish(event, InboundEvent.State.QUARANTINED, str(error))
        return
    unknown = [item.reference for item in news if not _is_ours(event, item.reference)]
    for item in news:
        if item.reference not in unknown:
            attempts.record_outcome(attempt_id=item.reference, outcome=item.outcome, actor=WEBHOOK)
    if unknown:
        _finish(
            event,
            InboundEvent.State.QUARANTINED,
            f"no attempt of this account: {', '.join(unknown)}",
        )
    else:
        _finish(event, InboundEvent.State.PROCESSED, f"{len(news)} outcomes")


def sweep(limit: int = 500) -> int:
    """Process stored webhooks that nobody processed yet, oldest first. Gives how many."""
    waiting = list(
        InboundEvent.objects.filter(state=InboundEvent.State.RECEIVED)
        .order_by("id")
        .values_list("id", flat=True)[:limit]
    )
    return sweeps.each(waiting, process)


def _is_ours(event: InboundEvent, reference: str) -> bool:
    """A webhook of one account never touches an attempt of another."""
    return is_id(reference, "att") and Attempt.objects.filter(pk=reference, account_id=event.account_id).exists()


def _finish(event: InboundEvent, state: str, result: str) -> None:
    event.state = state
    event.result = texts.shown(result, 300)
    event.processed_at = clock.now()
    event.save(update_fields=["state", "result", "processed_at"])
