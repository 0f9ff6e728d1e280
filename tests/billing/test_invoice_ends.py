"""What becomes of invoices after they were sent: void, written off, waived, rolled over."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing import cash, invoices, voids, write_offs
from billing.invoices import NothingToBill
from billing.models import Invoice, LineCredit
from compliance import approvals
from coverpay import books as proof
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import ApprovalRequired, IllegalTransition
from coverpay.kernel.money import Money
from payments import refunds
from policies import locks
from policies.models import Policy
from tests.support import books, plain, world
from tests.support.books import House
from tests.support.changes import on, planned
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
END = dt.date(2026, 12, 31)
LATER = dt.date(2026, 9, 1)


def ties(house: House) -> bool:
    return proof.check() == [] and differences(house) == []


def on_plan(house: House, premium: int = 1_200_000, **spec: Any) -> Policy:
    """A policy of premium alone on a plan of halves that says more."""
    plain.bound(house)  # publishes the program
    return planned(house, "own", {**books.PLANS["halves"], **spec}, program="plain", premium=Money(premium))


@command
def give_up_small(*, policy_id: str, actor: Actor) -> int:
    return write_offs.write_off_small(locks.lock(policy_id))


def test_a_voided_invoice_is_billed_again_with_the_next_and_its_cash_waits_no_longer_than_that(house: House) -> None:
    policy = plain.bound(house)
    first = plain.billed(house, policy)
    books.paid(house, first, amount_minor=100_000)
    voids.void(invoice_id=first.id, reason="Sent to the wrong address", actor=house.me)
    assert Invoice.objects.get().state == "void"
    assert cash.waiting_minor(policy) == 100_000
    assert ties(house)
    with on(LATER):
        again = plain.billed(house, policy)
    assert (again.total_minor, invoices.open_minor(again)) == (1_200_000, 1_100_000)
    with pytest.raises(IllegalTransition):
        voids.void(invoice_id=first.id, reason="Again", actor=house.me)
    assert ties(house)


def test_a_small_balance_is_given_up_by_itself_once_it_is_past_due(house: House) -> None:
    """Halves of 12,000: 5,996.00 of 6,000 paid leaves 4.00, at or under the 5.00 of the plan."""
    policy = on_plan(house, small_balance="5.00")
    invoice = plain.billed(house, policy)
    books.paid(house, invoice, amount_minor=599_600)
    assert give_up_small(policy_id=policy.id, actor=house.me) == 400
    invoice.refresh_from_db()
    assert (invoice.state, invoices.open_minor(invoice)) == ("written_off", 0)
    assert LineCredit.objects.get().kind == "written_off"
    assert ties(house)
    write_offs.take_back(invoice_id=invoice.id, reason="They paid after all", actor=house.me)
    invoice.refresh_from_db()
    assert (invoice.state, invoices.open_minor(invoice)) == ("open", 400)
    assert ties(house)


def test_a_larger_balance_is_given_up_only_with_leave_of_someone_else(house: House) -> None:
    invoice = plain.billed(house, plain.bound(house))
    with pytest.raises(ApprovalRequired):
        write_offs.write_off(invoice_id=invoice.id, reason="Gone away", actor=house.me)
    permit = approvals.request(
        action="invoice.write_off", object_id=invoice.id, amount=Money(600_000), reason="Gone away", actor=house.me
    )
    approvals.approve(permit_id=permit.id, actor=world.actor(house.operator))
    given_up = write_offs.write_off(invoice_id=invoice.id, reason="Gone away", actor=house.me)
    assert given_up.state == "written_off"
    assert LineCredit.objects.get().source_id == permit.id
    assert ties(house)


def test_what_was_given_up_becomes_return_premium_when_it_was_never_owed(house: House) -> None:
    """6,000 billed, 5,996 paid, 4 given up; flat cancellation: 5,996 is free, and nothing stays written off."""
    policy = on_plan(house, small_balance="5.00")
    books.paid(house, plain.billed(house, policy), amount_minor=599_600)
    give_up_small(policy_id=policy.id, actor=house.me)
    plain.cancelled(house, policy, on=books.FIRST_DAY, method="flat")
    assert cash.waiting_minor(policy) == 599_600
    written_off = LineCredit.objects.filter(kind="written_off").values_list("amount_minor", flat=True)
    assert sorted(written_off) == [-400, 400]
    assert ties(house)


def test_money_taken_back_revives_what_was_given_up(house: House) -> None:
    policy = on_plan(house, small_balance="5.00")
    invoice = plain.billed(house, policy)
    payment = books.paid(house, invoice, amount_minor=599_600)
    give_up_small(policy_id=policy.id, actor=house.me)
    refunds.submit(refunds.request(payment_id=payment.id, reason="Wrong card", actor=house.me).id)
    invoice.refresh_from_db()
    assert (invoice.state, invoices.open_minor(invoice)) == ("open", 599_600)
    assert ties(house)


def test_only_a_fee_of_the_plan_is_waived_and_what_was_paid_for_it_covers_something_else(house: House) -> None:
    policy = on_plan(house, installment_fee={"amount": "5.00", "from": 1})
    invoice = plain.billed(house, policy)
    books.paid(house, invoice)
    premium, fee = invoice.lines.order_by("amount_minor").reverse()
    with pytest.raises(write_offs.NotAFee):
        write_offs.waive(invoice_id=invoice.id, line_id=premium.id, reason="Kind", actor=house.me)
    write_offs.waive(invoice_id=invoice.id, line_id=fee.id, reason="Kind", actor=house.me)
    assert (Invoice.objects.get().state, cash.waiting_minor(policy)) == ("paid", 500)
    with pytest.raises(IllegalTransition):
        write_offs.waive(invoice_id=invoice.id, line_id=fee.id, reason="Kind", actor=house.me)
    assert ties(house)


def test_what_is_below_the_low_bill_comes_with_the_next_installment_and_its_date(house: House) -> None:
    """Halves of 8.00 are 4.00 each, under 5.00: the first waits, the second asks for 8.00 by its own date."""
    policy = on_plan(house, premium=800, low_bill="5.00")
    with pytest.raises(NothingToBill):
        plain.billed(house, policy)
    with on(LATER):
        invoice = plain.billed(house, policy)
    assert (invoice.total_minor, invoice.due_on) == (800, dt.date(2026, 7, 31))
    assert ties(house)


def test_a_last_bill_is_sent_however_small(house: House) -> None:
    policy = on_plan(house, premium=800, low_bill="50.00")
    with on(LATER):
        assert plain.billed(house, policy).total_minor == 800
