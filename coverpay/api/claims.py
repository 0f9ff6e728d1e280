"""The life of one Idempotency-Key: claimed, carried out, answered, replayed, forgotten.

Each function is one short statement of its own, outside the command's transaction; only `carried_out` runs inside it.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from django.conf import settings

from compliance import vault
from coverpay.api.models import IdempotentRequest
from coverpay.kernel import clock
from coverpay.kernel.errors import Conflict


class KeyReused(Conflict):
    """The Idempotency-Key was used for another request; take a new key."""

    code = "idempotency_key_reused"


class RequestInProgress(Conflict):
    """The same request is being worked on; ask again in a second."""

    code = "request_in_progress"


class AnswerLost(Conflict):
    """The request was carried out, but its answer was lost; read the object it names."""

    code = "answer_lost"


class RequestTakenOver(Conflict):
    """The lease of this request ended and another copy of it took over; nothing was done here."""

    code = "request_taken_over"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out one request, until the lease ends."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time."""

    status: int
    content_type: str
    body: bytes


def claim(*, holder_id: str, key: str, digest: str) -> Claim | Answer:
    """Take a key, or give the answer it already got.

    Raises: KeyReused for another request, RequestInProgress, AnswerLost.
    """
    wanted = IdempotentRequest(
        holder_id=holder_id, key=key, request_sha256=digest, claim_token=secrets.token_hex(16), claimed_at=clock.now()
    )
    IdempotentRequest.objects.bulk_create([wanted], ignore_conflicts=True)
    found = IdempotentRequest.objects.filter(holder_id=holder_id, key=key).first()
    if found is None:
        raise _in_progress()
    if found.id == wanted.id:
        return Claim(found.id, found.claim_token)
    if found.request_sha256 != digest:
        raise KeyReused("This Idempotency-Key was used for another request; take a new key.", field="Idempotency-Key")
    if found.answered_at is not None:
        return Answer(found.status or 200, found.content_type, _open(found))
    return _take_over(found)


def _take_over(found: IdempotentRequest) -> Claim:
    lease = dt.timedelta(seconds=settings.IDEMPOTENCY_LEASE_SECONDS)
    if found.claimed_at > clock.now() - lease:
        raise _in_progress()
    if found.carried_out_at is not None:
        raise _answer_lost(found)
    token = secrets.token_hex(16)
    free = IdempotentRequest.objects.filter(pk=found.id, claim_token=found.claim_token, carried_out_at=None)
    if not free.update(claim_token=token, claimed_at=clock.now()):
        raise _in_progress()
    return Claim(found.id, token)


def _in_progress() -> RequestInProgress:
    return RequestInProgress(
        "The same request is being worked on; ask again in a second.", headers={"Retry-After": "1"}
    )


def _answer_lost(found: IdempotentRequest) -> AnswerLost:
    return AnswerLost(
        f"This request was carried out on {found.object_id}, but its answer was lost; read {found.object_id}.",
        object_id=found.object_id,
    )


def carried_out(mine: Claim, object_id: str) -> None:
    """Mark the request as carried out, inside the command's transaction. Raises: RequestTakenOver."""
    rows = IdempotentRequest.objects.filter(pk=mine.id, claim_token=mine.token)
    if not rows.update(carried_out_at=clock.now(), object_id=object_id):
        raise RequestTakenOver("This request took too long and was started again; nothing was done here.")


def keep(mine: Claim, answer: Answer) -> None:
    """Keep the answer for replays."""
    IdempotentRequest.objects.filter(pk=mine.id, claim_token=mine.token).update(
        status=answer.status,
        content_type=answer.content_type,
        body_sealed=vault.seal(answer.body.decode(), row_id=mine.id),
        answered_at=clock.now(),
    )


def release(mine: Claim) -> None:
    """Give the key back after a fault, unless something was carried out."""
    IdempotentRequest.objects.filter(pk=mine.id, claim_token=mine.token, carried_out_at=None).delete()


def forget_old() -> int:
    """Drop keys older than `IDEMPOTENCY_KEEP_DAYS`; gives how many."""
    before = clock.now() - dt.timedelta(days=settings.IDEMPOTENCY_KEEP_DAYS)
    return IdempotentRequest.objects.filter(claimed_at__lt=before).delete()[0]


def _open(found: IdempotentRequest) -> bytes:
    try:
        return vault.open_sealed(found.body_sealed, row_id=found.id).encode()
    except vault.CannotOpen:  # the key that sealed it is gone from VAULT_KEYS
        raise _answer_lost(found) from None
