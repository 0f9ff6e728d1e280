"""Screening: a name is compared with the lists of blocked persons before money goes out to it.

No list, no answer: without one that was imported, every name waits for a person. `settings.SCREENING_CHECK` names the
function that compares; an installation with a screening service of its own puts it there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from compliance import access, audit, events, sanctions
from compliance.models import SanctionedName, SanctionsList, Screening
from compliance.permissions import Permission
from compliance.sanctions import Listed
from coverpay.kernel import clock, commands, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition

NO_LIST: dict[str, str | int] = {
    "entity": "",
    "name": "",
    "program": "",
    "score": 0,
    "why": "no list of blocked persons was imported",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check said: the lists it looked at, and each name that is like the one asked about."""

    lists: list[str]
    matches: list[dict[str, str | int]]


@command
def import_list(
    *, source: str, published_on: dt.date, primary: str, other_names: str = "", actor: Actor
) -> SanctionsList:
    """Keep a published list whole; the same content again is the list that stands.

    Takes:  `source` such as SDN or CONS; the text of its files of names and of other names.
    Raises: ListUnreadable, BadText.
    """
    source = texts.line(source, field="source", at_most=40)
    listed = sanctions.read(primary, other_names)
    digest = hashlib.sha256(f"{primary}\0{other_names}".encode()).hexdigest()
    known = SanctionsList.objects.filter(source=source, content_hash=digest).first()
    if known is not None:
        commands.unchanged()
        return known
    kept = SanctionsList.objects.create(
        source=source, published_on=published_on, content_hash=digest, count=len(listed)
    )
    SanctionedName.objects.bulk_create((_name(kept, each) for each in listed), batch_size=2000)
    audit.record(
        action="sanctions.import",
        object_id=kept.id,
        organization_id=None,
        after={"source": source, "published_on": published_on.isoformat(), "count": len(listed)},
    )
    return kept


def _name(kept: SanctionsList, each: Listed) -> SanctionedName:
    return SanctionedName(
        id=ids.new("sdn"),
        list=kept,
        entity=each.entity,
        name=each.name,
        folded=sanctions.fold(each.name)[:350],
        kind=each.kind[:20],
        program=each.program,
    )


def check(name: str) -> Checked:
    """Compare a name, by the check this installation uses. It may ask a service: never inside a transaction."""
    compare: Callable[[str], Checked] = import_string(settings.SCREENING_CHECK)
    return compare(name)


def by_lists(name: str) -> Checked:
    """Compare a name with the newest list of each source; a name like one of theirs, or no list at all, is a match."""
    lists = newest()
    if not lists:
        return Checked([], [dict(NO_LIST)])
    found = sanctions.alike(name, ((text, one) for kept in lists for text, one in _names_of(kept.id)))
    return Checked(
        [str(kept) for kept in lists],
        [
            {
                "entity": each.listed.entity, "name": each.listed.name, "program": each.listed.program,
                "score": each.score, "why": f"{each.score} of 100 alike as {sanctions.fold(each.listed.name)!r}",
            }
            for each in found
        ],
    )  # fmt: skip


def newest() -> list[SanctionsList]:
    """The newest list of each source."""
    rows = SanctionsList.objects.order_by("source", "-published_on", "-imported_at").distinct("source")
    return list(rows)


@step
def record(*, organization_id: str, subject_id: str, name: str, checked: Checked) -> Screening:
    """Keep what a check said of a subject: no match, or a possible one that waits for a person.

    A pair that a person cleared for this very subject and name before is not asked about again, unless the match is
    another.
    """
    cleared = _cleared_before(organization_id, subject_id, name)
    matches = [match for match in checked.matches if str(match["entity"]) not in cleared or not match["entity"]]
    screening = Screening.objects.create(
        organization_id=organization_id, subject_id=subject_id, name=name, lists=checked.lists, matches=matches
    )
    if not matches:
        screening.find_nothing()
        screening.save(update_fields=["state"])
    else:
        _tell("screening.possible_match", screening)
    audit.record(
        action="screening.record",
        object_id=screening.id,
        organization_id=organization_id,
        after={"subject": subject_id, "state": screening.state, "lists": checked.lists, "matches": len(matches)},
    )
    return screening


@command
def clear(*, screening_id: str, reason: str, actor: Actor) -> Screening:
    """Say that a possible match is someone else. Raises: NotFound, Forbidden, BadText, IllegalTransition."""
    return _decide(screening_id, "clear", reason, actor)


@command
def block(*, screening_id: str, reason: str, actor: Actor) -> Screening:
    """Say that it is the listed person: nothing goes out, and OFAC is told within ten business days (31 CFR 501.603).

    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    return _decide(screening_id, "block", reason, actor)


def _decide(screening_id: str, verb: str, reason: str, actor: Actor) -> Screening:
    rows = Screening.objects.select_for_update(of=("self",), no_key=True)
    screening = access.get_operable(
        actor, rows, screening_id, permission=Permission.APPROVALS_DECIDE, field="screening"
    )
    reason = texts.line(reason, field="reason", at_most=300)
    if screening.state != Screening.State.POSSIBLE:
        raise IllegalTransition(
            f"The screening is decided: {screening.get_state_display().lower()}.", field="screening"
        )
    getattr(screening, verb)()
    screening.decided_by, screening.decided_reason, screening.decided_at = actor.id, reason, clock.now()
    screening.save(update_fields=["state", "decided_by", "decided_reason", "decided_at"])
    audit.record(
        action=f"screening.{verb}",
        object_id=screening.id,
        organization_id=screening.organization_id,
        before={"state": "possible"},
        after={"state": screening.state},
        reason=reason,
    )
    _tell("screening.cleared" if verb == "clear" else "screening.blocked", screening)
    return screening


def _cleared_before(organization_id: str, subject_id: str, name: str) -> set[str]:
    rows = Screening.objects.filter(
        organization_id=organization_id, subject_id=subject_id, name=name, state=Screening.State.CLEARED
    )
    return {str(match["entity"]) for matches in rows.values_list("matches", flat=True) for match in matches}


@lru_cache(maxsize=8)
def _names_of(list_id: str) -> tuple[tuple[str, Listed], ...]:
    return tuple(_read_names(list_id))


def _read_names(list_id: str) -> Iterator[tuple[str, Listed]]:
    """A list never changes once it is kept, so each process reads it once."""
    rows = SanctionedName.objects.filter(list_id=list_id).order_by("id")
    for name in rows.iterator(chunk_size=5000):
        yield name.folded, Listed(name.entity, name.name, name.kind, name.program)


def _tell(type: str, screening: Screening) -> None:
    events.record(
        type=type,
        organization_id=screening.organization_id,
        object_id=screening.id,
        data={"screening": screening.id, "subject": screening.subject_id, "state": screening.state},
    )
