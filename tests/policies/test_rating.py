"""The charges of a premium, by hand from DOMAIN.md, each with its derivation."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from coverpay.kernel.money import BadAmount, Money
from policies import rating
from policies.rating import RatedCharge, Risk, RuleNeedsDecision, TermsUnreadable
from tests.support.books import CARRIER_FEE, SURPLUS_LINES_TAX, TERMS

COMPONENTS = ("premium", "carrier_fee", "policy_fee", "stamping_fee", "surplus_lines_tax")
UNDECIDED = {key: value for key, value in SURPLUS_LINES_TAX.items() if key != "decision"}


def rated(premium: str = "10000.00", terms: Any = TERMS, state: str = "HI", currency: str = "USD") -> list[RatedCharge]:
    risk = Risk(state, dt.date(2026, 1, 31), carrier="org_carrier", operator="org_operator", program_version="hi v1")
    return rating.rate(Money.parse(premium, currency), terms, risk)


def figures(charges: list[RatedCharge]) -> dict[str, int]:
    return {charge.component: charge.amount.amount_minor for charge in charges}


def with_rule(**rule: Any) -> dict[str, Any]:
    return {"commission_rate": "0.15", "charges": [CARRIER_FEE | rule]}


def test_the_hawaii_policy_is_10_718_and_its_commission_1_500() -> None:
    charges = rated()
    assert figures(charges) == {"premium": 1_000_000, "carrier_fee": 25_000, "surplus_lines_tax": 46_800}
    assert sum(figures(charges).values()) == 1_071_800
    assert [charge.commission_ppm for charge in charges] == [150_000, 0, 0]
    assert [(charge.payee_kind, charge.payee) for charge in charges] == [
        ("carrier", "org_carrier"), ("carrier", "org_carrier"), ("state", "HI"),
    ]  # fmt: skip


def test_fees_stay_out_of_the_tax_base_unless_the_terms_put_them_in() -> None:
    with_fees = {**TERMS, "charges": [CARRIER_FEE, SURPLUS_LINES_TAX | {"base": ["premium", "carrier_fee"]}]}
    assert figures(rated())["surplus_lines_tax"] == 46_800
    assert figures(rated(terms=with_fees))["surplus_lines_tax"] == 47_970


def test_a_rule_of_another_state_charges_nothing() -> None:
    assert figures(rated(state="CA")) == {"premium": 1_000_000, "carrier_fee": 25_000}


def test_a_share_is_rounded_half_up_once_and_says_how_it_came_about() -> None:
    tax = rated("100.64")[2]  # 4.68% of 100.64 is 4.709952; of 106.84 it is 5.000112
    assert tax.amount == Money(471)
    assert rated("0.11")[-1].amount == Money(1)  # 0.005148
    assert tax.why.formula.startswith("surplus_lines_tax = rate × (premium)")
    assert tax.why.inputs["base_minor"] == 10_064
    assert tax.why.inputs["decided_by"] == "compliance"
    assert (tax.why.citation, tax.why.rule_version) == ("HRS 431:8-315", "hi v1")


def test_charges_of_zero_are_left_out_but_the_premium_stays() -> None:
    assert figures(rated("0.10")) == {"premium": 10, "carrier_fee": 25_000}


@pytest.mark.parametrize("decision", [None, {}, {"by": "me"}, {"by": "me", "reason": ""}])
def test_a_value_that_needs_verification_blocks_until_someone_decides_with_a_reason(decision: Any) -> None:
    terms = {"commission_rate": "0.15", "charges": [UNDECIDED | {"decision": decision}]}
    with pytest.raises(RuleNeedsDecision) as refused:
        rated(terms=terms)
    assert refused.value.extra["citation"] == "HRS 431:8-315"
    assert figures(rated(terms=terms, state="CA")) == {"premium": 1_000_000}


def test_a_flat_fee_is_read_in_the_currency_of_the_premium() -> None:
    assert rated("5000", with_rule(amount="250"), currency="JPY")[1].amount == Money(250, "JPY")
    with pytest.raises(BadAmount):
        rated("5000", with_rule(amount="250.00"), currency="JPY")


def test_terms_that_charge_a_component_twice_for_one_state_are_refused() -> None:
    with pytest.raises(TermsUnreadable, match="twice"):
        rated(terms={"commission_rate": "0.15", "charges": [CARRIER_FEE, CARRIER_FEE | {"amount": "1.00"}]})


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ([], "terms"),
        ({}, "commission_rate"),
        ({"commission_rate": "a lot"}, "commission_rate"),
        ({"commission_rate": "NaN"}, "commission_rate"),
        ({"commission_rate": "1.01"}, "commission_rate"),
        ({"commission_rate": "-0.1"}, "commission_rate"),
        ({"commission_rate": "0.1234567"}, "commission_rate"),
        ({"commission_rate": "0.15", "charges": {}}, "charges"),
        ({"commission_rate": "0.15", "charges": ["fee"]}, "charges"),
        ({"commission_rate": "0.15", "chargess": []}, "chargess"),
        (with_rule(component="premium"), "component"),
        (with_rule(component="tip"), "component"),
        (with_rule(component=["carrier_fee"]), "component"),
        (with_rule(payee_kind="me"), "payee_kind"),
        (with_rule(rate="0.1"), "amount"),
        (with_rule(base=["premium"]), "base"),
        (with_rule(states="HI"), "states"),
        (with_rule(states=[]), "states"),
        (with_rule(verify="no"), "verify"),
        (with_rule(citation=7), "citation"),
        (with_rule(rule="x" * 121), "rule"),
        (with_rule(commission_rate="2"), "commission_rate"),
        (with_rule(amonut="1"), "amonut"),
        ({"commission_rate": "0.15", "charges": [SURPLUS_LINES_TAX | {"base": ["carrier_fee"]}]}, "base"),
        ({"commission_rate": "0.15", "charges": [SURPLUS_LINES_TAX | {"base": "premium"}]}, "base"),
        ({"commission_rate": "0.15", "charges": [SURPLUS_LINES_TAX | {"rate": "4.68"}]}, "rate"),
    ],
)
def test_terms_that_cannot_be_read_are_refused_by_key(terms: Any, field: str) -> None:
    with pytest.raises(TermsUnreadable) as refused:
        rating.check(terms, COMPONENTS)
    assert refused.value.field == field


@pytest.mark.parametrize("amount", ["-1.00", "", "free", 250.0, None])
def test_a_flat_amount_must_be_an_amount_of_zero_or_more(amount: Any) -> None:
    with pytest.raises((TermsUnreadable, BadAmount)) as refused:
        rated(terms=with_rule(amount=amount))
    assert refused.value.field == "amount"


def test_good_terms_pass() -> None:
    rating.check(TERMS, COMPONENTS)
    rating.check({"commission_rate": "0"}, COMPONENTS)
