"""Money that is held first: captured, in part, let go, dropped by the issuer; and payments that are stopped."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.models import Invoice, Receipt
from compliance.models import EventRecord
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from payments import attempts, captures, collection, stops
from payments.captures import CaptureAboveHeld, NotHeld
from payments.collection import Wanted
from payments.gateways.base import NotSent, Outcome, Status
from payments.gateways.sandbox import Sandbox
from payments.models import Attempt, Payment
from payments.stops import CannotStop
from reconciliation.models import Break
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def held(house: House, token: str = "tok_ok", *invoices: Invoice, surcharge: int = 0) -> Payment:
    payment = collection.collect_many(
        items=[Wanted(invoice.id) for invoice in invoices or (books.billed(house),)],
        method="card", token=token, surcharge_minor=surcharge, capture=False, actor=house.me,
    )  # fmt: skip
    attempts.submit(payment.attempts.get().id)
    return payment


def state(payment: Payment) -> tuple[str, str]:
    found = Payment.objects.get(pk=payment.id)
    return found.state, found.attempts.get().state


def ties(house: House) -> bool:
    return differences(house) == [] and proof.check(house.operator.id) == []


def later(**by: float) -> None:
    clock.advance(dt.timedelta(**by))
    attempts.sweep()


def test_what_is_held_is_taken_only_once_it_is_captured(house: House) -> None:
    payment = held(house)
    assert state(payment) == ("processing", "authorized")
    assert books.balance(house, "processor_clearing") == 0
    assert [row["status"] for row in books.charges(house)] == ["authorized"]
    captures.capture(payment_id=payment.id, actor=house.me)
    attempts.sweep()
    assert state(payment) == ("succeeded", "succeeded")
    assert books.balance(house, "processor_clearing") == 535_900
    told = EventRecord.objects.filter(type__startswith="payment.").order_by("id").values_list("type", flat=True)
    assert list(told) == ["payment.created", "payment.authorized", "payment.succeeded"]
    assert ties(house)


def test_less_than_held_fills_the_parts_in_order_and_takes_the_surcharge_in_proportion(house: House) -> None:
    first, second = books.billed(house), books.billed(house)
    payment = held(house, "tok_ok", first, second, surcharge=10_000)  # 10,818.00 held
    captures.capture(payment_id=payment.id, amount_minor=600_000, actor=house.me)
    attempts.sweep()
    # 100.00 of 10,818.00 for 6,000.00 is 55.46; 5,944.54 is left: 5,359.00 and 585.54.
    assert list(Receipt.objects.order_by("id").values_list("amount_minor", flat=True)) == [535_900, 58_554]
    assert books.trial_balance(house)["fee_in_trust", house.operator.id] == -5_546
    assert books.charges(house)[0]["amount"] == 600_000
    assert ties(house)


@pytest.mark.parametrize(("amount", "error"), [(535_901, CaptureAboveHeld), (0, Invalid)])
def test_more_than_held_or_nothing_is_not_captured(house: House, amount: int, error: type[Exception]) -> None:
    payment = held(house)
    with pytest.raises(error):
        captures.capture(payment_id=payment.id, amount_minor=amount, actor=house.me)
    assert state(payment) == ("processing", "authorized")


def test_a_capture_asked_twice_is_one_and_another_amount_is_refused(house: House) -> None:
    payment = held(house)
    for _ in range(2):
        captures.capture(payment_id=payment.id, amount_minor=500_000, actor=house.me)
    with pytest.raises(NotHeld):
        captures.capture(payment_id=payment.id, amount_minor=400_000, actor=house.me)
    attempts.sweep()
    assert Attempt.objects.get().taken_minor == 500_000


def test_a_capture_without_an_answer_is_asked_about_and_taken_once(house: House) -> None:
    payment = held(house, "tok_capture_timeout")
    captures.capture(payment_id=payment.id, amount_minor=500_000, actor=house.me)
    attempts.sweep()
    assert state(payment) == ("processing", "unknown")
    later(hours=1)
    assert state(payment) == ("succeeded", "succeeded")
    assert (Attempt.objects.get().taken_minor, not Break.objects.exists()) == (500_000, True)
    assert ties(house)


def test_a_refused_capture_fails_the_payment(house: House) -> None:
    payment = held(house, "tok_capture_declined")
    captures.capture(payment_id=payment.id, actor=house.me)
    attempts.sweep()
    assert state(payment) == ("failed", "declined")
    assert Attempt.objects.get().outcome_code == "authorization_expired"


def test_a_capture_that_never_reached_the_gateway_is_sent_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = held(house)
    captures.capture(payment_id=payment.id, actor=house.me)
    with monkeypatch.context() as away:
        away.setattr(Sandbox, "capture", lambda *_: (_ for _ in ()).throw(NotSent("refused")))
        attempts.sweep()
    assert state(payment) == ("processing", "authorized")
    later(minutes=5)
    assert state(payment) == ("succeeded", "succeeded")


def test_what_is_let_go_moves_no_money_and_frees_the_invoice(house: House) -> None:
    invoice = books.billed(house)
    payment = held(house, "tok_ok", invoice)
    captures.void(payment_id=payment.id, reason="ordered twice", actor=house.me)
    attempts.sweep()
    assert state(payment) == ("failed", "voided")
    assert EventRecord.objects.filter(type="payment.voided").count() == 1
    assert [row["status"] for row in books.charges(house)] == ["voided"]
    assert books.paid(house, invoice).state == "succeeded"


def test_what_is_held_too_long_is_let_go(house: House) -> None:
    payment = held(house)
    later(days=6)
    assert state(payment) == ("processing", "authorized")
    for _ in range(2):
        later(days=1)
    assert state(payment) == ("failed", "voided")


def test_a_hold_the_issuer_dropped_ends_the_payment(house: House, sandbox: Sandbox) -> None:
    payment = held(house, "tok_hold_dropped")
    sandbox.finish_pending(house.account.merchant)
    for headers, body in reversed(books.webhooks(house)):
        books.deliver(house, headers, body)
    assert state(payment) == ("failed", "voided")
    with pytest.raises(NotHeld):
        captures.capture(payment_id=payment.id, actor=house.me)


def test_a_capture_seen_before_we_asked_for_it_counts(house: House) -> None:
    payment = held(house)
    taken = Outcome(Status.SUCCEEDED, "sbx_ch_000001", amount=Money(535_900))
    stale = Outcome(Status.PENDING, amount=Money(535_900))
    for news in (stale, taken, Outcome(Status.AUTHORIZED, amount=Money(535_900)), taken):
        attempts.record_outcome(attempt_id=payment.attempts.get().id, outcome=news, actor=house.me)
    assert state(payment) == ("succeeded", "succeeded")
    assert ties(house)


def test_money_taken_after_it_was_let_go_is_a_break(house: House) -> None:
    payment = held(house)
    captures.void(payment_id=payment.id, reason="ordered twice", actor=house.me)
    attempts.sweep()
    taken = Outcome(Status.SUCCEEDED, amount=Money(535_900))
    attempts.record_outcome(attempt_id=payment.attempts.get().id, outcome=taken, actor=house.me)
    assert Break.objects.get().difference_minor == 535_900
    assert state(payment) == ("failed", "voided")


def test_a_payment_not_sent_yet_is_stopped_at_once(house: House) -> None:
    attempt = books.collecting(house, books.billed(house))
    stops.stop(payment_id=attempt.payment_id, reason="payor called", actor=house.me)
    attempts.submit(attempt.id)  # a worker that was late
    assert state(attempt.payment) == ("failed", "voided")
    assert books.charges(house) == []


def test_a_pending_payment_is_called_back(house: House) -> None:
    payment = books.paid(house, books.billed(house), "tok_pending_ok")
    stops.stop(payment_id=payment.id, reason="payor called", actor=house.me)
    attempts.sweep()
    assert state(payment) == ("failed", "voided")
    assert [row["status"] for row in books.charges(house)] == ["voided"]


def test_a_pending_payment_too_late_to_call_back_goes_on_and_says_so(house: House, sandbox: Sandbox) -> None:
    payment = books.paid(house, books.billed(house), "tok_void_late")
    stops.stop(payment_id=payment.id, reason="payor called", actor=house.me)
    attempts.sweep()
    assert state(payment) == ("processing", "pending")
    assert EventRecord.objects.filter(type="payment.not_stopped").count() == 1
    sandbox.finish_pending(house.account.merchant)
    later(days=1)
    assert state(payment) == ("succeeded", "succeeded")
    assert ties(house)


@pytest.mark.parametrize(
    ("token", "words"),
    [("tok_ok", "refund the payment"), ("tok_timeout_taken", "wait for its outcome"),
     ("tok_decline_expired_card", "nothing to stop")],
)  # fmt: skip
def test_what_cannot_be_stopped_says_what_to_do(house: House, token: str, words: str) -> None:
    payment = books.paid(house, books.billed(house), token)
    with pytest.raises(CannotStop, match=words):
        stops.stop(payment_id=payment.id, reason="payor called", actor=house.me)
