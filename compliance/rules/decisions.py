"""People's decisions on rules that are not established: kept with reason and source, never rewritten."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from compliance import access, audit, events
from compliance.models import RuleDecision
from compliance.permissions import Permission
from compliance.rules import facts
from compliance.rules.lookup import UnknownJurisdiction, UnknownRule, is_number
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Invalid

NO_CAP = "none"
"""Decided for a cap, it says that there is none; what the program has filed is then all that limits the fee."""

_LINE = re.compile(r"[A-Za-z_]{1,40}")
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,8})?")


class BadDecision(Invalid):
    """A value that the rule cannot have."""

    code = "bad_decision"


@command
def decide(
    *,
    rule: str,
    jurisdiction: str,
    line: str,
    value: Any,
    reason: str,
    citation: str = "",
    conditions: Mapping[str, str] | None = None,
    unit: str = "",
    fact_id: str = "",
    effective_from: dt.date | None = None,
    actor: Actor,
) -> RuleDecision:
    """Say which value a rule has for the organization, from a day on. A later decision replaces it.

    Takes:  `unit`, that of the rule when left out; `fact_id`, the fact it confirms or overrides; `effective_from`,
            today when left out.
    Raises: UnknownRule, UnknownJurisdiction, BadDecision, NotFound for a fact that is not there.
    """
    access.require(actor, Permission.RULES_DECIDE)
    organization_id = access.organization_of(actor)
    reason = texts.line(reason, field="reason", at_most=300)
    citation = texts.line(citation, field="citation", at_most=2000, empty=True)
    about = _fact(fact_id, rule, jurisdiction)
    unit = unit or (about.unit if about else facts.units().get(rule, ""))
    _check(rule, jurisdiction, line, value, unit)
    row = RuleDecision.objects.create(
        organization_id=organization_id,
        rule=rule,
        jurisdiction=jurisdiction,
        line=line,
        conditions=_conditions(conditions or {}),
        value=_plain(value),
        unit=texts.line(unit, field="unit", at_most=40, empty=True),
        fact_id=about.id if about else "",
        citation=citation or (about.citation if about else ""),
        reason=reason,
        decided_by=actor.id,
        decided_label=actor.label,
        effective_from=effective_from or clock.today(),
    )
    said = {
        "rule": rule,
        "jurisdiction": jurisdiction,
        "line": line,
        "conditions": row.conditions,
        "value": row.value,
        "unit": row.unit,
        "fact": row.fact_id,
        "effective_from": row.effective_from.isoformat(),
    }
    events.record(
        type="rule.decided", organization_id=organization_id, object_id=row.id, data={"decision": row.id, **said}
    )
    audit.record(action="rule.decide", object_id=row.id, organization_id=organization_id, after=said, reason=reason)
    return row


def _fact(fact_id: str, rule: str, jurisdiction: str) -> facts.Fact | None:
    if not fact_id:
        return None
    about = facts.fact(fact_id)
    if about.rule != rule or about.jurisdiction not in (jurisdiction, facts.FEDERAL):
        raise BadDecision(f"{fact_id} is about {about.rule} in {about.jurisdiction}.", field="fact_id")
    return about


def _check(rule: str, jurisdiction: str, line: str, value: Any, unit: str) -> None:
    if rule not in facts.units():
        raise UnknownRule(f"No fact speaks of the rule {rule[:80]!r}.", field="rule")
    if jurisdiction != facts.FEDERAL and jurisdiction not in facts.STATES:
        raise UnknownJurisdiction(f"{jurisdiction[:40]!r} is not a state; write it like CA.", field="jurisdiction")
    if not _LINE.fullmatch(line):
        raise BadDecision("Name the line like commercial_pc.", field="line")
    if value is None or value == "":
        raise BadDecision("Decide a value; nothing is not a value.", field="value")
    if isinstance(value, dict | list) or not is_number(unit):
        return
    if rule.endswith("_cap") and value == NO_CAP:
        return
    number = _NUMBER.fullmatch(str(value)) is not None and not isinstance(value, bool)
    if not number or str(value).startswith("-"):
        raise BadDecision(f"A value in {unit} is a number of zero or more.", field="value")
    if "days" in unit and not str(value).isdecimal():
        raise BadDecision("Days are whole.", field="value")


def _plain(value: Any) -> Any:
    """Whole numbers as such, other numbers as texts, so that none loses a digit; the rest as it is."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 13:
        return int(value)
    return str(value) if isinstance(value, Decimal | float) else value


def _conditions(asked: Mapping[str, str]) -> dict[str, str]:
    return {
        texts.line(name, field="conditions", at_most=40): texts.line(str(value), field="conditions", at_most=80)
        for name, value in asked.items()
    }
