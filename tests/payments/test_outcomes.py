"""One door for news: late, repeated, out of order and contradicting."""

from __future__ import annotations

import pytest

from billing.models import Invoice
from compliance.models import AuditEntry
from coverpay.kernel.money import Money
from payments import attempts, refunds
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Payment
from reconciliation.breaks import close
from reconciliation.models import Break
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
TAKEN = Outcome(Status.SUCCEEDED, "sbx_ch_1", amount=Money(535_900))
BACK = Outcome(Status.RETURNED, "sbx_ch_1", "R01", amount=Money(535_900))
REFUSED = Outcome(Status.DECLINED, "sbx_ch_1", "do_not_honor", amount=Money(535_900))
WAITING = Outcome(Status.PENDING, "sbx_ch_1", amount=Money(535_900))
LOST = Outcome(Status.UNKNOWN, code="timeout")


def sent(house: House) -> Attempt:
    """An attempt on its way: submitted, with no answer yet."""
    attempt = books.collecting(house, books.billed(house))
    attempts._begin(attempt_id=attempt.id, actor=attempts.SWEEPER)
    return attempt


def tell(attempt: Attempt, *outcomes: Outcome) -> Attempt:
    for outcome in outcomes:
        attempts.record_outcome(attempt_id=attempt.id, outcome=outcome, actor=attempts.SWEEPER)
    return Attempt.objects.select_related("payment").get(pk=attempt.id)


def states(attempt: Attempt) -> tuple[str, str]:
    return attempt.state, attempt.payment.state


def test_a_return_after_success_restores_every_balance_and_reopens_the_invoice(house: House) -> None:
    attempt = sent(house)
    before = books.trial_balance(house)
    assert states(tell(attempt, TAKEN)) == ("succeeded", "succeeded")
    assert states(tell(attempt, BACK)) == ("succeeded", "returned")
    assert books.trial_balance(house) == before
    assert Invoice.objects.get(pk=attempt.invoice_id).state == "open"
    assert differences(house) == []


def test_a_return_that_comes_before_the_success_ends_the_same(house: House) -> None:
    attempt = sent(house)
    assert states(tell(attempt, BACK, TAKEN, WAITING, BACK)) == ("succeeded", "returned")
    assert not Break.objects.exists()
    assert differences(house) == []


@pytest.mark.parametrize("first", [TAKEN, REFUSED])
def test_repeated_and_late_news_changes_nothing_and_leaves_no_trace(house: House, first: Outcome) -> None:
    attempt = tell(sent(house), first)
    rows = AuditEntry.objects.count()
    again = tell(attempt, first, WAITING, LOST, first, Outcome(Status.NOT_FOUND))
    assert states(again) == states(attempt)
    assert AuditEntry.objects.count() == rows


@pytest.mark.parametrize(
    ("first", "later", "difference"),
    [(REFUSED, TAKEN, 535_900), (REFUSED, BACK, 535_900), (TAKEN, REFUSED, -535_900)],
)
def test_news_that_contradicts_what_was_decided_is_a_break_once(
    house: House, first: Outcome, later: Outcome, difference: int
) -> None:
    attempt = tell(sent(house), first)
    assert states(tell(attempt, later, later)) == states(attempt)
    found = Break.objects.get()
    assert (found.kind, found.subject_id, found.difference_minor) == ("gateway_contradicts", attempt.id, difference)
    close(break_id=found.id, reason="the processor was wrong", actor=house.me)
    tell(attempt, later)
    assert Break.objects.count() == 1
    assert differences(house) == []


def test_a_success_with_another_amount_than_before_is_a_break_and_moves_nothing(house: House) -> None:
    attempt = tell(sent(house), TAKEN)
    other = Outcome(Status.SUCCEEDED, "sbx_ch_1", amount=Money(535_800))
    assert states(tell(attempt, other, other)) == ("succeeded", "succeeded")
    part_back = Outcome(Status.RETURNED, "sbx_ch_1", amount=Money(100))
    assert states(tell(attempt, part_back)) == ("succeeded", "succeeded")
    assert [found.difference_minor for found in Break.objects.all()] == [-100]
    assert differences(house) == []


@pytest.mark.parametrize("amount", [Money(535_800), Money(535_900, "CAD")])
def test_another_amount_or_currency_in_the_reply_is_unknown_plus_a_break(house: House, amount: Money) -> None:
    for status in (Status.SUCCEEDED, Status.PENDING):
        attempt = tell(sent(house), Outcome(status, "sbx_ch_1", amount=amount))
        assert states(attempt) == ("unknown", "processing")
        assert Break.objects.get(subject_id=attempt.id).kind == "gateway_amount"
    assert differences(house) == []


def test_news_about_an_attempt_that_is_to_be_sent_again_shows_that_it_was_sent(house: House) -> None:
    for outcome, ends in (
        (TAKEN, ("succeeded", "succeeded")),
        (REFUSED, ("declined", "failed")),
        (WAITING, ("pending", "processing")),
        (BACK, ("succeeded", "returned")),
        (Outcome(Status.SUCCEEDED, amount=Money(1)), ("unknown", "processing")),
        (LOST, ("planned", "processing")),
    ):
        attempt = sent(house)
        attempts._not_sent(attempt_id=attempt.id, message="refused", actor=attempts.SWEEPER)
        assert Attempt.objects.get(pk=attempt.id).state == "planned"
        assert states(tell(attempt, outcome)) == ends
    assert differences(house) == []


def test_a_success_without_an_amount_is_the_amount_we_asked_for(house: House) -> None:
    attempt = tell(sent(house), Outcome(Status.SUCCEEDED))
    assert attempt.taken_minor == 535_900


def test_a_payment_that_was_refunded_and_returned_as_well_is_a_break_once(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    refunds.request(payment_id=payment.id, reason="wrong policy", actor=house.me)
    refunds.sweep()
    attempt = payment.attempts.get()
    assert states(tell(attempt, BACK, BACK)) == ("succeeded", "refunded")
    found = Break.objects.get()
    assert (found.kind, found.difference_minor) == ("gateway_contradicts", -535_900)
    assert differences(house) == []


def test_a_payment_returned_after_its_invoice_was_paid_anew_reopens_what_it_had_covered(house: House) -> None:
    invoice = books.billed(house)
    first = books.paid(house, invoice, amount_minor=300_000)
    second = books.paid(house, invoice)
    tell(first.attempts.get(), Outcome(Status.RETURNED, amount=Money(300_000)))
    assert Invoice.objects.get(pk=invoice.id).state == "open"
    third = books.paid(house, invoice)
    assert third.amount_minor == 300_000
    assert Payment.objects.get(pk=second.id).state == "succeeded"
    assert differences(house) == []


def test_what_a_gateway_says_too_long_or_unprintable_is_kept_short(house: House) -> None:
    attempt = tell(sent(house), Outcome(Status.DECLINED, "r" * 500, "c\x00" * 100, "m\ud800" * 400, Money(535_900)))
    assert attempt.state == "declined"
    assert (len(attempt.gateway_reference), len(attempt.outcome_code), len(attempt.outcome_message)) == (80, 60, 300)
