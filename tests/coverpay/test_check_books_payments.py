"""The proof of the books over parts, surcharges, partial refunds and disputes: each cause is broken on purpose."""

from __future__ import annotations

import pytest
from django.db import connection

from coverpay import books
from payments import attempts, captures, collection, refunds
from payments.collection import Wanted
from payments.gateways.base import DisputeStatus
from payments.models import Attempt, Dispute, Payment, PaymentPart, Refund
from tests.coverpay.test_check_books import breaking, named
from tests.payments.test_disputes import tell
from tests.support import books as books_of
from tests.support import disputed
from tests.support.books import House

pytestmark = pytest.mark.django_db


@pytest.fixture
def lived_in(house: House) -> House:
    """A payment of two invoices with a surcharge, captured in part and refunded in part; one disputed, one won."""
    payment = collection.collect_many(
        items=[Wanted(books_of.billed(house).id), Wanted(books_of.billed(house).id)],
        method="card", token="tok_ok", surcharge_minor=10_000, capture=False, actor=house.me,
    )  # fmt: skip
    attempts.sweep()
    captures.capture(payment_id=payment.id, amount_minor=600_000, actor=house.me)
    attempts.sweep()
    refund = refunds.request(payment_id=payment.id, amount_minor=100_000, reason="too much", actor=house.me)
    refunds.submit(refund.id)
    disputed.dispute_of(house, books_of.paid(house, books_of.billed(house)))
    won = books_of.paid(house, books_of.billed(house))
    for status in (DisputeStatus.NEEDS_RESPONSE, DisputeStatus.WON):
        tell(house, won, status, dispute="dp_won")
    connection.check_constraints()  # what commits would have checked, before anything is broken
    return house


def first() -> Payment:
    return Payment.objects.order_by("id")[0]


def test_they_tie(lived_in: House) -> None:
    assert books.check() == []
    # 100.00 of 10,818.00 for 6,000.00 is 55.46; of that a sixth went back, 9.24.
    assert books_of.trial_balance(lived_in)["fee_in_trust", lived_in.operator.id] == -5_546 + 924


@pytest.mark.parametrize("kind", ["refund.given", "dispute.withdrawn", "dispute.returned"])
def test_money_that_went_back_without_its_entry_is_named(lived_in: House, kind: str) -> None:
    breaking("DELETE FROM reconciliation_line WHERE entry_id IN (SELECT id FROM reconciliation_entry WHERE kind = %s)",
             [kind])  # fmt: skip
    breaking("DELETE FROM reconciliation_entry WHERE kind = %s", [kind])
    assert any(account == kind and found is None for account, _, _, found in named())


def test_a_part_that_brought_less_than_its_share_is_named(lived_in: House) -> None:
    part = PaymentPart.objects.get(payment=first(), position=2)
    breaking("UPDATE billing_receipt SET amount_minor = amount_minor - 1 WHERE source_id = %s", [part.id])
    # 6,000.00 less the fee of 55.46 less 5,359.00 of the first part is 585.54.
    assert ("receipt of payment", part.id, 58_554, 58_553) in named(books.RECEIPTS)


def test_a_part_without_a_receipt_is_named(lived_in: House) -> None:
    part = PaymentPart.objects.get(payment=first(), position=2)
    breaking("DELETE FROM billing_receipt WHERE source_id = %s", [part.id])
    assert ("receipt of payment", part.id, 58_554, None) in named(books.RECEIPTS)


def test_another_surcharge_than_was_posted_is_named(lived_in: House) -> None:
    breaking("UPDATE payments_payment SET surcharge_minor = surcharge_minor + 200 WHERE id = %s", [first().id])
    wrong = {account for account, _, _, _ in named()}
    assert {"fee_in_trust", "receipt of payment"} <= wrong


def test_a_refund_that_gave_back_another_surcharge_than_it_says_is_named(lived_in: House) -> None:
    refund = Refund.objects.get()
    assert refund.surcharge_minor == 924
    breaking("UPDATE payments_refund SET surcharge_minor = 900 WHERE id = %s", [refund.id])
    assert named() == {("surcharge of refund", refund.id, 900, 924)}


@pytest.mark.parametrize(("number", "withdrawn"), [(0, 535_900), (1, 0)])
def test_a_dispute_whose_money_is_not_where_it_says_is_named(lived_in: House, number: int, withdrawn: int) -> None:
    dispute = Dispute.objects.order_by("id")[number]
    breaking("UPDATE payments_dispute SET withdrawn = NOT withdrawn WHERE id = %s", [dispute.id])
    assert named() == {("withdrawn by dispute", dispute.id, 535_900 - withdrawn, withdrawn)}


def test_cash_that_went_out_of_another_receipt_than_it_has_is_named(lived_in: House) -> None:
    refund = Refund.objects.get()
    breaking("UPDATE billing_cashout SET amount_minor = amount_minor + 1 WHERE source_id = %s", [refund.id])
    wrong = {(account, expected, found) for account, _, expected, found in named()}
    assert ("receipt overdrawn", 0, -1) in wrong
    assert ("unapplied_cash", 2, 0) in wrong  # drawn from both parts


def test_a_payment_said_to_be_returned_that_was_not_is_named(lived_in: House) -> None:
    payment = Attempt.objects.order_by("-id")[0].payment
    breaking("UPDATE payments_payment SET state = 'returned' WHERE id = %s", [payment.id])
    wrong = {account for account, _, _, _ in named()}
    assert {"payment.undone", "processor_clearing", "receipt taken back of payment"} <= wrong
