"""Authorize.Net where it is not as others: refunds before the night, batches as payouts, duplicates, kept cards."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from coverpay.kernel import clock, ids
from coverpay.kernel.money import Money
from payments.gateways import authorizenet_wire as wire
from payments.gateways.authorizenet import AuthorizeNet
from payments.gateways.base import Charge, Connection, NotSent, RefundOrder, Status
from tests.contracts.authorizenet_bench import AuthorizeNetBench, processor


@pytest.fixture
def bench(tmp_path: Path) -> AuthorizeNetBench:
    return AuthorizeNetBench(tmp_path)


def order(charge: Charge, minor: int, reference: str = "rfd_1") -> RefundOrder:
    return RefundOrder(reference, charge.merchant, charge.reference, Money(minor))


def test_before_the_night_the_whole_is_voided_and_a_part_waits(bench: AuthorizeNetBench) -> None:
    charge = bench.charge()
    bench.take(charge)
    part = bench.gateway.refund(order(charge, 100))
    assert (part.status, part.code) == (Status.DECLINED, "54")
    for _ in range(2):
        whole = bench.gateway.refund(order(charge, 535_900))
        assert (whole.status, whole.amount) == (Status.SUCCEEDED, Money(535_900))
    assert bench.taken_minor() == 0
    told = [news for _, body in bench.webhooks() for news in bench.gateway.parse(body)]
    assert [news.outcome.status for news in told] == [Status.SUCCEEDED], "the void of a refund tells nothing of its own"  # type: ignore[union-attr]


def test_a_settled_batch_is_a_payout_of_charges_and_refunds_without_fees(bench: AuthorizeNetBench) -> None:
    kept, given = bench.charge(), bench.charge(minor=10_000)
    bench.take(kept)
    number = bench.take(given).gateway_reference
    for charge in (bench.charge("nonce_declined"), bench.charge("nonce_held")):
        bench.take(charge)
    bench.night_falls(on=dt.date(2026, 2, 2))
    bench.gateway.refund(replace(order(given, 4_000), charge_gateway_reference=number))
    bench.night_falls(on=dt.date(2026, 2, 3))
    first, second = bench.gateway.payouts("m1", dt.date(2026, 2, 1))
    lines = [(line.kind, line.our_reference, line.gross_minor, line.fee_minor) for line in first.lines]
    assert sorted(lines) == sorted([("charge", kept.reference, 535_900, 0), ("charge", given.reference, 10_000, 0)])
    assert [(line.kind, line.our_reference, line.gross_minor) for line in second.lines] == [("refund", "rfd_1", -4_000)]
    assert (first.net, first.paid_on, second.net) == (Money(545_900), dt.date(2026, 2, 2), Money(-4_000))
    assert bench.gateway.payouts("m1", dt.date(2026, 2, 3)) == [second]
    assert bench.at("m2").payouts("m2", dt.date(2026, 2, 1)) == []


@pytest.mark.parametrize("hours", [-9, 24 * 40], ids=["older than the duplicate window", "by a clock that ran ahead"])
def test_a_settled_reference_is_looked_up_and_not_taken_again(
    bench: AuthorizeNetBench, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    monkeypatch.setattr(ids, "_last", 0)
    with clock.frozen(clock.now() + dt.timedelta(hours=hours)):
        reference = ids.new("att")
    charge = bench.charge(reference=reference)
    assert bench.take(charge).status is Status.SUCCEEDED
    first = bench.gateway.fetch("m1", reference)
    bench.night_falls(on=clock.today())
    patient = bench.at("m1", read_seconds=15)
    assert patient.charge(charge).gateway_reference == first.gateway_reference
    assert bench.charges() == 1


def test_wrong_keys_move_nothing_and_say_so(bench: AuthorizeNetBench) -> None:
    stranger = AuthorizeNet(Connection("m1", {"login_id": "m1", "transaction_key": "?"}, {"base_url": processor().url}))
    with pytest.raises(NotSent, match="E00007"):
        stranger.charge(bench.charge())


def test_a_kept_card_is_charged_by_its_profile_with_the_network_s_first_number() -> None:
    charge = Charge(
        "att_01kgfdw8c0da2q53ktx2n6hmr4", "m1", Money(5), "card", "77", customer="12", network_transaction_id="N1"
    )
    request = wire.charge_request(charge)
    asked = request["transactionRequest"]
    assert (request["refId"], asked["order"]["invoiceNumber"]) == ("att_01kgfd", "w8c0da2q53ktx2n6hmr4")
    assert asked["profile"] == {"customerProfileId": "12", "paymentProfile": {"paymentProfileId": "77"}}
    assert asked["amount"] == "0.05" and "payment" not in asked
    assert asked["subsequentAuthInformation"] == {"originalNetworkTransId": "N1"}
    order_of_fields = ["transactionType", "amount", "currencyCode", "profile", "order", "transactionSettings"]
    assert [name for name in asked if name in order_of_fields] == order_of_fields, "the order matters there"


@pytest.mark.parametrize(("said", "minor"), [("5359", 535_900), ("0.01", 1), ("1018.88", 101_888), (10, 1_000)])
def test_amounts_are_read_to_the_cent(said: object, minor: int) -> None:
    assert wire.money(said, "USD") == Money(minor)


@pytest.mark.parametrize("text", ["2011-09-01T16:38:54.52Z", "2011-09-01T16:38:54.5200001Z"])
def test_times_are_read_however_fine_they_are(text: str) -> None:
    assert wire.moment(text) == dt.datetime(2011, 9, 1, 16, 38, 54, 520_000, tzinfo=dt.UTC)
