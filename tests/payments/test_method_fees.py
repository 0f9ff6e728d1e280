"""What paying by card or bank costs the payor: nothing unless established rules allow it, never above any limit."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from compliance.rules import decisions, facts
from coverpay.kernel.errors import Forbidden, Invalid
from coverpay.kernel.money import Money
from payments import method_fee_terms, method_fees
from payments.method_fee_terms import Asked, Cap, FeesUnreadable, Share
from payments.method_fees import How, Place
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 2, 2)
VISA = How("card", "Visa", "credit")
NY = Place("NY", "commercial_pc", "admitted")
SURCHARGE = {"kind": "surcharge", "percent": "3.5", "cost_percent": "2.9"}
FEE_OF_A_BROKER: dict[str, Any] = {"payee": "broker", "channels": {"web": {"card": SURCHARGE}}}


def publish(house: House, spec: dict[str, Any]) -> None:
    method_fees.publish(spec=spec, effective_from=books.SINCE, actor=house.me)


def decide(house: House, rule: str, value: Any, jurisdiction: str = "US", line: str = "payments", **more: Any) -> None:
    decisions.decide(
        rule=rule, jurisdiction=jurisdiction, line=line, value=value, reason="read in the source",
        effective_from=books.SINCE, actor=house.me, **more,
    )  # fmt: skip


def visa_limit(house: House, percent: str = "3.0") -> None:
    decide(house, "network_surcharge_cap", percent, conditions={"network": "visa"})


def fee(house: House, place: Place = NY, how: How = VISA, minor: int = 100_00) -> int:
    quoted = method_fees.quote(house.operator.id, [(place, Money(minor))], how, on=DAY)
    return quoted.fee.amount_minor


def test_without_a_spec_paying_costs_nothing(house: House) -> None:
    assert method_fees.quote(house.operator.id, [(NY, Money(100_00))], VISA, on=DAY).figures == ()
    assert fee(house) == 0


def test_a_limit_that_nobody_verified_allows_nothing(house: House) -> None:
    """New York lets a broker pass the cost on, but the network's limit is from a secondary source only."""
    publish(house, FEE_OF_A_BROKER)
    quoted = method_fees.quote(house.operator.id, [(NY, Money(100_00))], VISA, on=DAY)
    ((name, minor, why),) = quoted.figures
    assert (quoted.fee.amount_minor, name, minor) == (0, "surcharge", 0)
    assert "may not be used yet" in str(why.inputs["nothing_because"])


def test_a_broker_in_new_york_asks_what_cards_cost_at_most(house: House) -> None:
    """Asked are 3.5%, the network allows 3%, cards cost 2.9%: 2.90 of 100.00."""
    publish(house, FEE_OF_A_BROKER)
    visa_limit(house)
    quoted = method_fees.quote(house.operator.id, [(NY, Money(100_00))], VISA, on=DAY)
    ((_, minor, why),) = quoted.figures
    assert (quoted.fee, minor) == (Money(2_90), 2_90)
    assert (why.rule, why.rule_version) == ("card surcharge on web", "method fees v1")
    assert "OGC opinion of 2001-06-26" in why.citation
    assert why.inputs["visa_limit_percent"] == "3.0"
    assert why.inputs["cost_of_acceptance_percent"] == "2.9"


@pytest.mark.parametrize("payee", ["insurer", "agent"])
def test_no_insurer_and_no_agent_in_new_york_asks_anything(house: House, payee: str) -> None:
    publish(house, {**FEE_OF_A_BROKER, "payee": payee})
    visa_limit(house)
    assert fee(house) == 0


@pytest.mark.parametrize("funding", ["debit", "prepaid", ""])
def test_debit_prepaid_and_unknown_cards_bear_nothing(house: House, funding: str) -> None:
    publish(house, FEE_OF_A_BROKER)
    visa_limit(house)
    assert fee(house, how=How("card", "Visa", funding)) == 0


def test_a_network_without_a_decided_limit_allows_nothing(house: House) -> None:
    publish(house, FEE_OF_A_BROKER)
    visa_limit(house)
    assert fee(house, how=How("card", "Mastercard", "credit")) == 0
    assert fee(house, how=How("card", "American Express", "credit")) == 0


def test_colorado_limits_it_to_two_percent_once_that_is_confirmed(house: House) -> None:
    publish(house, {**FEE_OF_A_BROKER, "payee": "insurer"})
    visa_limit(house)
    colorado = Place("CO", "commercial_pc", "admitted")
    decide(house, "insurer_may_pass_card_fee", True, "CO", "all_pc")
    assert fee(house, colorado) == 0
    decide(house, "card_surcharge_cap", "2.0", "CO", "general_commerce")
    assert fee(house, colorado) == 2_00


def test_a_state_with_a_ban_allows_nothing_whoever_is_paid(house: House) -> None:
    publish(house, {**FEE_OF_A_BROKER, "payee": "insurer"})
    visa_limit(house)
    decide(house, "insurer_may_pass_card_fee", True, "CT", "all_pc")
    decide(house, "insurer_may_pass_card_fee", True, "OK", "all_pc")
    assert fee(house, Place("CT", "commercial_pc", "admitted")) == 0
    assert fee(house, Place("OK", "commercial_pc", "admitted")) == 0


def test_a_bank_debit_bears_a_fee_only_where_more_than_the_filed_premium_may_be_asked(house: House) -> None:
    publish(house, {"channels": {"web": {"ach": {"flat": "1.50"}}}})
    assert fee(house, how=How("ach")) == 0
    decide(house, "charge_above_filed_premium_prohibited", False, "NY", "all_pc")
    assert fee(house, how=How("ach")) == 1_50
    assert fee(house, Place("HI", "commercial_pc", "admitted"), How("ach")) == 0


def test_parts_under_several_laws_bear_each_their_own(house: House) -> None:
    """200.00 in New York at 2.9% is 5.80; what is under Hawaii's law bears nothing."""
    publish(house, FEE_OF_A_BROKER)
    visa_limit(house)
    parts = [(NY, Money(150_00)), (Place("HI", "commercial_pc", "admitted"), Money(80_00)), (NY, Money(50_00))]
    quoted = method_fees.quote(house.operator.id, parts, VISA, on=DAY)
    assert quoted.fee == Money(5_80)
    assert [(name, minor) for name, minor, _ in quoted.figures] == [
        ("surcharge", 5_80),
        ("surcharge in NY commercial_pc", 5_80),
        ("surcharge in HI commercial_pc", 0),
    ]


def test_a_version_begins_on_its_day_and_only_a_person_with_leave_publishes_one(house: House) -> None:
    visa_limit(house)
    publish(house, FEE_OF_A_BROKER)
    first = method_fees.in_force(house.operator.id, DAY)
    assert first is not None
    publish(house, FEE_OF_A_BROKER)
    assert method_fees.in_force(house.operator.id, DAY) == first
    later = method_fees.publish(spec={}, effective_from=dt.date(2026, 3, 1), actor=house.me)
    assert (later.number, method_fees.in_force(house.operator.id, DAY)) == (2, first)
    with pytest.raises(Invalid):
        method_fees.publish(spec={}, effective_from=DAY, actor=house.me)
    with pytest.raises(Forbidden):
        method_fees.publish(spec={}, effective_from=DAY, actor=world.actor(house.operator, "cash"))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"payee": "bank"}, "payee"),
        ({"channels": {"fax": {}}}, "channels"),
        ({"channels": {"web": {"card": {"percent": "2.5"}}}}, "cost_percent"),
        ({"channels": {"web": {"card": {"kind": "convenience", "percent": "2"}}}}, "percent"),
        ({"channels": {"web": {"card": {**SURCHARGE, "percent": 2.5}}}}, "percent"),
        ({"channels": {"web": {"card": {**SURCHARGE, "percent": "11"}}}}, "percent"),
        ({"channels": {"web": {"ach": {"flat": "-1"}}}}, "flat"),
        ({"channels": {"web": {"ach": {"percent": "1"}}}}, "ach"),
        ({"fees": {}}, "spec"),
        ([], "spec"),
    ],
)
def test_a_spec_that_cannot_be_done_is_refused_by_name(spec: Any, field: str) -> None:
    with pytest.raises(FeesUnreadable) as refused:
        method_fee_terms.read(spec)
    assert refused.value.field == field


percents = some.decimals(0, 10, places=2)
shares = some.builds(
    Share,
    some.just("NY"),
    some.builds(Money, some.integers(1, 10**9)),
    some.sampled_from(["", "refused"]),
    some.lists(some.builds(Cap, some.just("limit"), percents), max_size=3).map(tuple),
)


@given(percents, some.integers(0, 1_000), some.lists(shares, min_size=1, max_size=5))
def test_a_fee_is_never_above_any_limit_and_nothing_where_it_is_refused(
    percent: Decimal, flat: int, asked_of: list[Share]
) -> None:
    asked = Asked("surcharge", percent, str(Decimal(flat).scaleb(-2)), Decimal(10))
    taken = method_fee_terms.take(asked, asked_of, "USD")
    for each in taken:
        assert each.fee_minor >= 0
        for cap in each.share.caps:
            assert each.fee_minor * 10_000 <= each.share.amount.amount_minor * cap.percent * 100
        if each.share.refused:
            assert each.fee_minor == 0
    wanted = sum(share.amount.amount_minor for share in asked_of) * percent / 100 + flat
    assert sum(each.fee_minor for each in taken) <= wanted


@given(
    state=some.sampled_from(facts.STATES),
    payee=some.sampled_from(method_fee_terms.PAYEES),
    brand=some.sampled_from(["visa", "mastercard", "discover", "amex", ""]),
    funding=some.sampled_from(["credit", "debit", "prepaid", ""]),
    method=some.sampled_from(["card", "ach"]),
)
def test_by_the_facts_alone_nobody_asks_anything_anywhere(
    house: House, state: str, payee: str, brand: str, funding: str, method: str
) -> None:
    publish(house, {"payee": payee, "channels": {"web": {"card": SURCHARGE, "ach": {"flat": "1.00"}}}})
    assert fee(house, Place(state, "commercial_pc", "admitted"), How(method, brand, funding)) == 0
