"""Surplus lines tax and stamping fee of a program's states, from the rules data and what people decided of it.

Terms that say ``"taxes": {"source": "rules", "refund": "pro_rata"}`` get a charge rule for each state when a version
is published: rate, base, fact and citation stand in the version from then on, so that a version in use never changes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from compliance.models import RuleDecision
from compliance.rules.lookup import Ruled, lookup
from policies import conditions
from policies.rating import RuleNeedsDecision, TermsUnreadable

PERCENT = Decimal(100)
REFUNDS = ("pro_rata", "flat_only", "never")
RATES = {"surplus_lines_tax": "sl_tax_rate", "stamping_fee": "sl_stamping_fee_rate"}
WITH_FEES = "sl_tax_base_includes_fees"


def expand(
    organization_id: str, terms: Mapping[str, Any], states: Sequence[str], effective_from: dt.date
) -> dict[str, Any]:
    """Give terms with a charge rule for the tax and the stamping fee of each state, where the terms ask for them.

    Takes:  `effective_from`, the day whose rates count: a policy keeps the rates of the version it began under.
    Raises: TermsUnreadable, naming `taxes`; RuleNeedsDecision, naming the first state and rule nobody has decided.
    """
    if "taxes" not in terms:
        return dict(terms)
    refund = _checked(terms)
    line = conditions.read(terms).line
    charges = list(terms.get("charges", []))
    bases = {True: ["premium", *(rule["component"] for rule in charges)], False: ["premium"]}
    made = []
    for state in states:
        with_fees = _ruled(organization_id, WITH_FEES, state, line, effective_from)
        for component, rule in RATES.items():
            ruled = _ruled(organization_id, rule, state, line, effective_from)
            rate = Decimal(str(ruled.value)) / PERCENT
            if rate:
                made.append(_rule(component, state, rate, bases[bool(with_fees.value)], refund, ruled))
    return {**terms, "charges": [*charges, *made]}


def _checked(terms: Mapping[str, Any]) -> str:
    """The refund rule of `taxes`, once it can be read. Raises: TermsUnreadable."""
    said = terms["taxes"]
    if not isinstance(said, Mapping) or set(said) != {"source", "refund"} or said["source"] != "rules":
        raise TermsUnreadable('taxes is {"source": "rules", "refund": "pro_rata"}.', field="taxes")
    if said["refund"] not in REFUNDS:
        raise TermsUnreadable(f"The refund of taxes is one of {', '.join(REFUNDS)}.", field="taxes")
    if terms.get("admitted") != "surplus":
        raise TermsUnreadable('Only surplus lines programs ("admitted": "surplus") take these taxes.', field="taxes")
    if any(isinstance(rule, Mapping) and rule.get("component") in RATES for rule in terms.get("charges", [])):
        raise TermsUnreadable("The terms charge a tax of their own; leave it to the rules or to them.", field="taxes")
    return str(said["refund"])


def _ruled(organization_id: str, rule: str, state: str, line: str, on: dt.date) -> Ruled:
    ruled = lookup(organization_id, rule, jurisdiction=state, line=line, admitted="surplus", on=on)
    if not ruled.established or ruled.value is None:
        raise RuleNeedsDecision(
            f"{state}, {rule}: {ruled.needs_decision} Decide it under Rules, or by POST /v1/rule-decisions.",
            citation=ruled.citation,
            field="taxes",
            state=state,
            rule=rule,
        )
    return ruled


def _rule(component: str, state: str, rate: Decimal, base: Sequence[str], refund: str, ruled: Ruled) -> dict[str, Any]:
    return {
        "component": component,
        "payee_kind": "state",
        "states": [state],
        "rate": f"{rate.normalize():f}",
        "base": list(base),
        "refund": refund,
        "refundable": refund == "pro_rata",
        "rule": ruled.fact_id or ruled.rule,
        "citation": ruled.citation,
        **({"decision": _decision(ruled.decision_id)} if ruled.decision_id else {}),
    }


def _decision(decision_id: str) -> dict[str, str]:
    row = RuleDecision.objects.get(pk=decision_id)
    return {"by": row.decided_label or row.decided_by, "reason": row.reason}
