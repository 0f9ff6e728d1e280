"""Routing an actual payment: what rules ask about its policy and method, tries of what was down, and going on."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from payments import accounts, health
from payments.models import GatewayAccount, MethodToken, PaymentMethod
from payments.routing import Decision, NoRoute, RulesUnreadable
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
TEST = system("test")


@pytest.fixture
def second(house: House) -> GatewayAccount:
    return accounts.open_account(gateway="sandbox", merchant="second", bank_account_id=house.bank.id, actor=house.me)


def publish(house: House, *rules: dict[str, Any]) -> None:
    accounts.publish_routing(rules=rules, effective_from=books.FIRST_DAY, actor=house.me)


def route(house: House, **known: Any) -> Decision:
    return accounts.route(house.operator.id, "card", Money(10_000), **known)


@pytest.mark.parametrize(
    "when",
    [{"program": ["hi"]}, {"state": ["HI"]}, {"organization": ["CARRIER"]}, {"state": ["HI"], "program": ["hi"]}],
)
def test_rules_ask_about_the_policy(house: House, second: GatewayAccount, when: dict[str, Any]) -> None:
    policy = books.bound(house)
    when = {key: [house.carrier.code] if said == ["CARRIER"] else said for key, said in when.items()}
    publish(house, {"when": when, "to": [second.id]}, {"to": [house.account.id]})
    assert route(house, policy=policy).account_id == second.id
    assert route(house).account_id == house.account.id


def test_rules_ask_about_the_kept_method_and_go_where_it_has_a_token(house: House, second: GatewayAccount) -> None:
    party = books.bound(house).insured
    method = PaymentMethod.objects.create(
        organization=house.operator, party=party, kind="card", holder="business", funding="debit", brand="visa"
    )
    publish(house, {"when": {"payer": ["business"], "card": {"funding": ["debit"]}}, "to": ["sandbox"]})
    with pytest.raises(NoRoute, match="has no token of this payment method"):
        route(house, payment_method=method)
    MethodToken.objects.create(payment_method=method, account=second, token="tok_ok")
    decision = route(house, payment_method=method)
    assert (decision.account_id, decision.alternatives) == (second.id, ())


def test_a_plain_table_takes_two_queries(house: House) -> None:
    with CaptureQueriesContext(connection) as asked:
        route(house, token="tok_ok")
    assert len(asked) == 2


def test_accounts_may_be_left_out_and_rules_name_only_ones_own(house: House, second: GatewayAccount) -> None:
    assert route(house, exclude=[house.account.id]).account_id == second.id
    other = books.open_house()
    with pytest.raises(RulesUnreadable) as refused:
        publish(house, {"to": [other.account.id]})
    assert refused.value.extra == {"rule": 1, "key": "to.1"}


@command
def fail(*, account: GatewayAccount, times: int, actor: Actor) -> None:
    for _ in range(times):
        health.failed(account, "no route to host")
    commands.unchanged()


@command
def planned(*, house: House, reference: str, actor: Actor) -> Decision:
    commands.unchanged()
    return route(house, reference=reference)


def test_of_the_payments_after_an_outage_one_tries_and_the_others_go_round(
    house: House, second: GatewayAccount
) -> None:
    with clock.frozen(NOON):
        fail(account=house.account, times=settings.BREAKER_FAILURES, actor=TEST)
        around = planned(house=house, reference="pay_1", actor=TEST)
    assert around.account_id == second.id
    assert f"{house.account} is down until" in around.reasons[0]
    with clock.frozen(NOON + dt.timedelta(seconds=settings.BREAKER_WAIT_SECONDS)):
        tries, goes_round = (planned(house=house, reference=f"pay_{n}", actor=TEST) for n in (2, 3))
    assert (tries.account_id, tries.trial) == (house.account.id, True)
    assert goes_round.account_id == second.id
    assert "another payment is trying it" in goes_round.reasons[0]


def test_asking_where_a_payment_would_go_tries_nothing(house: House) -> None:
    with clock.frozen(NOON):
        fail(account=house.account, times=settings.BREAKER_FAILURES, actor=TEST)
    with clock.frozen(NOON + dt.timedelta(hours=1)):
        assert route(house).trial
        assert health.states([house.account.id])[house.account.id].trial


def test_a_payment_goes_on_where_something_is_in_use(house: House, second: GatewayAccount) -> None:
    third = accounts.open_account(gateway="sandbox", merchant="third", bank_account_id=house.bank.id, actor=house.me)
    first = route(house, token="tok_ok").as_json()
    assert first["alternatives"] == [second.id, third.id]
    accounts.close_account(account_id=second.id, reason="Moved", actor=house.me)
    then = accounts.next_choice(first, [house.account.id], why="refused")
    assert then is not None
    assert (then.account_id, then.how, then.alternatives) == (third.id, "failover", ())
    assert then.reasons[-1] == "not reached (refused); sandbox third is next"
    fail(account=third, times=settings.BREAKER_FAILURES, actor=TEST)
    assert accounts.next_choice(first, [house.account.id], why="refused") is None
