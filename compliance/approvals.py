"""Four eyes: leave to do one thing, asked for by one and given by another, bound to the amount and used once."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re

from django.db.models import QuerySet

from compliance import access, audit, events
from compliance.models import AuditEntry, Permit
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import ApprovalRequired, Conflict, Invalid
from coverpay.kernel.money import Money

LIVES_DAYS = 30
"""A permit that is not used within this many days of being asked for is worth nothing any more."""

_ACTION = re.compile(r"[a-z_]+(\.[a-z_]+)+")


class ApprovedByAsker(Conflict):
    """Who asked for a permit, in person or through a key of their own, can never be the one who approves it."""

    code = "approved_by_asker"


class PermitAlreadyAsked(Conflict):
    """The same action on the same object for the same amount is asked for or approved already."""

    code = "permit_already_asked"


class PermitDecided(Conflict):
    """The permit was decided, used or is over."""

    code = "permit_decided"


def digest(action: str, object_id: str, amount: Money | None) -> str:
    """What a permit is bound to: action, object, amount and currency, hashed."""
    parts = [action, object_id, amount.amount_minor if amount else None, amount.currency if amount else ""]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@command
def request(*, action: str, object_id: str, amount: Money | None, reason: str, actor: Actor) -> Permit:
    """Ask for leave to do one thing. Raises: PermitAlreadyAsked, Invalid."""
    access.require(actor, Permission.APPROVALS_READ)
    return ask(
        organization_id=access.organization_of(actor),
        action=action,
        object_id=object_id,
        amount=amount,
        reason=reason,
        actor=actor,
    )


@commands.step
def ask(
    *, organization_id: str, action: str, object_id: str, amount: Money | None, reason: str, actor: Actor
) -> Permit:
    """Ask inside another command, such as a nightly run that may not go on alone.

    Takes:  `action` as two words with a dot, such as ``invoice.write_off``.
    Raises: PermitAlreadyAsked, Invalid.
    """
    object_id = texts.line(object_id, field="object_id", at_most=40)
    reason = texts.line(reason, field="reason", at_most=300)
    if not _ACTION.fullmatch(action) or len(action) > 60:
        raise Invalid("Name the action with a dot, like invoice.write_off.", field="action")
    bound = digest(action, object_id, amount)
    _clear_the_way(organization_id, bound)
    permit = Permit(
        organization_id=organization_id,
        action=action,
        object_id=object_id,
        amount_minor=amount.amount_minor if amount else None,
        currency=amount.currency if amount else "",
        digest=bound,
        reason=reason,
        requested_by=actor.id,
        requested_label=actor.label,
        requested_at=clock.now(),
        expires_at=clock.now() + dt.timedelta(days=LIVES_DAYS),
    )
    Permit.objects.bulk_create([permit], ignore_conflicts=True)
    live = _live(organization_id, bound).get()
    if live.id != permit.id:
        raise _already(live)
    _tell("approval.requested", permit)
    audit.record(
        action="permit.request",
        object_id=permit.id,
        organization_id=organization_id,
        after=_said(permit),
        reason=reason,
    )
    return permit


def _clear_the_way(organization_id: str, bound: str) -> None:
    """Close a permit of the same digest that is over; refuse when one is still live."""
    live = _live(organization_id, bound).select_for_update().first()
    if live is None:
        return
    if live.expires_at > clock.now():
        raise _already(live)
    live.decided_reason = live.decided_reason or "Not decided before it ended."
    live.refuse()
    live.save(update_fields=["state", "decided_reason"])


def _already(live: Permit) -> PermitAlreadyAsked:
    until = live.expires_at.date().isoformat()
    return PermitAlreadyAsked(
        f"Permit {live.id} for exactly this is {live.state}; it can be used or refused until {until}.",
        field="object_id",
        permit=live.id,
    )


@command
def approve(*, permit_id: str, reason: str = "", actor: Actor) -> Permit:
    """Allow what another asked for, once. Raises: ApprovedByAsker, PermitDecided."""
    permit = _locked(permit_id, actor)
    if _same_hand(permit.requested_by, actor):
        raise ApprovedByAsker("You asked for this yourself; someone else must approve it.", field="permit")
    if permit.state != Permit.State.REQUESTED or permit.expires_at <= clock.now():
        raise _decided(permit)
    before = {"state": permit.state}
    permit.approve()
    return _decide(permit, before, texts.line(reason, field="reason", at_most=300, empty=True), actor)


@command
def refuse(*, permit_id: str, reason: str, actor: Actor) -> Permit:
    """Say that it is not to be done, before or after it was approved. Raises: ApprovedByAsker, PermitDecided."""
    permit = _locked(permit_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    if _same_hand(permit.requested_by, actor):
        raise ApprovedByAsker("You asked for this yourself; someone else must decide it.", field="permit")
    if permit.state not in (Permit.State.REQUESTED, Permit.State.APPROVED):
        raise _decided(permit)
    before = {"state": permit.state}
    permit.refuse()
    return _decide(permit, before, reason, actor)


def _locked(permit_id: str, actor: Actor) -> Permit:
    rows = Permit.objects.select_for_update(of=("self",))
    return access.get_operable(actor, rows, permit_id, permission=Permission.APPROVALS_DECIDE, field="permit")


def _decided(permit: Permit) -> PermitDecided:
    over = permit.state == Permit.State.REQUESTED
    said = f"ended on {permit.expires_at.date().isoformat()}" if over else f"is {permit.state}"
    return PermitDecided(f"Permit {permit.id} {said}; ask for a new one.", field="permit", state=permit.state)


def _decide(permit: Permit, before: dict[str, str], reason: str, actor: Actor) -> Permit:
    permit.decided_by = actor.id
    permit.decided_label = actor.label
    permit.decided_at = clock.now()
    permit.decided_reason = reason
    permit.save(update_fields=["state", "decided_by", "decided_label", "decided_at", "decided_reason"])
    approved = permit.state == Permit.State.APPROVED
    _tell("approval.approved" if approved else "approval.refused", permit)
    audit.record(
        action="permit.approve" if approved else "permit.refuse",
        object_id=permit.id,
        organization_id=permit.organization_id,
        before=before,
        after={"state": permit.state},
        reason=reason,
    )
    return permit


@commands.step
def consume(*, organization_id: str, action: str, object_id: str, amount: Money | None, actor: Actor) -> Permit:
    """Use the approved permit for exactly this, in the transaction of what it allows.

    Raises: ApprovalRequired, naming the permit that is asked for (if any) and what to do.
    """
    bound = digest(action, object_id, amount)
    permit = _live(organization_id, bound).select_for_update(of=("self",)).first()
    if permit is None or permit.state != Permit.State.APPROVED or permit.expires_at <= clock.now():
        raise _approval_required(permit, action, object_id, amount)
    permit.use()
    permit.save(update_fields=["state"])
    commands.current().notes.setdefault("object_id", object_id)
    audit.record(
        action="permit.use",
        object_id=permit.id,
        organization_id=organization_id,
        before={"state": "approved"},
        after={"state": permit.state, "used_by": actor.id},
        reason=permit.reason,
    )
    return permit


def _approval_required(permit: Permit | None, action: str, object_id: str, amount: Money | None) -> ApprovalRequired:
    what = f"{action} on {object_id}" + (f" for {amount}" if amount else "")
    if permit is None:
        text = f"Someone else must approve {what} first: ask for a permit for exactly this amount, then do it again."
    elif permit.expires_at <= clock.now():
        text = f"The permit {permit.id} for {what} ended on {permit.expires_at.date().isoformat()}: ask for a new one."
    else:
        text = f"The permit {permit.id} for {what} waits for someone else's approval; do it again when it is approved."
    return ApprovalRequired(
        text,
        field="permit",
        permit=permit.id if permit else None,
        action=action,
        object_id=object_id,
        amount_minor=amount.amount_minor if amount else None,
        currency=amount.currency if amount else "",
    )


def _live(organization_id: str, bound: str) -> QuerySet[Permit]:
    return Permit.objects.filter(
        organization_id=organization_id, digest=bound, state__in=[Permit.State.REQUESTED, Permit.State.APPROVED]
    )


def asked_by(permit: Permit, actor: Actor) -> bool:
    """Tell whether it is the actor's own request, so that someone else must decide it."""
    return _same_hand(permit.requested_by, actor)


def _same_hand(asker: str, actor: Actor) -> bool:
    """The same person or key; or a key and the person who made it."""
    if asker == actor.id:
        return True
    pairs = ((asker, actor.id), (actor.id, asker))
    return any(
        AuditEntry.objects.filter(object_id=key, action="api_key.issue", actor_id=person).exists()
        for key, person in pairs
        if key.startswith("key_")
    )


def _said(permit: Permit) -> dict[str, str | int | None]:
    return {
        "action": permit.action,
        "object": permit.object_id,
        "amount_minor": permit.amount_minor,
        "currency": permit.currency,
        "state": permit.state,
    }


def _tell(type: str, permit: Permit) -> None:
    events.record(
        type=type,
        organization_id=permit.organization_id,
        object_id=permit.id,
        data={"permit": permit.id, **_said(permit)},
    )
