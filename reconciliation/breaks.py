"""Breaks: what does not tie, with its signed difference and reason: who works on it, by when, and how it ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from compliance import access, audit, business_days
from compliance.models import Membership, User
from compliance.permissions import ROLE_PERMISSIONS, Permission
from coverpay.kernel import card_numbers, clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.card_numbers import CardNumberRefused
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition, Invalid
from coverpay.kernel.money import Money
from reconciliation.models import Break, BreakComment

Kind = Break.Kind
DUE_DAYS: Mapping[str, int] = {
    Kind.GATEWAY_CONTRADICTS: 1,
    Kind.GATEWAY_AMOUNT: 2,
    Kind.PAYOUT_UNKNOWN_CHARGE: 3,
    Kind.AMOUNT_DIFFERS: 3,
    Kind.FEE_TAKEN: 5,
    Kind.AMBIGUOUS: 5,
    Kind.BANK_ONLY: 5,
    Kind.SOURCE_WE_MORE: 5,
    Kind.SOURCE_WE_LESS: 5,
    Kind.SOURCE_UNKNOWN: 5,
    Kind.SOURCE_MISSING: 10,
    Kind.BOOKS_ONLY: 10,
}
"""Business days from opening to the day a break of a kind should be settled by."""


class NotAMember(Invalid):
    """A break is worked on by a member of its organization whose role may see it."""

    code = "not_a_member"


def due_on(kind: str, opened_on: dt.date) -> dt.date:
    """The day by which a break of a kind should be settled, counted in business days from the day it was opened."""
    day = opened_on
    for _ in range(DUE_DAYS[kind]):
        day = business_days.shift(day + dt.timedelta(days=1), "next")
    return day


@step
def open_break(
    *,
    organization_id: str,
    kind: str,
    subject_id: str,
    difference: Money,
    reason: str,
    inputs: Mapping[str, Any],
    bank_account_id: str | None = None,
) -> Break | None:
    """Open a break about a subject. Gives None when the same kind is open for it already.

    Takes: `difference`, signed: what the outside says less what our books say.
    """
    found, created = Break.objects.get_or_create(
        subject_id=subject_id,
        kind=kind,
        state=Break.State.OPEN,
        defaults={
            "organization_id": organization_id,
            "bank_account_id": bank_account_id,
            "difference_minor": difference.amount_minor,
            "currency": difference.currency,
            "reason": reason,
            "inputs": dict(inputs),
            "due_on": due_on(kind, clock.today()),
        },
    )
    if not created:
        return None
    audit.record(
        action="break.open",
        object_id=found.id,
        organization_id=organization_id,
        after={
            "kind": kind,
            "subject": subject_id,
            "difference_minor": difference.amount_minor,
        },
        reason=reason,
    )
    return found


@step
def close_break(found: Break, *, reason: str) -> None:
    """Close an open break, saying what resolved it."""
    found.state = Break.State.CLOSED
    found.closed_at = clock.now()
    found.closed_reason = reason[:300]
    found.save(update_fields=["state", "closed_at", "closed_reason"])
    audit.record(
        action="break.close",
        object_id=found.id,
        organization_id=found.organization_id,
        before={"state": "open"},
        after={"state": "closed"},
        reason=reason,
    )


@command
def close(*, break_id: str, reason: str, actor: Actor) -> Break:
    """A person closes a break with the reason. Raises: NotFound, Forbidden, IllegalTransition, Invalid."""
    found = locked_open(break_id, actor)
    close_break(found, reason=texts.line(reason, field="reason", at_most=300))
    return found


@command
def assign(*, break_id: str, owner_id: str | None, actor: Actor) -> Break:
    """Say who works on an open break; None takes it from whoever did.

    Raises: NotFound, Forbidden, IllegalTransition, NotAMember.
    """
    found = locked_open(break_id, actor)
    before = found.owner_id
    owner = None if owner_id is None else _member(found, owner_id)
    if owner_id == before:
        commands.unchanged()
        return found
    found.owner = owner
    found.save(update_fields=["owner"])
    _noted("break.assign", found, {"owner": before}, {"owner": owner_id})
    return found


@command
def set_due(*, break_id: str, due_on: dt.date, reason: str, actor: Actor) -> Break:
    """Move the day by which an open break should be settled, saying why; not into the past.

    Raises: NotFound, Forbidden, IllegalTransition, BadText, Invalid.
    """
    found = locked_open(break_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    if due_on < clock.today():
        raise Invalid("The day is over; choose today or a later one.", field="due_on")
    before = found.due_on
    found.due_on = due_on
    found.save(update_fields=["due_on"])
    _noted("break.set_due", found, {"due_on": before.isoformat()}, {"due_on": due_on.isoformat()}, reason)
    return found


@command
def comment(*, break_id: str, text: str, actor: Actor) -> BreakComment:
    """Say something about a break, open or closed; what was said stays as it is.

    Raises: NotFound, Forbidden, BadText, CardNumberRefused.
    """
    found = access.get_operable(actor, Break.objects.all(), break_id, permission=Permission.RECONCILIATION_WRITE)
    text = texts.line(text, field="text", at_most=1000)
    if card_numbers.find(text) is not None:
        raise CardNumberRefused("This looks like a card number, which never belongs here.", field="text")
    said = BreakComment.objects.create(about=found, text=text, author_id=actor.id, author_label=actor.label[:200])
    _noted("break.comment", found, {}, {"comment": said.id})
    return said


@step
def locked_open(break_id: str, actor: Actor) -> Break:
    """Lock an open break to act on it. Raises: NotFound, Forbidden, IllegalTransition for one that is closed."""
    rows = Break.objects.select_for_update(of=("self",))
    found = access.get_operable(actor, rows, break_id, permission=Permission.RECONCILIATION_WRITE)
    if found.state != Break.State.OPEN:
        raise IllegalTransition("The break is closed already.", field="break")
    return found


def members_of(organization_id: str) -> list[Membership]:
    """The members of an organization who may work on its breaks, by name."""
    roles = [role for role, may in ROLE_PERMISSIONS.items() if Permission.RECONCILIATION_READ in may]
    rows = Membership.objects.filter(organization_id=organization_id, role__in=roles, user__is_active=True)
    return list(rows.select_related("user").order_by("user__name", "user__email"))


def _member(found: Break, owner_id: str) -> User:
    owner = next((member.user for member in members_of(found.organization_id) if member.user_id == owner_id), None)
    if owner is None:
        raise NotAMember("Choose a member of the organization whose role may see breaks.", field="owner")
    return owner


@step
def _noted(action: str, found: Break, before: Mapping[str, Any], after: Mapping[str, Any], reason: str = "") -> None:
    audit.record(
        action=action,
        object_id=found.id,
        organization_id=found.organization_id,
        before=before,
        after=after,
        reason=reason,
    )
