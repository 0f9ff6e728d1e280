"""Order among accounts: lists, splits and costs; what is down comes last; what holds for every table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coverpay.kernel.money import Money
from payments import routing
from payments.gateways.base import Capabilities
from payments.routing import Candidate, Decision, Health, NoRoute, RouteRequest

ALL = frozenset({"card", "ach"})
DOWN = Health(up=False, words="is down until noon", badness=(0, "12:00"))
KEPT_DOWN = Health(up=False, words="is kept down by a person", badness=(1, "08:00"))
BACK = Health(words="was down", trial=True)


def at(name: str, *, methods: frozenset[str] = ALL, ppm: int = 29_000, fixed: int = 30, **more: Any) -> Candidate:
    can = Capabilities(methods, frozenset({"USD"}), 10**8, ppm, fixed, 1, True)
    return Candidate(f"gwa_{name}", name, can, **more)


def chosen(rules: Any, candidates: Any, **known: Any) -> Decision:
    request = RouteRequest(**{"method": "card", "amount": Money(100_000), "reference": "pay_1", **known})
    return routing.choose(rules, "routing v1", request, candidates)


def test_a_list_is_tried_in_order_and_the_rest_is_gone_on_with() -> None:
    decision = chosen([{"to": ["beta", "gwa_alpha"]}, {"to": ["gamma"]}], [at("alpha"), at("beta"), at("gamma")])
    assert (decision.account_id, decision.alternatives) == ("gwa_beta", ("gwa_alpha", "gwa_gamma"))


def test_a_rule_that_is_the_only_one_leads_nowhere_else() -> None:
    rules = [{"to": ["beta"], "only": True, "name": "Trust"}, {"to": ["alpha"]}]
    assert chosen(rules, [at("alpha"), at("beta")]).alternatives == ()
    with pytest.raises(NoRoute, match="beta does not take card"):
        chosen(rules, [at("alpha"), at("beta", methods=frozenset({"ach"}))])


def test_the_cheapest_for_this_amount_is_chosen_and_every_cost_is_told() -> None:
    # 2.9% of 1,000.00 and 0.30 are 29.30; 1% and 15.00 are 25.00. Of 100.00: 3.20 and 16.00.
    rules = [{"to": {"cheapest": ["alpha", "beta"]}, "name": "Save"}]
    both = [at("alpha"), at("beta", ppm=10_000, fixed=1_500)]
    decision = chosen(rules, both)
    assert (decision.account_id, decision.how, decision.cost_minor) == ("gwa_beta", "cheapest", 2_500)
    assert decision.reasons == (
        "rule 1: card goes to the cheapest, beta: beta 25.00 USD, alpha 29.30 USD (Save)",
    )  # fmt: skip
    assert chosen(rules, both, amount=Money(10_000)).account_id == "gwa_alpha"
    dearer = [at("alpha", cost_ppm=200_000), at("beta", ppm=10_000, fixed=1_500)]
    assert chosen(rules, dearer, amount=Money(10_000)).account_id == "gwa_beta"


def test_an_account_that_is_down_is_gone_round_and_when_all_are_the_least_bad_is_tried() -> None:
    rules = [{"to": ["alpha", "beta"]}]
    round_it = chosen(rules, [at("alpha", health=DOWN), at("beta")])
    assert (round_it.account_id, round_it.alternatives) == ("gwa_beta", ("gwa_alpha",))
    assert round_it.reasons == ("rule 1: alpha is down until noon", "rule 1: card goes to beta")
    least = chosen(rules, [at("alpha", health=KEPT_DOWN), at("beta", health=DOWN)])
    assert least.account_id == "gwa_beta"
    assert "all are down: beta, the least bad, is tried" in least.reasons


def test_a_later_rule_takes_over_what_is_down_and_a_payment_tries_what_was_down() -> None:
    rules = [{"to": ["alpha"]}, {"to": ["beta"]}]
    assert chosen(rules, [at("alpha", health=DOWN), at("beta")]).rule == 2
    tries = chosen(rules, [at("alpha", health=BACK), at("beta")])
    assert (tries.account_id, tries.trial) == ("gwa_alpha", True)
    assert "rule 1: alpha was down; this payment tries it" in tries.reasons


def test_a_method_is_only_charged_where_it_has_a_token_and_a_bare_token_goes_nowhere_else() -> None:
    rules, both = [{"to": ["alpha", "beta"]}], [at("alpha"), at("beta")]
    kept = chosen(rules, both, token_accounts=frozenset({"gwa_beta"}))
    assert (kept.account_id, kept.alternatives) == ("gwa_beta", ())
    assert kept.reasons[0] == "rule 1: alpha has no token of this payment method"
    assert chosen(rules, both, bare_token=True).alternatives == ()
    twin = Candidate("gwa_twin", "alpha", at("alpha").capabilities, shares_tokens=True)
    assert chosen(rules, [*both, twin], bare_token=True).alternatives == ("gwa_twin",)


def test_money_is_held_only_where_it_can_be() -> None:
    with pytest.raises(NoRoute, match="cannot hold money"):
        chosen([{"to": ["alpha"]}], [at("alpha")], holds=True)


SPLIT = [{"to": {"split": [{"to": "alpha", "weight": 70}, {"to": "beta", "weight": 30}, {"to": "gamma", "weight": 0}]}}]
THREE = [at("alpha"), at("beta"), at("gamma")]


@given(st.text(max_size=40))
def test_a_split_answers_the_same_for_the_same_payment_and_its_weightless_choice_comes_last(reference: str) -> None:
    first, again = (chosen(SPLIT, THREE, reference=reference) for _ in range(2))
    assert first == again
    assert first.alternatives[-1] == "gwa_gamma"
    assert {first.account_id, *first.alternatives} == {"gwa_alpha", "gwa_beta", "gwa_gamma"}


def test_a_split_holds_its_shares() -> None:
    taken = [chosen(SPLIT, THREE, reference=f"pay_{number}").account_id for number in range(2_000)]
    # 70% of 2,000 are 1,400; four standard deviations of a binomial are 4 * sqrt(2000 * 0.7 * 0.3) = 82.
    assert abs(taken.count("gwa_alpha") - 1_400) <= 82
    assert taken.count("gwa_gamma") == 0


HEALTH = st.sampled_from([Health(), DOWN, KEPT_DOWN, BACK])
CANDIDATES = st.lists(
    st.builds(
        lambda place, name, health, methods: Candidate(
            f"gwa_{place}{name}", name, at(name, methods=methods).capabilities, health=health
        ),
        st.integers(0, 3),
        st.sampled_from(["alpha", "beta", "gamma"]),
        HEALTH,
        st.sampled_from([ALL, frozenset({"ach"})]),
    ),
    unique_by=lambda candidate: candidate.account_id,
)
CHOICES = st.lists(st.sampled_from(["alpha", "beta", "gamma"]), min_size=1, unique=True)
RULES = st.lists(
    st.one_of(
        st.builds(lambda to: {"to": to}, CHOICES),
        st.builds(lambda to: {"to": {"cheapest": to}}, CHOICES),
        st.builds(lambda to: {"to": {"split": [{"to": each, "weight": 5} for each in to]}}, CHOICES),
        st.builds(lambda to: {"when": {"method": ["ach"]}, "to": to}, CHOICES),
    ),
    max_size=4,
)


@given(RULES, CANDIDATES, st.text(max_size=10))
def test_whoever_can_take_it_takes_it_and_nobody_down_while_another_is_up(
    rules: Any, candidates: list[Candidate], reference: str
) -> None:
    named = {name for rule in rules if "when" not in rule for name in _named(rule["to"])}
    able = {c.account_id: c for c in candidates if c.gateway in named and "card" in c.capabilities.methods}
    try:
        decision = chosen(rules, candidates, reference=reference)
    except NoRoute:
        assert not able
        return
    assert {decision.account_id, *decision.alternatives} == set(able)
    assert len(decision.alternatives) == len(able) - 1
    if any(candidate.health.up for candidate in able.values()):
        assert able[decision.account_id].health.up
    assert decision.reasons


def _named(to: Any) -> list[str]:
    if isinstance(to, list):
        return to
    return to.get("cheapest") or [share["to"] for share in to["split"]]
