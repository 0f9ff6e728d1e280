"""Return premium: how much of a credit is cash owed, by when, and what to decide where no rule says."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.models import Invoice, ReturnPremium
from compliance import explanations
from compliance.models import EventRecord
from coverpay.kernel.money import Money
from policies import endorsements, renewals
from policies.endorsements import EndorsementRequest
from policies.renewals import RenewalRequest
from tests.support import books, plain
from tests.support.books import House
from tests.support.changes import on
from tests.support.plain import DAY_100

pytestmark = pytest.mark.django_db


def test_what_was_paid_is_owed_with_a_deadline_or_a_question_and_why(house: House) -> None:
    policy = plain.bound(house, plan="full")
    plain.paid(house, policy)
    with on(DAY_100):
        plain.cancelled(house, policy)
    owed = ReturnPremium.objects.get()
    assert (owed.credited_minor, owed.refundable_minor) == (871_233, 871_233)
    assert bool(owed.due_on) != bool(owed.needs_decision) or owed.needs_decision
    (why,) = explanations.of(owed.id)
    assert why.inputs["credited_minor"] == 871_233 and why.citation == owed.citation
    assert EventRecord.objects.get(type="return_premium.owed").data["refundable_minor"] == 871_233


def test_a_credit_that_covers_what_else_is_owed_is_not_owed_in_cash(house: House) -> None:
    """Halves of 12,000; the first paid, the second billed and open. Lowered to 3,000 at day 100: 9,000 x 265/365 =
    6,534.25 off. The open 6,000 is credited first, so 534.25 of what was paid comes free."""
    policy = plain.bound(house)
    plain.paid(house, policy)
    plain.billed(house, policy, dt.date(2026, 12, 31))
    with on(DAY_100):
        request = EndorsementRequest(DAY_100, "Vehicles removed", new_full_term_minor=300_000)
        endorsements.endorse(policy_id=policy.id, request=request, actor=house.me)
    owed = ReturnPremium.objects.get()
    assert (owed.credited_minor, owed.refundable_minor) == (653_425, 53_425)


def test_what_was_not_billed_yet_is_neither_credited_nor_owed(house: House) -> None:
    """Halves of 12,000, nothing billed: lowering the charge lowers what is still to be billed, and no more."""
    policy = plain.bound(house)
    with on(DAY_100):
        plain.cancelled(house, policy)
    assert not ReturnPremium.objects.exists()


def test_cash_that_waits_pays_a_renewal_when_it_is_billed_and_takes_it(house: House) -> None:
    policy = plain.bound(house, plan="full")
    plain.paid(house, policy)
    with on(DAY_100):
        request = EndorsementRequest(DAY_100, "Vehicles removed", new_full_term_minor=300_000)
        endorsements.endorse(policy_id=policy.id, request=request, actor=house.me)
    with on(dt.date(2026, 12, 20)):
        renewals.offer(policy_id=policy.id, request=RenewalRequest(premium_minor=300_000), actor=house.me)
        invoice = plain.billed(house, policy, dt.date(2027, 1, 31))
    assert invoice.state == "paid"
    assert policy.terms.get(number=2).state == "in_force"
    assert books.balance(house, "premium_receivable") == 0


def test_what_a_cancelled_term_keeps_is_billed_and_paid_before_cash_is_owed_back(house: House) -> None:
    """Halves of 12,000 + fee 250 + tax 561.60; the first 6,405.80 paid. At day 100 pro rata:
    earned 12,000 x 100/365 = 3,287.67, so 2,712.33 of the 6,000 paid comes free. Fee and tax are kept whole here:
    405.80 of them was never billed. Owed in cash: 2,712.33 - 405.80 = 2,306.53."""
    invoice = books.billed(house, plan="halves", premium=Money(1_200_000))
    books.paid(house, invoice)
    with on(DAY_100):
        plain.cancelled(house, invoice.policy, on=DAY_100)
    owed = ReturnPremium.objects.get()
    assert (owed.credited_minor, owed.refundable_minor) == (271_233, 230_653)
    last = Invoice.objects.order_by("id").last()
    assert last is not None and (last.total_minor, last.state) == (40_580, "paid")
