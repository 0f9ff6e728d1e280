"""Stops on cancellation after a disaster: a state or its postal areas, for some days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db.models import Q, QuerySet

from compliance import access, audit, events
from compliance.models import Moratorium
from compliance.permissions import Permission
from compliance.rules import facts
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid

MOST_PREFIXES = 500


class MoratoriumOver(Conflict):
    """The moratorium was lifted or has ended; nothing is left to lift."""

    code = "moratorium_over"


@command
def declare(
    *,
    name: str,
    state_code: str,
    starts_on: dt.date,
    ends_on: dt.date,
    postal_prefixes: Sequence[str] = (),
    citation: str = "",
    actor: Actor,
) -> Moratorium:
    """Stop cancellations and their notices in a state or some of its postal areas.

    Takes:  `ends_on`, the last day of it; no `postal_prefixes` for the whole state.
    Raises: Invalid.
    """
    access.require(actor, Permission.RULES_DECIDE)
    organization_id = access.organization_of(actor)
    name = texts.line(name, field="name", at_most=160)
    citation = texts.line(citation, field="citation", at_most=2000, empty=True)
    if state_code not in facts.STATES:
        raise Invalid(f"{state_code!r} is not a state; write it like CA.", field="state_code")
    if ends_on < starts_on:
        raise Invalid("The last day must not be before the first.", field="ends_on")
    prefixes = _prefixes(postal_prefixes)
    moratorium = Moratorium.objects.create(
        organization_id=organization_id,
        name=name,
        state_code=state_code,
        postal_prefixes=prefixes,
        starts_on=starts_on,
        ends_on=ends_on,
        citation=citation,
    )
    said = {
        "name": name,
        "state": state_code,
        "postal_prefixes": prefixes,
        "starts_on": starts_on.isoformat(),
        "ends_on": ends_on.isoformat(),
    }
    events.record(
        type="moratorium.declared",
        organization_id=organization_id,
        object_id=moratorium.id,
        data={"moratorium": moratorium.id, **said},
    )
    audit.record(
        action="moratorium.declare",
        object_id=moratorium.id,
        organization_id=organization_id,
        after=said,
        reason=citation,
    )
    return moratorium


@command
def lift(*, moratorium_id: str, on: dt.date | None = None, actor: Actor) -> Moratorium:
    """End a moratorium early: from this day on it stops nothing.

    Takes:  `on`, today when left out; never a day that has passed.
    Raises: MoratoriumOver, Invalid.
    """
    moratorium = access.get_operable(
        actor,
        Moratorium.objects.select_for_update(of=("self",)),
        moratorium_id,
        permission=Permission.RULES_DECIDE,
        field="moratorium",
    )
    on = on or max(clock.today(), moratorium.starts_on)
    if moratorium.lifted_on is not None:
        raise MoratoriumOver(f"{moratorium.name} was lifted from {moratorium.lifted_on} on.", field="moratorium")
    if moratorium.ends_on < clock.today():
        raise MoratoriumOver(f"{moratorium.name} ended on {moratorium.ends_on}.", field="moratorium")
    if on < clock.today():
        raise Invalid("It can be lifted from today on, not for days that have passed.", field="on")
    if not moratorium.starts_on <= on <= moratorium.ends_on:
        raise Invalid(f"Choose a day from {moratorium.starts_on} to {moratorium.ends_on}.", field="on")
    moratorium.lifted_on = on
    moratorium.save(update_fields=["lifted_on"])
    events.record(
        type="moratorium.lifted",
        organization_id=moratorium.organization_id,
        object_id=moratorium.id,
        data={"moratorium": moratorium.id, "name": moratorium.name, "lifted_on": on.isoformat()},
    )
    audit.record(
        action="moratorium.lift",
        object_id=moratorium.id,
        organization_id=moratorium.organization_id,
        before={"lifted_on": None},
        after={"lifted_on": on.isoformat()},
    )
    return moratorium


def in_force(organization_id: str, *, state_code: str, postal_code: str, on: dt.date) -> Moratorium | None:
    """The moratorium that stops a cancellation there on that day, the one that ends last if there are several.

    Takes:  `postal_code`; when it is not known, a moratorium on any area of the state counts.
    """
    rows = current(organization_id, on=on).filter(state_code=state_code).order_by("-ends_on", "-id")
    return next((row for row in rows if covers(row, state_code=state_code, postal_code=postal_code, on=on)), None)


def current(organization_id: str, *, on: dt.date) -> QuerySet[Moratorium]:
    """Every moratorium of an organization that stops something on a day, for runs that read them once."""
    return Moratorium.objects.filter(
        Q(lifted_on__isnull=True) | Q(lifted_on__gt=on),
        organization_id=organization_id,
        starts_on__lte=on,
        ends_on__gte=on,
    )


def covers(moratorium: Moratorium, *, state_code: str, postal_code: str, on: dt.date) -> bool:
    """Tell whether a moratorium stops a cancellation there on that day."""
    lifted = moratorium.lifted_on is not None and on >= moratorium.lifted_on
    if lifted or state_code != moratorium.state_code or not moratorium.starts_on <= on <= moratorium.ends_on:
        return False
    place = _plain(postal_code)
    areas = moratorium.postal_prefixes
    return not areas or not place or any(place.startswith(area) for area in areas)


def _prefixes(asked: Sequence[str]) -> list[str]:
    """Postal prefixes in their plain form, each once, in order."""
    plain = sorted({_plain(texts.line(one, field="postal_prefixes", at_most=12)) for one in asked})
    if len(plain) > MOST_PREFIXES:
        raise Invalid(f"At most {MOST_PREFIXES} postal areas; declare the whole state.", field="postal_prefixes")
    for one in plain:
        if not one.isascii() or not one.isalnum():
            raise Invalid(f"{one!r} is not the beginning of a postal code.", field="postal_prefixes")
    return plain


def _plain(postal_code: str) -> str:
    return postal_code.upper().replace(" ", "").replace("-", "")
