"""What holds when everything happens at once, on real connections."""

from __future__ import annotations

import random

import pytest

from billing import invoices
from coverpay.kernel.money import Money
from payments import accounts, attempts, collection, inbound, refunds, settlement
from payments.collection import PaymentInProgress
from payments.gateways.base import Charge
from payments.models import Attempt, InboundEvent, Payment, Payout, Refund
from payments.refunds import NotRefundable
from reconciliation.models import Break
from tests.support import books
from tests.support.books import House
from tests.support.database import at_once
from tests.support.ties import differences

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_at_once_collecting_one_invoice_make_one_live_charge(house: House) -> None:
    invoice = books.billed(house)

    def collect() -> Payment:
        return collection.collect(invoice_id=invoice.id, method="card", token="tok_ok", actor=house.me)

    results = at_once(*[collect] * 8)
    assert sorted(type(result).__name__ for result in results) == ["Payment"] + ["PaymentInProgress"] * 7
    live = Payment.objects.get()
    assert {error.extra["payment"] for error in results if isinstance(error, PaymentInProgress)} == {live.id}
    at_once(*[attempts.sweep] * 4)
    assert [charge["status"] for charge in books.charges(house)] == ["succeeded"]
    assert differences(house) == []


def test_eight_workers_sending_one_attempt_take_the_money_once(house: House) -> None:
    attempt = books.collecting(house, books.billed(house))
    results = at_once(*[lambda: attempts.submit(attempt.id)] * 8)
    assert results == [None] * 8
    assert [charge["calls"] for charge in books.charges(house)] == [1]
    assert Attempt.objects.get().state == "succeeded"


def test_fifty_shuffled_webhooks_give_one_result(house: House) -> None:
    attempt = books.collecting(house, books.billed(house), "tok_out_of_order")
    attempts._begin(attempt_id=attempt.id, actor=attempts.SWEEPER)
    charge_once(house, attempt)
    told = books.webhooks(house) * 25
    random.Random(7).shuffle(told)
    assert len(told) == 50
    eighths = [told[start::8] for start in range(8)]
    results = at_once(*(lambda mine=mine: [books.deliver(house, *each) for each in mine] for mine in eighths))
    assert not [result for result in results if isinstance(result, Exception)]
    inbound.sweep()
    assert InboundEvent.objects.filter(state="processed").count() == InboundEvent.objects.count() == 2
    assert (Attempt.objects.get().state, Payment.objects.get().state) == ("succeeded", "succeeded")
    assert not Break.objects.exists()
    assert differences(house) == []


def charge_once(house: House, attempt: Attempt) -> None:
    """Take the money as a worker does that dies before it records the reply."""
    accounts.gateway_of(house.account).charge(
        Charge(attempt.id, house.account.merchant, Money(attempt.amount_minor), "card", "tok_out_of_order")
    )


def test_webhook_reply_and_poll_at_once_record_one_success(house: House) -> None:
    attempt = books.collecting(house, books.billed(house), "tok_out_of_order")
    attempts._begin(attempt_id=attempt.id, actor=attempts.SWEEPER)
    charge_once(house, attempt)
    Attempt.objects.filter(pk=attempt.id).update(next_check_at="2026-01-01T00:00Z")
    first, second = books.webhooks(house)
    results = at_once(
        lambda: attempts.check(attempt.id),
        lambda: books.deliver(house, *first),
        lambda: books.deliver(house, *second),
        lambda: attempts.check(attempt.id),
    )
    assert results == [None] * 4
    assert Payment.objects.get().state == "succeeded"
    assert differences(house) == []


def test_payments_of_two_invoices_of_one_policy_at_once_both_count(house: House) -> None:
    first = books.billed(house, plan="thirds")
    second = invoices.issue(policy_id=first.policy_id, through=books.FIRST_DAY.replace(month=12), actor=house.me)
    planned = [books.collecting(house, each) for each in (first, second)]
    results = at_once(*(lambda id=each.id: attempts.submit(id) for each in planned))
    assert results == [None, None]
    assert Payment.objects.filter(state="succeeded").count() == 2
    assert books.balance(house, "premium_receivable") == 0
    assert differences(house) == []


def test_refunds_asked_for_at_once_are_one_refund(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    results = at_once(*[lambda: refunds.request(payment_id=payment.id, reason="x", actor=house.me)] * 4)
    assert [type(result) for result in results if not isinstance(result, Refund)] == [NotRefundable] * 3
    at_once(*[refunds.sweep] * 4)
    assert Payment.objects.get().state == "refunded"
    assert differences(house) == []


def test_payouts_imported_at_once_are_recorded_once(house: House) -> None:
    books.paid(house, books.billed(house))
    books.pay_out(house)
    results = at_once(
        *[lambda: settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)] * 4
    )
    assert len({payout.id for payouts in results for payout in payouts}) == 1
    assert Payout.objects.count() == 1
    assert differences(house) == []
