"""What Stripe answers and tells, in our words: declines, returns, refunds, disputes, payouts, undelivered events."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from coverpay.kernel import clock, ids
from coverpay.kernel.money import Money
from payments.gateways.base import DisputeNews, DisputeStatus, ListsEvents, News, Status
from tests.contracts.stripe_bench import StripeBench, processor

DAY = dt.date(2026, 2, 1)


@pytest.mark.parametrize(
    ("token", "code", "network_code", "advice"),
    [
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "51", "02"),
        ("pm_card_chargeDeclinedLostCard", "lost_card", "41", "03"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "54", "01"),
        ("pm_card_authenticationRequired", "authentication_required", "1A", ""),
        ("pm_card_chargeDeclined", "generic_decline", "05", ""),
    ],
)
def test_a_decline_carries_the_banks_word_the_networks_code_and_its_advice(
    bench: StripeBench, token: str, code: str, network_code: str, advice: str
) -> None:
    charge = bench.charge(token)
    said, asked = bench.take(charge), bench.gateway.fetch("m1", charge.reference)
    for outcome in (said, asked):
        assert (outcome.code, outcome.network_code, outcome.advice) == (code, network_code, advice)
        assert outcome.gateway_reference.startswith("pi_")


def test_a_card_says_the_networks_own_number_of_the_payment(bench: StripeBench) -> None:
    assert bench.take(bench.charge()).network_transaction_id.startswith("ntid")


def test_a_bank_debit_that_fails_is_declined_with_the_return_code(bench: StripeBench) -> None:
    charge = bench.charge("pm_usBankAccount_insufficientFunds")
    assert bench.take(charge).status is Status.PENDING
    bench.time_passes()
    said = bench.gateway.fetch("m1", charge.reference)
    assert (said.status, said.code, said.network_code) == (Status.DECLINED, "insufficient_funds", "R01")


def test_a_bank_debit_taken_back_later_is_a_return_and_not_a_dispute(bench: StripeBench) -> None:
    charge = bench.charge("pm_usBankAccount_disputed")
    number = bench.take(charge).gateway_reference
    bench.time_passes()
    told = [item for _, body in bench.webhooks() for item in bench.gateway.parse(body)]
    assert not [item for item in told if isinstance(item, DisputeNews)]
    last = told[-1]
    assert isinstance(last, News)
    assert (last.outcome.status, last.outcome.code, last.outcome.network_code, last.outcome.gateway_reference) == (
        Status.RETURNED, "debit_not_authorized", "R10", number,
    )  # fmt: skip
    assert last.outcome.amount == Money(535_900)


def test_a_refund_that_fails_later_is_told_under_its_own_reference(bench: StripeBench) -> None:
    charge = bench.charge("pm_card_refundFail")
    bench.take(charge)
    assert bench.gateway.refund(bench.refund(charge)).status is Status.SUCCEEDED
    bench.time_passes()
    told = [item for _, body in bench.webhooks() for item in bench.gateway.parse(body) if isinstance(item, News)]
    assert [(item.reference, item.outcome.status) for item in told[-1:]] == [("rfd_1", Status.DECLINED)]
    assert bench.gateway.fetch("m1", "rfd_1").code == "expired_or_canceled_card"


def test_a_pending_refund_is_pending_until_it_is_there(bench: StripeBench) -> None:
    charge = bench.charge("pm_card_pendingRefund")
    bench.take(charge)
    assert bench.gateway.refund(bench.refund(charge)).status is Status.PENDING
    bench.time_passes()
    assert bench.gateway.fetch("m1", "rfd_1").status is Status.SUCCEEDED


def test_an_inquiry_takes_no_money_and_its_end_is_a_win(bench: StripeBench) -> None:
    inquiry = {
        "id": "dp_1", "status": "warning_needs_response", "payment_intent": "pi_1", "amount": 5, "currency": "usd",
        "reason": "general", "balance_transactions": [], "evidence_details": {"due_by": 1_795_000_000},
    }  # fmt: skip
    for status, ours in (("warning_needs_response", "needs_response"), ("warning_closed", "won")):
        event = {"id": "evt_1", "type": "charge.dispute.updated", "data": {"object": inquiry | {"status": status}}}
        (news,) = bench.gateway.parse(json.dumps(event).encode())
        assert isinstance(news, DisputeNews)
        assert (news.status, news.withdrawn, news.gateway_reference) == (DisputeStatus(ours), False, "pi_1")
        assert news.evidence_due_at == dt.datetime.fromtimestamp(1_795_000_000, dt.UTC)


def test_events_about_what_others_made_on_the_same_account_tell_us_nothing(bench: StripeBench) -> None:
    for type_ in ("payment_intent.succeeded", "refund.updated", "charge.failed", "charge.refunded", "invoice.paid"):
        event = {"id": "evt_1", "type": type_, "data": {"object": {"id": "x", "metadata": {}}}}
        assert bench.gateway.parse(json.dumps(event).encode()) == []


def test_a_failed_charge_is_a_decline_with_the_return_code(bench: StripeBench) -> None:
    charge = {"metadata": {"coverpay_reference": "att_1"}, "payment_intent": "pi_1", "failure_code": "account_closed",
              "failure_message": "Closed.", "outcome": {"network_decline_code": "R02"}}  # fmt: skip
    (news,) = bench.gateway.parse(json.dumps({"type": "charge.failed", "data": {"object": charge}}).encode())
    assert isinstance(news, News)
    assert (news.reference, news.outcome.status, news.outcome.code, news.outcome.network_code) == (
        "att_1", Status.DECLINED, "account_closed", "R02",
    )  # fmt: skip


# A card of 5,359.00 costs 2.9% and 0.30: 155.71; a debit of 200.00 costs 0.8%: 1.60; taken back, 4.00 more.
# A dispute takes 15.00, which are not given back when it is won.
def test_a_payout_has_fees_disputes_won_disputes_and_returns_on_lines_of_their_own(bench: StripeBench) -> None:
    card, debit = bench.charge("pm_card_createDispute"), bench.charge("pm_usBankAccount_returnedLater", minor=20_000)
    bench.take(card)
    bench.take(debit)
    bench.time_passes()
    (dispute,) = {n.dispute for _, b in bench.webhooks() for n in bench.gateway.parse(b) if isinstance(n, DisputeNews)}
    processor().ask("decide", account=bench.keys["m1"], dispute=dispute, won=True)
    bench.night_falls()
    (payout,) = bench.gateway.payouts("m1", DAY)
    assert sorted((line.kind, line.our_reference, line.gross_minor, line.fee_minor) for line in payout.lines) == [
        ("charge", card.reference, 535_900, 15_571),
        ("charge", debit.reference, 20_000, 160),
        ("dispute", card.reference, -535_900, 1_500),
        ("dispute_won", card.reference, 535_900, 0),
        ("return", debit.reference, -20_000, 400),
    ]
    assert payout.net == Money(535_900 - 15_571 - 160 - 1_500 - 400)


def test_what_an_endpoint_never_accepted_can_be_asked_for(bench: StripeBench) -> None:
    gateway, since = bench.gateway, clock.now() - dt.timedelta(hours=1)
    assert isinstance(gateway, ListsEvents)
    assert gateway.undelivered("m1", since) == []
    charge = bench.charge(reference=ids.new("att"))
    bench.take(charge)
    bench.gateway.refund(bench.refund(charge, ids.new("rfd")))
    missed = gateway.undelivered("m1", since)
    told = [item.reference for _, body in missed for item in gateway.parse(body)]
    assert told[0] == charge.reference and told[1].startswith("rfd_")
    names = [name for name, _ in missed]
    assert names == [gateway.verify(bench.headers(body), body, secret=bench.secret).external_id for _, body in missed]
