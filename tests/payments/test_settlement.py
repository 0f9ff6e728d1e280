"""Payouts: recorded once, to the cent, and what nobody knows becomes a break."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, NotFound
from coverpay.kernel.money import Money
from payments import refunds, settlement
from payments.gateways.base import NotSent, PayoutLineReport, PayoutReport
from payments.gateways.sandbox import Sandbox
from payments.models import Payment, Payout, PayoutLine
from payments.settlement import GatewayAway, PayoutDoesNotTie
from reconciliation.ledger import balances
from reconciliation.ledger.models import Entry
from reconciliation.models import Break
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 2, 2)


def imported(house: House) -> list[Payout]:
    return settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)


def line(kind: str = "charge", ours: str = "att_x", gross: int = 1_000, fee: int = 59) -> PayoutLineReport:
    return PayoutLineReport(kind, ours, f"sbx_{ours}", gross, fee)


def report(*lines: PayoutLineReport, reference: str = "SBX1", net: int | None = None, **changes: Any) -> PayoutReport:
    summed = sum(each.gross_minor - each.fee_minor for each in lines)
    said = {"net": Money(summed if net is None else net), "paid_on": TODAY}
    return PayoutReport(reference=reference, lines=lines, **{**said, **changes})


def record(house: House, said: PayoutReport) -> Payout:
    return settlement.record_payout(account_id=house.account.id, report=said, actor=house.me)


def test_a_payout_of_5_359_brings_5_203_29_and_the_fee_is_owed_to_trust_by_operating(house: House) -> None:
    books.paid(house, books.billed(house))
    (reference,) = books.pay_out(house)
    (payout,) = imported(house)
    assert (payout.reference, payout.amount_minor) == (reference, 520_329)
    found = books.trial_balance(house)
    assert found["trust_cash", house.bank.id] == 520_329
    assert found["due_from_operating", ""] == 15_571 == -found["due_to_trust", ""]
    assert found["processor_fees", house.account.id] == 15_571
    assert ("processor_clearing", house.account.id) not in found
    told = EventRecord.objects.get(type="payout.recorded").data
    assert (told["gross_minor"], told["fee_minor"], told["net_minor"]) == (535_900, 15_571, 520_329)
    assert differences(house) == []


def test_a_payout_is_recorded_once_however_often_it_is_listed(house: House) -> None:
    books.paid(house, books.billed(house))
    books.pay_out(house)
    assert imported(house) == imported(house)
    assert (Payout.objects.count(), PayoutLine.objects.count()) == (1, 1)
    assert Entry.objects.filter(kind="payout.recorded").count() == 1


def test_a_refund_and_a_return_come_back_out_of_later_payouts(house: House, sandbox: Sandbox) -> None:
    kept = books.paid(house, books.billed(house))
    back = books.paid(house, books.billed(house), "tok_return")
    books.pay_out(house)
    refunds.request(payment_id=kept.id, reason="x", actor=house.me)
    refunds.sweep()
    sandbox.finish_pending(house.account.merchant)
    for each in books.webhooks(house):
        books.deliver(house, *each)
    books.pay_out(house)
    first, second = imported(house)
    assert (first.amount_minor, second.amount_minor) == (2 * 520_329, -2 * 535_900)
    assert {line.kind for line in second.lines.all()} == {"refund", "return"}
    assert Payment.objects.get(pk=back.id).state == "returned"
    assert books.balance(house, "processor_clearing") == 0
    assert not Break.objects.exists()
    assert differences(house) == []


def test_a_payout_that_does_not_tie_is_refused_whole_and_stops_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = books.paid(house, books.billed(house)).attempts.get()
    reports = [report(line(), net=942), report(line(ours=attempt.id, gross=535_900), reference="SBX2")]
    monkeypatch.setattr(Sandbox, "payouts", lambda *_: reports)
    with pytest.raises(PayoutDoesNotTie, match=r"9\.42 USD.*9\.41 USD") as refused:
        imported(house)
    assert refused.value.field == "payout"
    assert [payout.reference for payout in Payout.objects.all()] == ["SBX2"]
    assert differences(house) == []


@pytest.mark.parametrize(
    "said",
    [
        report(line(kind="chargeback")),
        report(line(), net=0),
        report(line(), net=941).__class__("SBX1", Money(941, "CAD"), TODAY, (line(),)),
    ],
)
def test_what_cannot_have_reached_the_bank_account_is_refused(house: House, said: PayoutReport) -> None:
    with pytest.raises(PayoutDoesNotTie):
        record(house, said)
    assert not Payout.objects.exists()


@pytest.mark.parametrize("ours", ["", "att_x", "att_" + "0" * 26, "x" * 200, "a\x00b"])
def test_a_line_nobody_knows_is_recorded_and_becomes_a_break(house: House, ours: str) -> None:
    payout = record(house, report(line(ours=ours), line(ours="")))
    found = list(Break.objects.order_by("id"))
    assert [(each.kind, each.difference_minor) for each in found] == [("payout_unknown_charge", 1_000)] * 2
    assert {each.subject_id for each in found} == {each.id for each in payout.lines.all()}
    assert books.balance(house, "processor_clearing") == -2_000
    assert differences(house) == []


def test_a_charge_of_another_account_is_a_line_nobody_knows(house: House) -> None:
    other = books.open_house()
    theirs = books.paid(other, books.billed(other)).attempts.get()
    record(house, report(line(ours=theirs.id)))
    assert Break.objects.get().organization_id == house.operator.id
    assert (differences(house), differences(other)) == ([], [])


def test_a_charge_paid_out_twice_is_recorded_and_becomes_a_break(house: House) -> None:
    attempt = books.paid(house, books.billed(house)).attempts.get()
    mine = line(ours=attempt.id, gross=535_900)
    record(house, report(mine, mine))
    record(house, report(mine, line(kind="refund", ours=attempt.id, gross=-100), reference="SBX2"))
    assert [found.reason.partition(", ")[2] for found in Break.objects.order_by("id")] == [
        "which was paid out before.", "which was paid out before.", "which we do not know.",
    ]  # fmt: skip
    assert PayoutLine.objects.filter(our_reference=attempt.id).count() == 1
    assert differences(house) == []


def test_an_empty_payout_and_one_below_zero_are_recorded(house: House) -> None:
    assert record(house, report()).amount_minor == 0
    assert record(house, report(line(kind="refund", gross=-500, fee=0), reference="SBX2")).amount_minor == -500
    assert books.balance(house, "trust_cash") == -500
    assert differences(house) == []


def test_a_payout_of_a_day_that_is_sealed_by_now_is_posted_on_the_first_open_day(house: House) -> None:
    balances.seal(book_id=house.book_id, as_of=dt.date(2026, 1, 31), actor=house.me)
    payout = record(house, report(line(), paid_on=dt.date(2026, 1, 30)))
    assert payout.paid_on == dt.date(2026, 1, 30)
    assert Entry.objects.get(source_id=payout.id).posted_on == dt.date(2026, 2, 1)
    assert differences(house) == []


def test_a_recorded_payout_never_changes(house: House) -> None:
    record(house, report(line()))
    for rows in (Payout.objects.all(), PayoutLine.objects.all()):
        with pytest.raises(DatabaseError, match="kept as written"), transaction.atomic():
            rows.update(id="x")


def test_a_processor_that_cannot_be_reached_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> list[PayoutReport]:
        raise NotSent("refused")

    monkeypatch.setattr(Sandbox, "payouts", away)
    with pytest.raises(GatewayAway) as refused:
        imported(house)
    assert refused.value.status == 503


def test_importing_takes_the_permission_and_the_own_account(house: House) -> None:
    for actor, error in (
        (Actor("user", "u", house.operator.id, frozenset({Permission.PAYMENTS_WRITE})), Forbidden),
        (Actor("user", "u", house.carrier.id, frozenset(Permission)), NotFound),
    ):
        with pytest.raises(error):
            settlement.import_payouts(account_id=house.account.id, since=clock.today(), actor=actor)
