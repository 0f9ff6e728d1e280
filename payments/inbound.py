"""Inbound webhooks: verify, store raw, answer; then process from the row, as often as it takes."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from coverpay.kernel import clock, jobs, texts
from coverpay.kernel.actors import system
from coverpay.kernel.errors import Forbidden, NotFound
from coverpay.kernel.ids import is_id
from payments import accounts, attempts, disputes, references, refunds, sweeps
from payments.gateways.base import BadSignature, DisputeNews, News, Unreadable
from payments.models import Attempt, GatewayAccount, InboundEvent

MAX_BODY_BYTES = 256 * 1024
MAX_EXTERNAL_ID = 120
BATCH = 25
WEBHOOK = system("webhook")
_STORE = """
INSERT INTO payments_inboundevent (id, account_id, external_id, body, state, result, received_at)
VALUES (%s, %s, %s, %s, %s, '', %s) ON CONFLICT (account_id, external_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A stored event with what it says, or why it cannot be read."""

    event: InboundEvent
    news: Sequence[News | DisputeNews]
    unreadable: str = ""


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
    return take_in(account, message.external_id, body)


def take_in(account: GatewayAccount, external_id: str, body: bytes) -> InboundEvent | None:
    """Store once what an account's processor told, and wake whoever processes it. Gives None when it is there already.

    Raises: BadText for an event id that cannot be kept.
    """
    external_id = texts.line(external_id, field="external_id", at_most=MAX_EXTERNAL_ID)
    event = InboundEvent(account=account, external_id=external_id, body=body)
    if not _store(event):
        return None
    jobs.wake("payments.process_inbound", event.id)
    return event


def process(event_id: str) -> None:
    """Let a stored webhook take effect. Doing it twice, or after a crash half-way, does no harm."""
    _process_some([event_id])


def sweep(limit: int = 500) -> int:
    """Process stored webhooks that nobody processed yet, the oldest. Gives how many.

    They are taken in small batches in no order, so that workers that sweep at once seldom do the same.
    """
    waiting = list(
        InboundEvent.objects.filter(state=InboundEvent.State.RECEIVED)
        .order_by("id")
        .values_list("id", flat=True)[:limit]
    )
    batches = [waiting[start : start + BATCH] for start in range(0, len(waiting), BATCH)]
    random.SystemRandom().shuffle(batches)  # workers that were forked would all draw the same
    return sum(_process_some(batch) for batch in batches)


def _process_some(event_ids: Sequence[str]) -> int:
    """Let those of a batch that still wait take effect, and write down at once how each ended. Gives how many waited.

    One that cannot be processed now waits for the next sweep, and keeps no other waiting.
    """
    rows = InboundEvent.objects.filter(pk__in=event_ids, state=InboundEvent.State.RECEIVED).select_related("account")
    read = {event.id: _read(event) for event in rows.order_by("id")}
    ours = _ours([reading.event for reading in read.values()], [n for reading in read.values() for n in reading.news])
    done: list[InboundEvent] = []

    def take_effect(event_id: str) -> None:
        ended = _take_effect(read[event_id], ours)
        if ended is not None:
            done.append(ended)

    try:
        return sweeps.each(read, take_effect)
    finally:
        InboundEvent.objects.bulk_update(done, ["state", "result", "processed_at"])


def _read(event: InboundEvent) -> _Reading:
    try:
        return _Reading(event, accounts.gateway_of(event.account).parse(bytes(event.body)))
    except Unreadable as error:
        return _Reading(event, [], str(error))


def _take_effect(reading: _Reading, ours: Collection[tuple[str, str]]) -> InboundEvent | None:
    """Record what a webhook says of our charges, and note on it how that went. None: it has to wait."""
    event = reading.event
    if reading.unreadable:
        return _ended(event, InboundEvent.State.QUARANTINED, reading.unreadable)
    unknown, waits = [], False
    for item in reading.news:
        known = (event.account_id, item.reference) in ours
        subject = item.reference if known else references.subject_of(event.account_id, item)
        if subject is None:
            unknown.append(references.named(item))
        else:
            waits |= not _recorded(subject, item)
    if unknown:
        return _ended(event, InboundEvent.State.QUARANTINED, f"nothing of this account: {', '.join(unknown)}")
    return None if waits else _ended(event, InboundEvent.State.PROCESSED, f"{len(reading.news)} outcomes")


def _recorded(subject: str, item: News | DisputeNews) -> bool:
    """Record one fact about an attempt or a refund. Gives: false when it can only be understood later.

    So it is with the dispute of a charge whose outcome nobody knows yet: the event waits, and is processed again.
    """
    if isinstance(item, DisputeNews):
        return disputes.record_news(attempt_id=subject, news=item, actor=WEBHOOK) is not None
    if is_id(subject, "rfd"):
        refunds.record_outcome(refund_id=subject, outcome=item.outcome, actor=WEBHOOK)
    else:
        attempts.record_outcome(attempt_id=subject, outcome=item.outcome, actor=WEBHOOK)
    return True


def _ours(events: Sequence[InboundEvent], news: Sequence[News | DisputeNews]) -> set[tuple[str, str]]:
    """Account and attempt of what is told: a webhook of one account never touches an attempt of another."""
    references = {item.reference for item in news if is_id(item.reference, "att")}
    rows = Attempt.objects.filter(pk__in=references, account__in={event.account_id for event in events})
    return set(rows.values_list("account_id", "id"))


def _ended(event: InboundEvent, state: str, result: str) -> InboundEvent:
    event.state = state
    event.result = texts.shown(result, 300)
    event.processed_at = clock.now()
    return event


def _store(event: InboundEvent) -> bool:
    """Keep an event by one statement that commits itself; false when the account told it before."""
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE, [event.id, event.account_id, event.external_id, bytes(event.body), event.state, event.received_at]
        )
        return bool(cursor.rowcount)
