"""Refunds of a part: what they take back, never above what was taken, and with leave above a limit."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from billing.models import Invoice, Receipt, ReceiptReversal
from compliance import approvals
from compliance.permissions import Permission
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import ApprovalRequired, Invalid
from coverpay.kernel.money import Money
from payments import attempts, refunds
from payments.gateways.base import Outcome, Status
from payments.models import Payment, Refund
from payments.refund_requests import ACTION, AmountAboveRefundable
from payments.refunds import NotRefundable
from reconciliation.models import Break
from tests.payments.test_parts import together
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def give(house: House, payment: Payment, amount: int | None, sent: bool = True) -> Refund:
    refund = refunds.request(payment_id=payment.id, reason="too much", amount_minor=amount, actor=house.me)
    if sent:
        refunds.submit(refund.id)
    return Refund.objects.select_related("payment").get(pk=refund.id)


def ties(house: House) -> bool:
    return differences(house) == [] and proof.check(house.operator.id) == []


def applied(payment: Payment) -> int:
    receipt = Receipt.objects.get(source_id=payment.id)
    return sum(receipt.applications.values_list("amount_minor", flat=True))


def test_a_part_goes_back_and_the_rest_covers_as_before(house: House) -> None:
    invoice = books.billed(house)
    payment = books.paid(house, invoice)
    refund = give(house, payment, 100_000)
    assert (refund.state, refund.payment.state) == ("succeeded", "succeeded")
    assert applied(payment) == 435_900
    assert Invoice.objects.get(pk=invoice.id).state == "open"
    assert books.balance(house, "premium_receivable") == 100_000
    assert books.balance(house, "unapplied_cash") == 0
    assert books.balance(house, "processor_clearing") == 435_900
    assert not ReceiptReversal.objects.exists()
    assert ties(house)


def test_several_parts_may_go_back_until_all_of_it_is_refunded(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    for amount, state in ((200_000, "succeeded"), (300_000, "succeeded"), (None, "refunded")):
        assert give(house, payment, amount).payment.state == state
        assert ties(house)
    assert list(Refund.objects.order_by("id").values_list("amount_minor", flat=True)) == [200_000, 300_000, 35_900]
    assert books.balance(house, "processor_clearing") == 0
    assert applied(payment) == 0
    with pytest.raises(NotRefundable):
        give(house, payment, 1)


@pytest.mark.parametrize(("amount", "error"), [(535_901, AmountAboveRefundable), (0, Invalid), (-1, Invalid)])
def test_what_is_above_what_was_taken_or_no_amount_is_refused(
    house: House, amount: int, error: type[Exception]
) -> None:
    payment = books.paid(house, books.billed(house))
    with pytest.raises(error):
        give(house, payment, amount)
    assert not Refund.objects.exists()


def test_what_went_back_counts_against_the_next_and_the_database_counts_as_well(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    first = give(house, payment, 500_000)
    with pytest.raises(AmountAboveRefundable, match=r"359\.00"):
        give(house, payment, 35_901)
    more = {"payment": payment, "attempt": first.attempt, "currency": "USD", "amount_minor": 35_901}
    with pytest.raises(DatabaseError, match="more than attempt"), transaction.atomic():
        Refund.objects.create(**more, reason="by hand")


def test_a_declined_refund_leaves_all_of_it_refundable(house: House) -> None:
    payment = books.paid(house, books.billed(house), "tok_refund_declined")
    assert give(house, payment, 500_000).state == "declined"
    assert applied(payment) == 535_900
    assert refunds.refundable_minor(payment) == 535_900


def test_of_a_surcharge_its_proportion_goes_back(house: House) -> None:
    payment = together(house, books.billed(house), surcharge=13_398)  # 2.5% of 5,359.00; 5,492.98 in all
    refund = give(house, payment, 274_649)  # half of it
    assert refund.surcharge_minor == 6_699
    assert books.trial_balance(house)["fee_in_trust", house.operator.id] == -6_699
    assert applied(payment) == 535_900 - 267_950
    assert ties(house)
    give(house, payment, None)
    assert ("fee_in_trust", house.operator.id) not in books.trial_balance(house)
    assert ties(house)


def test_of_several_invoices_the_last_part_goes_back_first(house: House, settings: Any) -> None:
    settings.REFUND_LIMIT_MINOR = 2_000_000
    first, second = books.billed(house), books.billed(house)
    payment = together(house, first, second)
    give(house, payment, 600_000)
    assert applied(payment) == 535_900 - 64_100
    assert [Invoice.objects.get(pk=row.id).state for row in (first, second)] == ["open", "open"]
    receivable = {row.id: row.total_minor for row in (first, second)}
    assert sum(receivable.values()) - 471_800 == books.balance(house, "premium_receivable")
    assert ties(house)


def test_unapplied_cash_goes_back_before_anything_is_reopened(house: House) -> None:
    invoice = books.billed(house)
    payment = books.paid(house, invoice, "tok_timeout_taken")
    taken = payment.attempts.get()
    attempts.resolve(attempt_id=taken.id, taken=True, reason="portal", amount_minor=600_000, actor=house.me)
    give(house, payment, 64_100)
    assert Invoice.objects.get(pk=invoice.id).state == "paid"
    assert ties(house)


def test_above_the_limit_someone_else_allows_exactly_this_amount(house: House, settings: Any) -> None:
    settings.REFUND_LIMIT_MINOR = 100_000
    payment = books.paid(house, books.billed(house))
    give(house, payment, 100_000)
    with pytest.raises(ApprovalRequired):
        give(house, payment, 1)  # small pieces add up
    with pytest.raises(ApprovalRequired) as asked:
        give(house, payment, 100_001)
    assert asked.value.extra["object_id"] == payment.id
    amount = Money(100_001)
    permit = approvals.request(action=ACTION, object_id=payment.id, amount=amount, reason="agreed", actor=house.me)
    boss = Actor("user", "usr_boss", house.operator.id, frozenset(Permission), label="boss")
    approvals.approve(permit_id=permit.id, actor=boss)
    assert give(house, payment, 100_001).permit_id == permit.id
    with pytest.raises(ApprovalRequired):
        give(house, payment, 100_001)


def test_a_bank_that_returns_what_was_refunded_in_part_leaves_a_break_over_that_part(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    give(house, payment, 100_000)
    back = Outcome(Status.RETURNED, code="R01", amount=Money(535_900))
    attempts.record_outcome(attempt_id=payment.attempts.get().id, outcome=back, actor=house.me)
    assert Payment.objects.get().state == "returned"
    found = Break.objects.get()
    assert (found.kind, found.difference_minor) == ("gateway_contradicts", -100_000)
    assert books.balance(house, "unapplied_cash") == 100_000  # the payor owes it
    assert ties(house)


def test_a_refund_nobody_heard_of_is_given_once(house: House) -> None:
    payment = books.paid(house, books.billed(house), "tok_refund_timeout")
    refund = give(house, payment, 100_000)
    assert refund.state == "unknown"
    clock.advance(dt.timedelta(hours=1))
    refunds.sweep()
    assert Refund.objects.get().state == "succeeded"
    assert ties(house)
