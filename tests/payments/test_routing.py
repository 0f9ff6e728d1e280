"""Routing: the first rule that fits, with every reason kept."""

from __future__ import annotations

from typing import Any

import pytest

from coverpay.kernel.money import Money
from payments import routing
from payments.gateways.base import Capabilities
from payments.routing import Candidate, NoRoute, RouteRequest, RulesUnreadable


def candidate(gateway: str, methods: str = "card ach", currencies: str = "USD", most: int = 10**8) -> Candidate:
    can = Capabilities(frozenset(methods.split()), frozenset(currencies.split()), most, 29_000, 30, 1, True)
    return Candidate(f"gwa_{gateway}", gateway, can)


CARDS = {"when": {"method": ["card"]}, "gateway": "alpha"}
REST = {"gateway": "beta"}
BOTH = [candidate("alpha", "card", most=50_000), candidate("beta")]


def chosen(method: str, minor: int = 1_000, rules: Any = (CARDS, REST), candidates: Any = BOTH) -> routing.Decision:
    return routing.choose(rules, "routing v3", RouteRequest(method, Money(minor)), candidates)


def test_the_first_rule_that_fits_decides_and_says_so() -> None:
    assert chosen("card").as_json() == {
        "account": "gwa_alpha", "table": "routing v3", "rule": 1, "name": "", "how": "listed", "cost_minor": 59,
        "alternatives": ["gwa_beta"], "reasons": ["rule 1: card goes to alpha"],
    }  # fmt: skip


def test_what_a_rule_or_a_gateway_does_not_take_goes_on_with_the_reason() -> None:
    assert chosen("ach").reasons == ("rule 1: is for card, not ach", "rule 2: ach goes to beta")
    assert chosen("card", 50_001).reasons == ("rule 1: alpha takes at most 500.00 USD", "rule 2: card goes to beta")
    cards_only = [candidate("alpha", "ach"), candidate("beta")]
    assert chosen("card", candidates=cards_only).reasons[0] == "rule 1: alpha does not take card"


def test_a_second_account_of_the_same_gateway_takes_what_the_first_cannot() -> None:
    twins = [candidate("beta", currencies="CAD"), Candidate("gwa_second", "beta", candidate("beta").capabilities)]
    assert chosen("ach", rules=[REST], candidates=twins).account_id == "gwa_second"


@pytest.mark.parametrize(
    ("rules", "candidates", "reason"),
    [
        ([], BOTH, "the table has no rule"),
        ([CARDS], BOTH, "rule 1: is for card, not ach"),
        ([REST], [candidate("beta", currencies="CAD")], "rule 1: beta does not take USD"),
    ],
)
def test_no_way_out_is_refused_with_every_reason(rules: Any, candidates: Any, reason: str) -> None:
    with pytest.raises(NoRoute) as refused:
        chosen("ach", rules=rules, candidates=candidates)
    assert refused.value.field == "method"
    assert reason in refused.value.message


@pytest.mark.parametrize(
    "rules",
    [
        None, {}, "sandbox", ["sandbox"], [{}], [{"gateway": "nobody"}], [{"gateway": "sandbox", "if": {}}],
        [{"gateway": "sandbox", "when": "card"}], [{"gateway": "sandbox", "when": {"methods": ["card"]}}],
        [{"gateway": "sandbox", "when": {"method": "card"}}], [{"gateway": "sandbox", "when": {"method": []}}],
        [{"gateway": "sandbox", "when": {"method": ["barter"]}}], [{"gateway": ["sandbox"]}],
    ],
)  # fmt: skip
def test_rules_that_cannot_be_read_are_refused(rules: Any) -> None:
    with pytest.raises(RulesUnreadable) as refused:
        routing.check(rules, ["sandbox"])
    assert refused.value.field == "rules"


def test_good_rules_pass() -> None:
    routing.check([{"gateway": "sandbox"}, {"when": {"method": ["card", "ach"]}, "gateway": "sandbox"}], ["sandbox"])
