"""What payors are told before autopay charges them."""

from __future__ import annotations

import datetime as dt

import pytest

from billing import invoices
from coverpay.kernel import clock
from payments import attempts, autopay, forewarnings
from payments.models import Message, Payment
from tests.support import books, paying
from tests.support.books import House

pytestmark = pytest.mark.django_db


def enrolled(house: House) -> str:
    """A policy of 10,718.00 in halves, due 2026-01-31 and 2026-07-31, that pays by a token. Gives its id."""
    invoice = books.billed(house)
    invoice.policy.insured.email = "leilani@example.org"
    invoice.policy.insured.save()
    autopay.enrol(policy_id=invoice.policy_id, method="card", token="tok_ok", actor=house.me)
    return invoice.policy_id


def test_a_charge_is_told_ten_days_before_and_once(house: House) -> None:
    policy_id = enrolled(house)
    with clock.frozen(dt.datetime(2026, 7, 20, 15, tzinfo=dt.UTC)):
        second = invoices.issue(policy_id=policy_id, through=dt.date(2026, 7, 31), actor=house.me)
        assert (str(second.due_on), forewarnings.sweep()) == ("2026-07-31", 0)
    with clock.frozen(dt.datetime(2026, 7, 21, 15, tzinfo=dt.UTC)):
        assert (forewarnings.sweep(), forewarnings.sweep()) == (1, 0)
    message = Message.objects.get()
    assert message.subject == "5,359.00 USD will be charged on July 31, 2026"
    assert "3 business days before" in message.body


def test_an_amount_like_the_last_one_needs_no_notice(house: House) -> None:
    policy_id = enrolled(house)
    autopay.collect_due(house.operator.id, clock.today())
    attempts.submit(Payment.objects.get().attempts.get().id)
    with clock.frozen(dt.datetime(2026, 7, 25, 15, tzinfo=dt.UTC)):
        invoices.issue(policy_id=policy_id, through=dt.date(2026, 7, 31), actor=house.me)
        assert (forewarnings.sweep(), forewarnings.sweep()) == (1, 0)
    message = Message.objects.get(template="upcoming_autopay")
    assert (message.state, message.result) == ("withheld", "The amount is that of the last time.")


def test_nothing_is_told_without_autopay(house: House) -> None:
    invoice = books.billed(house)
    with clock.frozen(dt.datetime(2026, 7, 25, 15, tzinfo=dt.UTC)):
        invoices.issue(policy_id=invoice.policy_id, through=dt.date(2026, 7, 31), actor=house.me)
        assert forewarnings.sweep() == 0


@pytest.mark.parametrize(("day", "told"), [("2026-02-28", 0), ("2026-03-01", 1), ("2026-03-31", 1), ("2026-04-01", 0)])
def test_a_card_that_expires_within_thirty_days_is_told_once(house: House, day: str, told: int) -> None:
    """It is good through 2026-03-31."""
    policy = books.bound(house)
    policy.insured.email = "leilani@example.org"
    policy.insured.save()
    card = paying.card(house, policy.insured, exp_month=3, exp_year=2026)
    paying.allow(house, card)
    autopay.enrol(policy_id=policy.id, payment_method_id=card.id, actor=house.me)
    with clock.frozen(dt.datetime.fromisoformat(day).replace(hour=15, tzinfo=dt.UTC)):
        assert (forewarnings.sweep(), forewarnings.sweep()) == (told, 0)
    assert Message.objects.filter(template="card_expiring").count() == told
