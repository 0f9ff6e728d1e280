"""Close a period: checked, sealed, its trial balance hashed and chained; opened again only with another's leave."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict
from typing import Any

from compliance import access, approvals, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid
from reconciliation import checklists
from reconciliation.events import OpenItem
from reconciliation.ledger import balances
from reconciliation.ledger.models import Book, Entry, Snapshot
from reconciliation.models import Close

REOPEN = "book.reopen"


class NotClear(Conflict):
    """Something that has to be clear before a close is open."""

    code = "not_clear"


class ReasonNeeded(Invalid):
    """What may stay open is open: say why the period is closed all the same."""

    code = "reason_needed"


class NotTheLast(Conflict):
    """Only the last close is opened again; later ones first."""

    code = "not_the_last_close"


@command
def close(*, book_id: str, to_on: dt.date, accepted_reason: str = "", actor: Actor) -> Close:
    """Close a book through a day that is over: nothing is posted into it any more.

    Takes:  `accepted_reason`, why items that may stay open are accepted; they are kept with the close.
    Raises: NotFound, Forbidden, Invalid, AlreadySealed, NotClear naming the items, ReasonNeeded naming them.
    """
    book = _locked(book_id, actor)
    reason = texts.line(accepted_reason, field="accepted_reason", at_most=300, empty=True)
    found = checklists.items(book, to_on)
    if wrong := checklists.blocking(found):
        raise NotClear(f"Clear these first: {_listed(wrong)}.", field="to_on", items=[item.name for item in wrong])
    still = checklists.open_ones(found)
    if still and not reason:
        raise ReasonNeeded(
            f"Still open: {_listed(still)}. Say why it is closed all the same.",
            field="accepted_reason",
            items=[item.name for item in still],
        )
    snapshot = balances.seal_locked(book, to_on)
    made = Close.objects.create(
        book=book,
        from_on=_first_day(book, to_on),
        to_on=to_on,
        snapshot=snapshot,
        checklist=[asdict(item) for item in found],
        accepted_reason=reason if still else "",
        closed_by=actor.id,
        **_hashed(book, to_on),
    )
    _tell("book.closed", made, reason)
    return made


@command
def reopen(*, close_id: str, reason: str, actor: Actor) -> Close:
    """Open the last closed period again, with a permit of another for exactly this close.

    Raises: NotFound, Forbidden, BadText, IllegalTransition, NotTheLast, ApprovalRequired.
    """
    found = access.get_operable(
        actor, Close.objects.all(), close_id, permission=Permission.RECONCILIATION_WRITE, field="close"
    )
    reason = texts.line(reason, field="reason", at_most=300)
    book = _locked(found.book_id, actor)
    made = Close.objects.select_related("snapshot").get(pk=found.pk)
    if made.state != Close.State.CLOSED:
        raise IllegalTransition("The period is open again already.", field="close")
    if Snapshot.objects.filter(book=book, lifted_at__isnull=True, as_of__gt=made.to_on).exists():
        raise NotTheLast("Open the later periods again first.", field="close")
    permit = approvals.consume(
        organization_id=book.organization_id, action=REOPEN, object_id=made.id, amount=None, actor=actor
    )
    made.reopen()
    made.permit_id, made.reopened_at, made.reopened_reason = permit.id, clock.now(), reason
    made.save(update_fields=["state", "permit_id", "reopened_at", "reopened_reason"])
    balances.lift_locked(made.snapshot)
    _tell("book.reopened", made, reason)
    return made


def last(book: Book) -> Close | None:
    """The last close that stands."""
    return Close.objects.filter(book=book, state=Close.State.CLOSED).order_by("-to_on").first()


def verify(made: Close) -> bool:
    """Whether the lines of the ledger still give the very trial balance that was closed, and its hash."""
    now = _rows(made.book, made.to_on)
    return bool(now == made.trial_balance and _hash(now, made.hash_before) == made.hash)


def _hashed(book: Book, to_on: dt.date) -> dict[str, Any]:
    before = last(book)
    rows = _rows(book, to_on)
    hash_before = before.hash if before else ""
    return {"trial_balance": rows, "hash_before": hash_before, "hash": _hash(rows, hash_before)}


def _rows(book: Book, to_on: dt.date) -> list[list[str | int]]:
    found = balances.trial_balance(book.id, to_on)
    return [[row.code, row.owner, row.currency, row.balance_minor] for row in found if row.balance_minor]


def _hash(rows: list[list[str | int]], before: str) -> str:
    told = json.dumps([before, sorted(rows, key=str)], separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def _first_day(book: Book, to_on: dt.date) -> dt.date:
    before = last(book)
    if before is not None:
        return before.to_on + dt.timedelta(days=1)
    first = Entry.objects.filter(book=book).order_by("posted_on").values_list("posted_on", flat=True).first()
    return min(first or to_on, to_on)


def _listed(found: list[OpenItem]) -> str:
    return "; ".join(f"{item.title.lower()} ({item.count})" for item in found)


@step
def _locked(book_id: str, actor: Actor) -> Book:
    rows = Book.objects.select_for_update(of=("self",), no_key=True)
    return access.get_operable(actor, rows, book_id, permission=Permission.RECONCILIATION_WRITE, field="book")


@step
def _tell(type: str, made: Close, reason: str) -> None:
    facts = {
        "from_on": made.from_on.isoformat(),
        "to_on": made.to_on.isoformat(),
        "hash": made.hash,
        "state": made.state,
    }
    organization_id = made.book.organization_id
    audit.record(action=type, object_id=made.id, organization_id=organization_id, after=facts, reason=reason)
    events.record(
        type=type,
        organization_id=organization_id,
        object_id=made.id,
        data={"close": made.id, "book": made.book_id, **facts},
    )
