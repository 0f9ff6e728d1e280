"""The manual gateway: it takes nothing, gives nothing back, and says so."""

from __future__ import annotations

from pathlib import Path

from coverpay.kernel.money import Money
from payments.gateways.base import Status
from tests.contracts.manual_bench import ManualBench


def test_what_has_not_come_is_withdrawn_and_what_came_is_too_late_to_withdraw(tmp_path: Path) -> None:
    bench = ManualBench(tmp_path)
    waiting, come = bench.charge("never comes"), bench.charge("comes")
    for charge in (waiting, come):
        bench.take(charge)
    bench.time_passes()
    assert bench.gateway.void("m1", waiting.reference).status is Status.VOIDED
    too_late = bench.gateway.void("m1", come.reference)
    assert (too_late.status, too_late.amount) == (Status.SUCCEEDED, Money(535_900))


def test_nothing_is_held_and_nothing_goes_back_the_way_it_came(tmp_path: Path) -> None:
    bench = ManualBench(tmp_path)
    charge = bench.charge("comes")
    bench.take(charge)
    bench.time_passes()
    assert bench.gateway.capture(bench.capture(charge, Money(1))).code == "cannot_hold"
    refused = bench.gateway.refund(bench.refund(charge))
    assert (refused.status, refused.code) == (Status.DECLINED, "pay_out_by_check")
