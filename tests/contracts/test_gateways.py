"""What every registered gateway must do about charges and refunds, whatever it talks to."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from coverpay.kernel.money import Money
from payments.gateways import registry, sandbox
from payments.gateways.base import NotSent, Status
from payments.gateways.registry import UnknownGateway
from tests.contracts.bench import Bench
from tests.contracts.gateways import BENCHES, having

TOKENS = [pytest.param(name, token, id=f"{name}-{token}") for name, bench in BENCHES.items() for token in bench.tokens]
each_gateway = pytest.mark.parametrize("name", BENCHES)
each_token = pytest.mark.parametrize(("name", "token"), TOKENS)


def test_every_registered_gateway_is_held_to_this_contract() -> None:
    assert set(registry.names()) == set(BENCHES)
    assert set(BENCHES["sandbox"].tokens) >= set(sandbox.TOKENS)


@each_gateway
def test_a_gateway_is_found_by_its_name_and_says_what_it_can_do(bench: Bench, name: str) -> None:
    assert bench.gateway.name == name
    can = registry.entry(name).capabilities
    assert can == bench.gateway.capabilities
    assert can.methods
    assert can.currencies
    assert can.max_minor > 0
    with pytest.raises(UnknownGateway) as refused:
        registry.entry("nobody")
    assert refused.value.field == "gateway"


def test_a_sandbox_that_is_switched_off_is_not_there(settings: Any) -> None:
    settings.SANDBOX_ENABLED = False
    with pytest.raises(UnknownGateway):
        registry.entry("sandbox")


@each_token
def test_each_token_ends_as_it_says_and_fetch_knows_it_by_our_reference(bench: Bench, token: str) -> None:
    reply, truth = bench.tokens[token]
    charge = bench.charge(token)
    if reply is None:
        with pytest.raises(NotSent):
            bench.take(charge)
    else:
        assert bench.take(charge).status is reply
    bench.time_passes()
    assert bench.gateway.fetch(charge.merchant, charge.reference).status is truth


@each_token
def test_sending_the_same_reference_again_never_takes_twice(bench: Bench, token: str) -> None:
    charge = bench.charge(token)
    for _ in range(3):
        with suppress(NotSent):
            bench.take(charge)
    assert bench.charges() <= 1
    assert bench.taken_minor() in (0, 535_900, 535_900 + bench.wrong[1])


@having("ok")
def test_the_same_reference_at_once_is_taken_once(bench: Bench) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(bench.take, [bench.charge()] * 8))
    said = {outcome.status for outcome in outcomes}
    assert Status.SUCCEEDED in said and said <= {Status.SUCCEEDED, Status.UNKNOWN}
    assert len({outcome.gateway_reference for outcome in outcomes if outcome.status is Status.SUCCEEDED}) == 1
    assert bench.taken_minor() == 535_900


@having("ok")
def test_a_success_says_what_was_taken_and_a_decline_says_why(bench: Bench) -> None:
    done = bench.take(bench.charge())
    assert (done.amount, bool(done.gateway_reference)) == (Money(535_900), True)
    token, code = bench.declined
    declined = bench.take(bench.charge(token))
    assert declined.code == code
    assert code.replace("_", " ") in declined.message


@having("wrong")
def test_a_wrong_amount_is_reported_as_it_is(bench: Bench) -> None:
    charge = bench.charge(bench.wrong[0])
    assert bench.take(charge).amount == Money(535_900 + bench.wrong[1])
    assert bench.gateway.fetch("m1", charge.reference).amount == Money(535_900 + bench.wrong[1])


@having("lost")
def test_a_timeout_that_lost_the_request_succeeds_when_it_is_sent_again(bench: Bench) -> None:
    charge = bench.charge(bench.lost)
    assert bench.take(charge).status is Status.UNKNOWN
    assert bench.take(charge).status is Status.SUCCEEDED
    assert bench.taken_minor() == 535_900


@having("ok")
def test_what_nobody_sent_and_what_another_merchant_sent_is_not_found(bench: Bench) -> None:
    charge = bench.charge()
    bench.take(charge)
    assert bench.gateway.fetch("m1", "att_nobody").status is Status.NOT_FOUND
    assert bench.at("m2").fetch("m2", charge.reference).status is Status.NOT_FOUND


@having("ok")
def test_a_refund_gives_back_once_and_is_known_by_our_reference(bench: Bench) -> None:
    charge = bench.charge()
    bench.take(charge)
    first, again = (bench.gateway.refund(bench.refund(charge)) for _ in range(2))
    assert first == again
    assert (first.status, first.amount) == (Status.SUCCEEDED, charge.amount)
    assert bench.gateway.fetch("m1", "rfd_1") == first
    assert bench.gateway.fetch("m1", "rfd_nobody").status is Status.NOT_FOUND
    assert bench.gateway.refund(bench.refund(charge, "rfd_2")).status is Status.DECLINED


@having("ok")
def test_a_refund_of_more_of_nothing_or_of_others_is_declined(bench: Bench) -> None:
    charge, declined = bench.charge(), bench.charge(bench.declined[0])
    bench.take(charge)
    bench.take(declined)
    orders = [
        bench.refund(charge, "rfd_a", amount=Money(535_901)),
        bench.refund(charge, "rfd_b", merchant="m2"),
        bench.refund(charge, "rfd_c", charge_reference="att_nobody"),
        bench.refund(declined, "rfd_d"),
    ]
    assert [bench.at(order.merchant).refund(order).status for order in orders] == [Status.DECLINED] * 4


@having("ok")
def test_parts_are_given_back_until_nothing_is_left(bench: Bench) -> None:
    if not bench.gateway.capabilities.partial_refunds:
        pytest.skip("gives back only the whole")
    charge = bench.charge()
    bench.take(charge)
    parts = [("rfd_a", 35_900), ("rfd_b", 499_999), ("rfd_c", 2), ("rfd_d", 1)]
    said = [bench.gateway.refund(bench.refund(charge, name, amount=Money(minor))) for name, minor in parts]
    assert [outcome.status for outcome in said] == [
        Status.SUCCEEDED, Status.SUCCEEDED, Status.DECLINED, Status.SUCCEEDED,
    ]  # fmt: skip
    assert [outcome.amount for outcome in said if outcome.status is Status.SUCCEEDED] == [
        Money(35_900), Money(499_999), Money(1),
    ]  # fmt: skip
    assert bench.gateway.fetch("m1", "rfd_b").amount == Money(499_999)


@having("returned")
def test_a_payout_ties_and_names_each_charge_refund_and_return_once(bench: Bench) -> None:
    kept, given, back = bench.charge(), bench.charge(minor=10_000), bench.charge(bench.returned, minor=20_000)
    late, declined = bench.charge(bench.pending), bench.charge(bench.declined[0])
    for charge in (kept, given, back, late, declined):
        bench.take(charge)
    bench.gateway.refund(bench.refund(given))
    bench.night_falls()
    bench.time_passes()
    bench.night_falls(on=dt.date(2026, 2, 3))
    bench.night_falls(on=dt.date(2026, 2, 4))
    first, second = bench.gateway.payouts("m1", dt.date(2026, 2, 1))
    lines = [(line.kind, line.our_reference, line.gross_minor) for line in first.lines + second.lines]
    assert sorted(lines) == sorted(
        [("charge", kept.reference, 535_900), ("charge", given.reference, 10_000), ("charge", back.reference, 20_000),
         ("charge", late.reference, 535_900), ("refund", "rfd_1", -10_000), ("return", back.reference, -20_000)]
    )  # fmt: skip
    for payout in (first, second):
        assert payout.net.amount_minor == sum(line.gross_minor - line.fee_minor for line in payout.lines)
    assert (first.paid_on, second.paid_on) == (dt.date(2026, 2, 2), dt.date(2026, 2, 3))
    assert bench.gateway.payouts("m1", dt.date(2026, 2, 3)) == [second]
    assert bench.at("m2").payouts("m2", dt.date(2026, 2, 1)) == []


@pytest.mark.parametrize(("gross", "fee"), [(535_900, 15_571), (10_000, 320), (1, 30), (17, 30), (18, 31)])
def test_the_sandbox_keeps_2_9_percent_and_30_cents(gross: int, fee: int) -> None:
    assert sandbox.fee_minor(gross) == fee
