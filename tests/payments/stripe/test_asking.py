"""Asking Stripe by our reference: search lags, lists are long, and silence is not always proof."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from coverpay.kernel import clock, ids
from coverpay.kernel.money import Money
from payments.gateways import stripe, stripe_http
from payments.gateways.base import Charge, NotSent, RefundOrder, Status
from tests.contracts.stripe_bench import StripeBench, processor


@pytest.fixture
def lagging() -> Iterator[None]:
    """Search that knows nothing of the last hour."""
    processor().ask("settings", search_lag_seconds=3600)
    yield
    processor().ask("settings", search_lag_seconds=0)


def charge(bench: StripeBench, reference: str = "", token: str = "pm_card_visa") -> Charge:
    reference = reference or ids.new("att")
    return bench.charge(token, reference=reference)


@pytest.mark.usefixtures("lagging")
def test_what_search_does_not_know_yet_is_found_in_the_list(bench: StripeBench) -> None:
    asked = charge(bench, token="pm_card_visa__timeout_after")
    assert bench.take(asked).status is Status.UNKNOWN
    assert bench.gateway.fetch("m1", asked.reference).status is Status.SUCCEEDED


@pytest.mark.usefixtures("lagging")
def test_what_neither_knows_was_never_heard_of(bench: StripeBench) -> None:
    bench.take(charge(bench))
    assert bench.gateway.fetch("m1", ids.new("att")).status is Status.NOT_FOUND


@pytest.mark.usefixtures("lagging")
def test_a_list_too_long_to_look_through_proves_nothing_until_search_has_caught_up(
    bench: StripeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe, "MAX_PAGES", 2)
    monkeypatch.setattr(stripe, "PAGE", 2)
    monkeypatch.setattr(stripe_http, "PAGE", 2)
    young, old = ids.new("att"), made(clock.now() - dt.timedelta(days=2))
    for _ in range(5):
        bench.take(charge(bench))
    with pytest.raises(NotSent, match="more payment_intents than"):
        bench.gateway.fetch("m1", young)
    assert bench.gateway.fetch("m1", old).status is Status.NOT_FOUND
    with pytest.raises(NotSent):
        bench.gateway.refund(RefundOrder("rfd_1", "m1", young, Money(1)))


def made(at: dt.datetime) -> str:
    number = (int(at.timestamp() * 1000) << 80) + 1
    return "att_" + "".join("0123456789abcdefghjkmnpqrstvwxyz"[(number >> shift) & 31] for shift in range(125, -1, -5))


def test_the_list_begins_shortly_before_our_reference_was_made(bench: StripeBench) -> None:
    asked = charge(bench)
    bench.take(asked)
    processor().ask("settings", search_lag_seconds=3600)
    with clock.frozen(clock.now() + dt.timedelta(hours=1)):
        later = ids.new("att")
    assert bench.gateway.fetch("m1", later).status is Status.NOT_FOUND
    processor().ask("settings", search_lag_seconds=0)


def test_a_question_that_is_not_answered_is_asked_again_later(bench: StripeBench) -> None:
    asked = charge(bench)
    bench.take(asked)
    for fault in ("busy", "unavailable", "timeout_before", "reset_before", "error_after", "truncated", "odd"):
        processor().ask("faults", place="GET /v1/payment_intents", fault=fault)
        with pytest.raises(NotSent):
            bench.gateway.fetch("m1", asked.reference)
    assert bench.gateway.fetch("m1", asked.reference).status is Status.SUCCEEDED


@pytest.mark.parametrize("fault", ["timeout_after", "reset_after", "error_after", "truncated", "odd"])
def test_a_refund_whose_answer_was_lost_is_found_and_given_once(bench: StripeBench, fault: str) -> None:
    asked = charge(bench)
    bench.take(asked)
    order = bench.refund(asked, ids.new("rfd"), amount=Money(1_000))
    processor().ask("faults", place="POST /v1/refunds", fault=fault)
    assert bench.gateway.refund(order).status is Status.UNKNOWN
    assert bench.gateway.fetch("m1", order.reference).amount == Money(1_000)
    assert bench.gateway.refund(order).status is Status.SUCCEEDED
    assert sum(row["refunded"] for row in bench.totals()["charges"]) == 1_000


def test_an_error_of_stripes_own_is_kept_under_the_key_so_a_person_decides(bench: StripeBench) -> None:
    asked = charge(bench, token="pm_card_visa__error_before")
    for _ in range(3):
        assert bench.take(asked).status is Status.UNKNOWN
    assert bench.gateway.fetch("m1", asked.reference).status is Status.NOT_FOUND


def test_the_same_key_with_another_amount_leaves_it_unknown_and_takes_nothing_more(bench: StripeBench) -> None:
    asked = charge(bench)
    bench.take(asked)
    other = bench.charge(minor=1, reference=asked.reference)
    assert bench.take(other).status is Status.UNKNOWN
    assert bench.taken_minor() == 535_900
