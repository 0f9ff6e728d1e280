"""Rules of a routing table: what cannot be read is refused by rule and key; what fits, fits; and both in words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from coverpay.kernel.money import Money
from payments import routing_rules
from payments.routing import RouteRequest, RulesUnreadable

NEW_YORK = "America/New_York"


def request(**known: Any) -> RouteRequest:
    return RouteRequest(**{"method": "card", "amount": Money(50_000), **known})


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ({"to": ["alpha"], "gateway": "alpha"}, "to"),
        ({"when": {}}, "to"),
        ({"to": []}, "to"),
        ({"to": ["alpha", "nobody"]}, "to.2"),
        ({"to": ["alpha", "alpha"]}, "to"),
        ({"to": {"dearest": ["alpha"]}}, "to"),
        ({"to": {"cheapest": []}}, "to.cheapest"),
        ({"to": {"split": []}}, "to.split"),
        ({"to": {"split": [{"to": "alpha"}]}}, "to.split.1"),
        ({"to": {"split": [{"to": "alpha", "weight": 1.5}]}}, "to.split.1.weight"),
        ({"to": {"split": [{"to": "alpha", "weight": -1}]}}, "to.split.1.weight"),
        ({"to": {"split": [{"to": "alpha", "weight": 0}]}}, "to.split"),
        ({"to": {"split": [{"to": "alpha", "weight": 1}, {"to": "alpha", "weight": 2}]}}, "to.split"),
        ({"to": ["alpha"], "only": "yes"}, "only"),
        ({"to": ["alpha"], "name": "x" * 81}, "name"),
        ({"to": ["alpha"], "unless": {}}, "unless"),
        ({"to": ["alpha"], "when": {"weather": ["fair"]}}, "when.weather"),
        ({"to": ["alpha"], "when": {"amount": {}}}, "when.amount"),
        ({"to": ["alpha"], "when": {"amount": {"min_minor": "1"}}}, "when.amount.min_minor"),
        ({"to": ["alpha"], "when": {"amount": {"min_minor": 5, "max_minor": 4}}}, "when.amount"),
        ({"to": ["alpha"], "when": {"currency": ["XYZ"]}}, "when.currency"),
        ({"to": ["alpha"], "when": {"program": "hi"}}, "when.program"),
        ({"to": ["alpha"], "when": {"payer": ["robot"]}}, "when.payer"),
        ({"to": ["alpha"], "when": {"card": {"colour": ["red"]}}}, "when.card.colour"),
        ({"to": ["alpha"], "when": {"card": {"funding": ["gift"]}}}, "when.card.funding"),
        ({"to": ["alpha"], "when": {"time": {"zone": "Mars/Olympus", "weekdays": ["mon"]}}}, "when.time.zone"),
        ({"to": ["alpha"], "when": {"time": {"zone": NEW_YORK}}}, "when.time"),
        ({"to": ["alpha"], "when": {"time": {"zone": NEW_YORK, "from": "08:00"}}}, "when.time"),
        ({"to": ["alpha"], "when": {"time": {"zone": NEW_YORK, "from": "8:00", "until": "17:00"}}}, "when.time.from"),
        ({"to": ["alpha"], "when": {"time": {"zone": NEW_YORK, "first_day": "20261224"}}}, "when.time.first_day"),
        ({"to": ["alpha"], "when": {"time": {"zone": NEW_YORK, "weekdays": ["monday"]}}}, "when.time.weekdays"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_read_is_refused_by_its_number_and_key(rule: dict[str, Any], key: str) -> None:
    with pytest.raises(RulesUnreadable) as refused:
        routing_rules.check([{"gateway": "alpha"}, rule], ["alpha", "beta"])
    assert (refused.value.field, refused.value.extra) == ("rules", {"rule": 2, "key": key})
    assert f"`{key}`" in refused.value.message


def test_an_account_of_the_organization_may_be_named() -> None:
    rules = [{"to": ["gwa_1"]}, {"to": {"split": [{"to": "gwa_1", "weight": 1}, {"to": "alpha", "weight": 0}]}}]
    routing_rules.check(rules, ["alpha"], ["gwa_1"])
    with pytest.raises(RulesUnreadable):
        routing_rules.check(rules, ["alpha"], ["gwa_2"])


MONDAY = dt.datetime(2026, 11, 23, 14, 30, tzinfo=dt.UTC)  # 09:30 in New York


@pytest.mark.parametrize(
    ("when", "known", "missed"),
    [
        ({}, {}, None),
        ({"amount": {"min_minor": 50_000}}, {}, None),
        ({"amount": {"min_minor": 50_001}}, {}, "is for amounts from 50,001 minor units, not 500.00 USD"),
        ({"amount": {"max_minor": 49_999}}, {}, "is for amounts up to 49,999 minor units, not 500.00 USD"),
        ({"currency": ["CAD"]}, {}, "is for CAD, not USD"),
        ({"program": ["hi"]}, {"programs": frozenset({"prg_1", "hi"})}, None),
        ({"program": ["hi"]}, {}, "is for program hi"),
        ({"state": ["HI", "CA"]}, {"state": "NY"}, "is for HI, CA, not NY"),
        ({"state": ["HI"]}, {}, "asks for the state, which is not known"),
        ({"organization": ["acme"]}, {"organizations": frozenset({"acme"})}, None),
        ({"payer": ["business"]}, {"payer": "consumer"}, "is for business, not consumer"),
        ({"card": {"funding": ["debit"]}}, {"funding": "credit"}, "is for debit cards, not credit"),
        ({"card": {"brand": ["Visa"]}}, {"brand": "visa"}, None),
        ({"card": {"funding": ["debit"]}}, {}, "asks for the funding, which is not known"),
        ({"time": {"zone": NEW_YORK, "weekdays": ["mon"], "from": "09:30", "until": "10:00"}}, {"at": MONDAY}, None),
        ({"time": {"zone": NEW_YORK, "from": "10:00", "until": "09:31"}}, {"at": MONDAY}, None),
        (
            {"time": {"zone": NEW_YORK, "from": "09:00", "until": "09:30"}},
            {"at": MONDAY},
            "is for 09:00 to 09:30 (America/New_York); there it is mon 2026-11-23 09:30",
        ),
        (
            {"time": {"zone": NEW_YORK, "last_day": "2026-11-22"}},
            {"at": MONDAY},
            "is for up to 2026-11-22 (America/New_York); there it is mon 2026-11-23 09:30",
        ),
    ],
)
def test_a_rule_fits_or_says_why_not(when: dict[str, Any], known: dict[str, Any], missed: str | None) -> None:
    assert routing_rules.misses({"when": when, "to": ["alpha"]}, request(**known)) == missed


def test_rules_are_told_in_words() -> None:
    rule = {
        "when": {
            "method": ["card"],
            "amount": {"min_minor": 100_000},
            "card": {"brand": ["visa"], "funding": ["debit"]},
        },
        "to": {"split": [{"to": "gwa_1", "weight": 3}, {"to": "beta", "weight": 1}]},
    }
    assert routing_rules.when_in_words(rule) == "method card; amount from 100,000 minor units; visa debit card"
    assert routing_rules.to_in_words(rule, {"gwa_1": "alpha main"}) == "split: alpha main 3 of 4, beta 1 of 4"
    assert routing_rules.to_in_words({"gateway": "beta"}, {}) == "beta"
    assert routing_rules.to_in_words({"to": {"cheapest": ["beta", "gwa_1"]}}, {}) == "the cheapest of beta, gwa_1"
    assert routing_rules.to_in_words({"to": ["beta", "gwa_1"]}, {}) == "beta, then gwa_1"
    assert routing_rules.when_in_words({"to": ["beta"]}) == "every payment"


def test_only_what_rules_ask_about_has_to_be_known() -> None:
    rules: list[dict[str, Any]] = [
        {"when": {"state": ["HI"]}, "to": ["a"]},
        {"when": {"payer": ["business"]}, "to": ["a"]},
        {"to": ["a"]},
    ]
    assert routing_rules.asks(rules) == {"state", "payer"}
