"""The rules of matching of an organization: versions with a first day, the one in force, and what another would do."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compliance import access, audit
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from reconciliation import aliases, matching, open_lines
from reconciliation.matching import MatchResult, MatchRules
from reconciliation.matching.rules import DEFAULT, read
from reconciliation.models import BankAccount, MatchRuleSet

Grouping = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Preview:
    """What candidate rules would do with an account's open lines beside the rules in force. Nothing was written."""

    version: str
    version_now: str
    bank_line_count: int
    book_line_count: int
    by_stage: Mapping[str, tuple[int, int]]
    """Stage -> matches with the candidate, matches with the rules in force."""
    by_break: Mapping[str, tuple[int, int]]
    suggestions: tuple[int, int]
    gained: tuple[matching.Match, ...]
    lost: tuple[matching.Match, ...]


@command
def publish(*, spec: Mapping[str, Any], effective_from: dt.date, reason: str, actor: Actor) -> MatchRuleSet:
    """Publish rules of matching from a day on; the same again gives what stands. Matches made before stay.

    Raises: Forbidden, BadRules naming the field, BadText without a reason.
    """
    access.require(actor, Permission.RECONCILIATION_WRITE)
    organization_id = access.organization_of(actor)
    reason = texts.line(reason, field="reason", at_most=300)
    rules = read(spec)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    last = MatchRuleSet.objects.filter(organization_id=organization_id).order_by("-number").first()
    if last is not None and (last.spec, last.effective_from) == (dict(spec), effective_from):
        commands.unchanged()
        return last
    made = MatchRuleSet.objects.create(
        organization_id=organization_id,
        number=last.number + 1 if last else 1,
        effective_from=effective_from,
        spec=dict(spec),
        reason=reason,
        version=rules.version,
        created_by=actor.id,
    )
    audit.record(
        action="match_rules.publish",
        object_id=made.id,
        organization_id=organization_id,
        before={"number": last.number, "version": last.version} if last else {},
        after={"number": made.number, "version": made.version, "spec": dict(spec)},
        reason=reason,
    )
    return made


def set_in_force(organization_id: str, on: dt.date | None = None) -> MatchRuleSet | None:
    """The newest version that has begun on a day (default: today); None while the built-in rules hold."""
    rows = MatchRuleSet.objects.filter(organization_id=organization_id, effective_from__lte=on or clock.today())
    return rows.order_by("-number").first()


def in_force(organization_id: str, on: dt.date | None = None) -> MatchRules:
    """The rules that hold on a day (default: today)."""
    found = set_in_force(organization_id, on)
    return read(found.spec) if found else DEFAULT


def preview(account: BankAccount, spec: Mapping[str, Any]) -> Preview:
    """Run candidate rules over a visible account's open lines beside the rules in force, and write nothing.

    Raises: BadRules naming the field.
    """
    candidate, now = read(spec), in_force(account.organization_id)
    bank, books = open_lines.bank_side(account), open_lines.book_side(account)
    cuts, refused = open_lines.last_stated(account), open_lines.refused(account)
    learnt = aliases.Voices(account.organization_id).for_lines(bank)
    then, today = (
        matching.match(bank, books, rules, cuts=cuts, refused=refused, aliases=learnt) for rules in (candidate, now)
    )
    with_then, with_now = _groupings(then), _groupings(today)
    return Preview(
        version=candidate.version,
        version_now=now.version,
        bank_line_count=len(bank),
        book_line_count=len(books),
        by_stage=_beside(Counter(one.stage for one in then.matches), Counter(one.stage for one in today.matches)),
        by_break=_beside(
            Counter(one.kind.value for one in then.breaks), Counter(one.kind.value for one in today.breaks)
        ),
        suggestions=(len(then.suggestions), len(today.suggestions)),
        gained=tuple(one for key, one in with_then.items() if key not in with_now),
        lost=tuple(one for key, one in with_now.items() if key not in with_then),
    )


def _groupings(found: MatchResult) -> dict[Grouping, matching.Match]:
    return {(one.bank_line_ids, one.book_line_ids): one for one in found.matches}


def _beside(then: Counter[str], now: Counter[str]) -> dict[str, tuple[int, int]]:
    return {name: (then[name], now[name]) for name in sorted({*then, *now})}
