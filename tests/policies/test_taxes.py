"""Taxes of a program's states come from the rules data and people's decisions, and stay as they were published."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.rules import decisions
from policies import lifecycle, programs
from policies.models import Charge, ProgramVersion
from policies.rating import RuleNeedsDecision, TermsUnreadable
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db
FEE = {"component": "carrier_fee", "amount": "250.00", "payee_kind": "carrier"}
TERMS: dict[str, Any] = {
    "commission_rate": "0.15", "admitted": "surplus", "charges": [FEE],
    "taxes": {"source": "rules", "refund": "pro_rata"},
}  # fmt: skip


def publish(house: House, *states: str, **changes: Any) -> ProgramVersion:
    return programs.publish(
        code="sl", name="Surplus", carrier_id=house.carrier.id, states=list(states), terms={**TERMS, **changes},
        effective_from=books.SINCE, actor=house.me,
    )  # fmt: skip


def decide(house: House, state: str, **values: Any) -> None:
    for rule, value in values.items():
        decisions.decide(
            rule=rule, jurisdiction=state, line="all_pc", value=value, reason="Read in the code.",
            effective_from=books.SINCE, actor=house.me,
        )  # fmt: skip


def charged(house: House, state: str) -> dict[str, tuple[int, str]]:
    policy = lifecycle.quote(request=books.request(program="sl", state=state), actor=house.me)
    return {row.component: (row.amount_minor, row.payee) for row in Charge.objects.filter(policy=policy)}


def test_texas_taxes_premium_and_fee_at_the_rates_of_the_data(house: House) -> None:
    """4.85% and 0.04% (Tex. Ins. Code 225.004; stamping office) of 10,250.00: 497.125, so 497.13, and 4.10."""
    decide(house, "TX", sl_tax_base_includes_fees=True)
    version = publish(house, "TX")
    found = charged(house, "TX")
    assert found["surplus_lines_tax"] == (49_713, "TX")
    assert found["stamping_fee"] == (410, "TX")
    tax = next(rule for rule in version.terms["charges"] if rule["component"] == "surplus_lines_tax")
    assert (tax["rule"], tax["rate"], tax["citation"]) == ("sl_tax-0043", "0.0485", "Tex. Ins. Code 225.004")


def test_hawaii_leaves_fees_out_and_has_no_stamping_fee_once_a_person_has_decided_so(house: House) -> None:
    """4.68% of 10,000.00 only: 468.00 (HRS 431:8-315)."""
    decide(house, "HI", sl_tax_rate="4.68", sl_stamping_fee_rate="0", sl_tax_base_includes_fees=False)
    version = publish(house, "HI")
    found = charged(house, "HI")
    assert found["surplus_lines_tax"] == (46_800, "HI")
    assert "stamping_fee" not in found
    assert version.terms["charges"][1]["decision"]["reason"] == "Read in the code."


def test_what_nobody_has_decided_is_refused_by_state_and_rule_and_publishes_nothing(house: House) -> None:
    before = ProgramVersion.objects.count()
    with pytest.raises(RuleNeedsDecision) as refusal:
        publish(house, "TX", "HI")
    assert refusal.value.field == "taxes"
    assert (refusal.value.extra["state"], refusal.value.extra["rule"]) == ("TX", "sl_tax_base_includes_fees")
    assert ProgramVersion.objects.count() == before


def test_a_later_decision_leaves_the_version_as_it_is_and_makes_the_next_one(house: House) -> None:
    decide(house, "TX", sl_tax_base_includes_fees=True)
    first = publish(house, "TX")
    assert publish(house, "TX").id == first.id
    decide(house, "TX", sl_tax_base_includes_fees=False)
    first.refresh_from_db()
    assert first.terms["charges"][1]["base"] == ["premium", "carrier_fee"]
    second = publish(house, "TX")
    assert (second.number, second.terms["charges"][1]["base"]) == (2, ["premium"])


@pytest.mark.parametrize(
    "changes",
    [
        {"taxes": "rules"},
        {"taxes": {"source": "rules", "refund": "maybe"}},
        {"admitted": "admitted"},
        {"charges": [{**FEE, "component": "stamping_fee"}]},
    ],
)
def test_terms_that_cannot_leave_their_taxes_to_the_rules_are_refused(house: House, changes: dict[str, Any]) -> None:
    with pytest.raises(TermsUnreadable) as refusal:
        publish(house, "TX", **changes)
    assert refusal.value.field == "taxes"
