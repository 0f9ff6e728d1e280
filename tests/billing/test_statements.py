"""Statements: opening, everything that happened, closing; and they tie to what is open."""

from __future__ import annotations

import datetime as dt

import pytest

from billing import statements
from billing.statements import PeriodUnreadable
from coverpay.kernel import clock
from payments import refunds
from policies.models import Policy
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db
FEBRUARY = (dt.date(2026, 2, 1), dt.date(2026, 2, 28))
MARCH = (dt.date(2026, 3, 1), dt.date(2026, 3, 31))


def test_a_month_opens_with_what_the_month_before_closed_with(house: House) -> None:
    invoice = books.billed(house)
    with clock.frozen(dt.datetime(2026, 3, 5, 12, tzinfo=dt.UTC)):
        payment = books.paid(house, invoice, amount_minor=500_000)
        refunds.submit(refunds.request(payment_id=payment.id, reason="wrong account", actor=house.me).id)
    policy = Policy.objects.get(pk=invoice.policy_id)
    february, march = statements.of_policy(policy, *FEBRUARY), statements.of_policy(policy, *MARCH)
    assert (february.opening_minor, february.closing_minor) == (0, 535_900)
    assert [line.entry.what for line in february.lines] == ["Invoice, due 2026-01-31"]
    assert [(line.entry.what, line.entry.amount_minor, line.balance_minor) for line in march.lines] == [
        ("Payment received", -500_000, 35_900), ("Payment refunded", 500_000, 535_900),
    ]  # fmt: skip
    assert (march.opening_minor, march.closing_minor) == (535_900, 535_900)


def test_an_overpayment_stands_below_zero(house: House) -> None:
    invoice = books.billed(house)
    books.paid(house, invoice)
    policy = Policy.objects.get(pk=invoice.policy_id)
    assert statements.of_policy(policy, *FEBRUARY).closing_minor == 0
    assert statements.of_policy(policy, *MARCH).lines == []


def test_a_period_that_runs_backwards_is_refused(house: House) -> None:
    policy = books.bound(house)
    with pytest.raises(PeriodUnreadable):
        statements.of_policy(policy, dt.date(2026, 2, 2), dt.date(2026, 2, 1))
