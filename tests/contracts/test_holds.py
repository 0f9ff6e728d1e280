"""What a gateway that declares `authorizes` must do: hold, take what is held or part of it, let it go."""

from __future__ import annotations

import datetime as dt

import pytest

from coverpay.kernel.money import Money
from payments.gateways import registry
from payments.gateways.base import Status
from tests.contracts.bench import Bench
from tests.contracts.gateways import BENCHES, having

HOLDING = [name for name in BENCHES if registry.entry(name).capabilities.authorizes]
each_holding = pytest.mark.parametrize("name", HOLDING)


@each_holding
def test_what_is_held_is_taken_when_it_is_captured_and_only_once(bench: Bench) -> None:
    charge = bench.charge(capture=False)
    held = bench.take(charge)
    assert (held.status, held.amount) == (Status.AUTHORIZED, Money(535_900))
    assert bench.gateway.fetch("m1", charge.reference).status is Status.AUTHORIZED
    assert bench.taken_minor() == 0
    for _ in range(2):
        taken = bench.gateway.capture(bench.capture(charge, Money(535_900)))
        assert (taken.status, taken.amount) == (Status.SUCCEEDED, Money(535_900))
    assert bench.taken_minor() == 535_900


@each_holding
def test_a_part_of_what_is_held_is_taken_and_the_rest_let_go(bench: Bench) -> None:
    charge = bench.charge(capture=False)
    bench.take(charge)
    taken = bench.gateway.capture(bench.capture(charge, Money(400_000)))
    assert (taken.status, taken.amount) == (Status.SUCCEEDED, Money(400_000))
    assert bench.gateway.fetch("m1", charge.reference).amount == Money(400_000)
    assert bench.taken_minor() == 400_000
    bench.night_falls()
    (payout,) = bench.gateway.payouts("m1", dt.date(2026, 2, 1))
    assert [(line.kind, line.our_reference, line.gross_minor) for line in payout.lines] == [
        ("charge", charge.reference, 400_000)
    ]


@each_holding
def test_more_than_is_held_and_what_nobody_holds_is_not_taken(bench: Bench) -> None:
    charge, stranger = bench.charge(capture=False), bench.charge(reference="att_nobody", capture=False)
    bench.take(charge)
    assert bench.gateway.capture(bench.capture(charge, Money(535_901))).status is Status.DECLINED
    assert bench.gateway.capture(bench.capture(stranger, Money(1))).status is Status.DECLINED
    assert bench.taken_minor() == 0


@each_holding
def test_what_is_let_go_is_never_taken(bench: Bench) -> None:
    charge = bench.charge(capture=False)
    bench.take(charge)
    for _ in range(2):
        assert bench.gateway.void("m1", charge.reference).status is Status.VOIDED
    assert bench.gateway.fetch("m1", charge.reference).status is Status.VOIDED
    assert bench.gateway.capture(bench.capture(charge, Money(535_900))).status is not Status.SUCCEEDED
    assert bench.taken_minor() == 0


@having("ok")
def test_what_was_taken_is_too_late_to_let_go(bench: Bench) -> None:
    charge = bench.charge()
    bench.take(charge)
    assert bench.gateway.void("m1", charge.reference).status is Status.SUCCEEDED
    assert bench.taken_minor() == 535_900


@having("ok")
def test_what_nobody_sent_cannot_be_let_go(bench: Bench) -> None:
    assert bench.gateway.void("m1", "att_nobody").status is Status.NOT_FOUND


@each_holding
def test_a_capture_whose_answer_was_lost_is_found_by_our_reference(bench: Bench) -> None:
    charge = bench.charge(capture=False)
    bench.take(charge)
    bench.gateway.capture(bench.capture(charge, Money(100)))
    known = bench.gateway.fetch("m1", charge.reference)
    assert (known.status, known.amount) == (Status.SUCCEEDED, Money(100))
