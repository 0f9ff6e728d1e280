"""Which value of a rule counts: exact line before wider ones, more conditions before fewer, the latest before older.

A value that is null, unverified or contradicted never counts by itself: the answer then says what a person must decide,
and an organization's decision in force that day wins over every fact.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from compliance.models import RuleDecision
from compliance.rules import facts
from compliance.rules.facts import FEDERAL, STATES, Fact
from coverpay.kernel.errors import Invalid

PERSONAL = ("personal_auto", "homeowners")
ADMITTED = ("admitted", "surplus")
TAKEN = "taken"
_CONFLICTS = {"sources_conflict", "conflicting_vintage"}
_TOLD_APART = (
    "admitted",
    "initiator",
    "reason",
    "address",
    "charge",
    "first_premium_new_policy",
    "holiday",
    "network",
    "window",
    "year",
)
"""Conditions that limit when a fact applies. The others (`from`, `measured_from`, ...) say how its value is meant."""


class UnknownJurisdiction(Invalid):
    """A jurisdiction that is neither a state nor US."""

    code = "unknown_jurisdiction"


class UnknownRule(Invalid):
    """A rule that no fact speaks of."""

    code = "unknown_rule"


@dataclass(frozen=True, slots=True)
class Considered:
    """One fact or decision that was looked at, and why it was passed over (or that it was taken)."""

    id: str
    jurisdiction: str
    line: str
    conditions: Mapping[str, Any]
    value: Any
    verdict: str


@dataclass(frozen=True, slots=True)
class Ruled:
    """What a rule says. Use `value` only when `needs_decision` is empty; it is shown so that a person can decide."""

    rule: str
    jurisdiction: str
    line: str
    value: Any
    unit: str
    citation: str
    fact_id: str | None
    decision_id: str | None
    needs_decision: str
    considered: tuple[Considered, ...]
    conditions: Mapping[str, Any]
    note: str = ""

    @property
    def established(self) -> bool:
        return not self.needs_decision


def lookup(
    organization_id: str,
    rule: str,
    *,
    jurisdiction: str,
    line: str,
    admitted: str = "admitted",
    on: dt.date,
    conditions: Mapping[str, str] | None = None,
) -> Ruled:
    """What a rule says for an organization there, for that line, on that day.

    Takes:  `conditions` as far as known, e.g. ``{"initiator": "insurer", "reason": "nonpayment"}``.
    Raises: UnknownRule, UnknownJurisdiction, Invalid.
    """
    ruled = by_facts(rule, jurisdiction=jurisdiction, line=line, admitted=admitted, on=on, conditions=conditions)
    row = decided(
        organization_id,
        rule,
        jurisdiction=jurisdiction,
        line=line,
        on=on,
        conditions={"admitted": admitted, **(conditions or {})},
    )
    if row is None or (ruled.established and _nearness(row, line) < _nearness(facts.fact(ruled.fact_id or ""), line)):
        return ruled
    return _by_decision(row, ruled)


def by_facts(
    rule: str,
    *,
    jurisdiction: str,
    line: str,
    admitted: str = "admitted",
    on: dt.date,
    conditions: Mapping[str, str] | None = None,
) -> Ruled:
    """What the facts alone say, for documents. Raises: UnknownRule, UnknownJurisdiction, Invalid."""
    asked = dict(conditions or {})
    _check(rule, jurisdiction, admitted)
    seen = _passed(rule, jurisdiction, line, admitted, on, asked)
    best = _best([fact for fact, why in seen if not why], line)
    first = min(best, key=lambda fact: (fact.needs_decision, fact.id), default=None)
    what = f"{rule} in {jurisdiction} for {line}" + "".join(f", {name} {value}" for name, value in asked.items())
    return Ruled(
        rule=rule,
        jurisdiction=jurisdiction,
        line=line,
        value=first.value if first else None,
        unit=first.unit if first else facts.units()[rule],
        citation=first.citation if first else "",
        fact_id=first.id if first else None,
        decision_id=None,
        needs_decision=_undecided(what, best, first),
        considered=tuple(_considered(fact, why, best) for fact, why in seen),
        conditions=first.conditions if first else {},
        note=first.note if first else "",
    )


def _check(rule: str, jurisdiction: str, admitted: str) -> None:
    if rule not in facts.units():
        raise UnknownRule(f"No fact speaks of the rule {rule[:80]!r}.", field="rule")
    if jurisdiction != FEDERAL and jurisdiction not in STATES:
        raise UnknownJurisdiction(f"{jurisdiction[:40]!r} is not a state; write it like CA.", field="jurisdiction")
    if admitted not in ADMITTED:
        raise Invalid(f"Say one of {', '.join(ADMITTED)}.", field="admitted")


def decided(
    organization_id: str, rule: str, *, jurisdiction: str, line: str, on: dt.date, conditions: Mapping[str, Any]
) -> RuleDecision | None:
    """The organization's decision in force that day: the exact line first, most conditions first, then the latest.

    Takes:  `conditions` with `admitted` among them: a decision on a fact of one market does not hold for the other.
    """
    rows = RuleDecision.objects.filter(
        organization_id=organization_id, rule=rule, jurisdiction=jurisdiction, effective_from__lte=on
    )
    fitting = [row for row in rows if _line_rank(row.line, line) and _holds(_limits(row), conditions)]
    return max(fitting, key=lambda row: (*_nearness(row, line), row.effective_from, row.id), default=None)


def _limits(row: RuleDecision) -> Mapping[str, Any]:
    about = facts.fact(row.fact_id) if row.fact_id else None
    return {**({"admitted": about.admitted_status} if about else {}), **row.conditions}


def _passed(
    rule: str, jurisdiction: str, line: str, admitted: str, on: dt.date, asked: Mapping[str, str]
) -> list[tuple[Fact, str]]:
    """Every fact of the jurisdiction with why it does not fit; those of US too, where the state says nothing."""
    own = [(fact, _misfit(fact, line, admitted, on, asked)) for fact in facts.find(rule, jurisdiction)]
    if jurisdiction == FEDERAL or any(not why for _, why in own):
        return own
    return own + [(fact, _misfit(fact, line, admitted, on, asked)) for fact in facts.find(rule, FEDERAL)]


def _misfit(fact: Fact, line: str, admitted: str, on: dt.date, asked: Mapping[str, str]) -> str:
    """Why a fact does not apply, or nothing."""
    if not _line_rank(fact.line, line):
        return f"it is about {fact.line}, not {line}"
    if fact.admitted_status not in ("any", admitted):
        return f"it is about {fact.admitted_status} business, not {admitted}"
    if fact.effective_from and on < fact.effective_from:
        return f"it begins on {fact.effective_from.isoformat()}"
    if fact.effective_to and on > fact.effective_to:
        return f"it ended on {fact.effective_to.isoformat()}"
    for name, wanted in fact.conditions.items():
        if name in _TOLD_APART and not _meets(name, wanted, asked):
            return f"it needs {name} {wanted}, asked was {asked.get(name, 'nothing')}"
    return ""


def _meets(name: str, wanted: Any, asked: Mapping[str, str]) -> bool:
    given = asked.get(name)
    if str(wanted).startswith("any"):
        return True
    if given is None:
        return False
    return str(wanted).lower() == str(given).lower()


def _holds(limits: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    return all(_meets(name, wanted, asked) for name, wanted in limits.items())


def _line_rank(line: str, asked: str) -> int:
    """How near a fact's line is to the one asked for: 4 exact, 3 a group with it, 2 all lines, 1 any, 0 another."""
    if line == asked:
        return 4
    personal = asked in (*PERSONAL, "personal_lines")
    if (line == "personal_lines" and personal) or (
        line == "property_casualty_other" and asked in ("homeowners", "commercial_pc")
    ):
        return 3
    return {"all_pc": 2, "property_casualty": 2, "any": 1}.get(line, 0)


def _nearness(said: Fact | RuleDecision, line: str) -> tuple[int, int]:
    """How near a fact or decision is: by its line, then by how many conditions it is limited to."""
    narrow = sum(name in _TOLD_APART and not str(value).startswith("any") for name, value in said.conditions.items())
    return (_line_rank(said.line, line), narrow)


def _weight(fact: Fact, line: str) -> tuple[int, int, dt.date]:
    return (*_nearness(fact, line), fact.effective_from or dt.date.min)


def _best(fitting: Sequence[Fact], line: str) -> list[Fact]:
    """The facts of the highest rank; several are equal in line, conditions and day."""
    if not fitting:
        return []
    top = max(_weight(fact, line) for fact in fitting)
    return [fact for fact in fitting if _weight(fact, line) == top]


def _considered(fact: Fact, why: str, best: Sequence[Fact]) -> Considered:
    verdict = why or (TAKEN if fact in best else f"{best[0].id} is nearer (line, then conditions, then day)")
    return Considered(fact.id, fact.jurisdiction, fact.line, fact.conditions, fact.value, verdict)


def _by_decision(row: RuleDecision, ruled: Ruled) -> Ruled:
    about = facts.fact(row.fact_id) if row.fact_id else None
    taken = Considered(row.id, row.jurisdiction, row.line, row.conditions, row.value, f"taken: decided, {row.reason}")
    passed = (replace(seen, verdict=f"{row.id} was decided") for seen in ruled.considered if seen.verdict == TAKEN)
    others = (seen for seen in ruled.considered if seen.verdict != TAKEN)
    return replace(
        ruled,
        value=_exact(row.value, row.unit),
        unit=row.unit,
        citation=row.citation,
        fact_id=row.fact_id or None,
        decision_id=row.id,
        needs_decision="",
        considered=(taken, *passed, *others),
        conditions={**(about.conditions if about else {}), **row.conditions},
        note=row.reason,
    )


def _exact(value: Any, unit: str) -> Any:
    """A decided number as the facts have theirs: whole, or an exact decimal."""
    return Decimal(value) if isinstance(value, str) and is_number(unit) else value


def is_number(unit: str) -> bool:
    """Tell whether values in a unit are numbers."""
    return any(word in unit for word in ("days", "USD", "percent"))


def _undecided(what: str, best: Sequence[Fact], first: Fact | None) -> str:
    """Why no value counts and what to decide, or nothing."""
    if first is None:
        return f"No fact says {what}: decide a value, with its source."
    known = [fact.value for fact in best if fact.value is not None]
    if any(value != known[0] for value in known):
        said = ", ".join(f"{fact.id} says {fact.value}" for fact in best)
        return f"Equal facts about {what} differ ({said}): decide which counts."
    if first.value is None:
        return f"The value of {what} is not established ({first.id}): decide a value, with its source."
    if not first.verify:
        return ""
    reasons = ", ".join(first.verify_reason).replace("_", " ")
    conflict = "its sources conflict" if _CONFLICTS & set(first.verify_reason) else "it is not verified"
    return (
        f"The value {first.value} ({first.unit}) of {what} may not be used yet, {conflict} ({first.id}: {reasons}): "
        f"check {first.citation or 'its source'} and confirm it or decide another value."
    )
