"""Each kind of work of a night: done on its day and no day before, and never twice."""

from __future__ import annotations

import datetime as dt

import pytest

from billing import invoices, schedules
from billing.models import BillingRun, DelinquencyStep, Invoice, RunFailure
from coverpay import nightly
from coverpay.kernel import actors
from coverpay.kernel.money import Money
from payments import autopay
from payments.models import Payment
from policies import cancellations, lifecycle, programs
from policies.cancellations import CancellationRequest
from policies.models import Policy, Term
from tests.support import books, late
from tests.support.books import House
from tests.support.late import at, may

pytestmark = pytest.mark.django_db
ENDS = dt.date(2027, 1, 31)
ONE_DAY = dt.timedelta(days=1)


def night(house: House, on: dt.date) -> BillingRun:
    with at(on):
        return nightly.run(organization_id=house.operator.id, run_on=on, actor=actors.system("night"))


def counted(run: BillingRun, step: str) -> tuple[int, int, int, int]:
    found = run.progress[step]
    return found["due"], found["done"], found["failed"], found["amount_minor"]


def renewing(house: House) -> Policy:
    """A policy of a program that offers renewals 45 days before the end and waits 10 days for them."""
    terms = {**books.TERMS, "renewal": {"offer_lead_days": 45, "grace_days": 10}}
    programs.publish(
        code="hi",
        name="Hawaii",
        carrier_id=house.carrier.id,
        states=["HI"],
        terms=terms,
        effective_from=books.SINCE,
        actor=house.me,
    )
    return books.bound(house, number="R-1")


def test_an_announced_cancellation_takes_effect_on_its_day(house: House) -> None:
    policy = books.bound(house)
    day = dt.date(2026, 8, 1)
    cancellations.cancel(policy_id=policy.id, request=CancellationRequest(effective_on=day), actor=house.me)
    assert counted(night(house, day - ONE_DAY), "cancellations") == (0, 0, 0, 0)
    # 182 of 365 days are over: 10,000.00 × 183 / 365 = 5,013.70 comes back.
    assert counted(night(house, day), "cancellations") == (1, 1, 0, 501_370)
    assert Policy.objects.get(pk=policy.id).state == "cancelled"


def test_a_term_that_ran_out_expires_and_one_without_renewal_terms_is_offered_none(house: House) -> None:
    policy = books.bound(house)
    assert counted(night(house, ENDS - ONE_DAY), "expirations") == (0, 0, 0, 0)
    done = night(house, ENDS)
    assert counted(done, "expirations") == (1, 1, 0, 0)
    assert Policy.objects.get(pk=policy.id).state == "expired"
    assert not Term.objects.filter(number=2).exists()


def test_a_renewal_is_offered_once_and_let_go_after_the_days_of_grace(house: House) -> None:
    policy = renewing(house)
    first = ENDS - dt.timedelta(days=45)
    assert counted(night(house, first - ONE_DAY), "renewal_offers") == (0, 0, 0, 0)
    assert counted(night(house, first), "renewal_offers") == (1, 1, 0, 1_000_000)
    assert counted(night(house, first + ONE_DAY), "renewal_offers") == (0, 0, 0, 0)
    offered = Term.objects.get(policy=policy, number=2)
    assert (offered.state, offered.effective_on) == ("offered", ENDS)
    assert counted(night(house, ENDS + 9 * ONE_DAY), "renewals_not_taken") == (0, 0, 0, 0)
    assert counted(night(house, ENDS + 10 * ONE_DAY), "renewals_not_taken") == (1, 1, 0, 0)
    offered.refresh_from_db()
    assert offered.state == "not_taken"


def test_a_small_balance_that_is_overdue_is_written_off(house: House) -> None:
    spec = {"small_balance": "5.00"}
    schedules.publish_plan(code="small", name="Small", spec=spec, effective_from=books.SINCE, actor=house.me)
    terms = {"commission_rate": "0.15", "charges": []}
    programs.publish(
        code="bare",
        name="Bare",
        carrier_id=house.carrier.id,
        states=["HI"],
        terms=terms,
        effective_from=books.SINCE,
        actor=house.me,
    )
    for cents in (500, 501):
        policy = books.bound(house, plan="small", program="bare", premium=Money(cents))
        invoices.issue(policy_id=policy.id, actor=house.me)
    assert counted(night(house, books.FIRST_DAY + dt.timedelta(days=2)), "small_balances") == (1, 1, 0, 500)
    states = Invoice.objects.order_by("total_minor").values_list("total_minor", "state")
    assert list(states) == [(500, "written_off"), (501, "open")]


def test_past_due_money_is_followed_and_a_second_run_of_the_night_follows_it_no_further(house: House) -> None:
    late.settle_rules(house)
    late.policy(house)
    done = night(house, may(3))
    assert counted(done, "delinquency")[:3] == (1, 1, 0)
    assert list(DelinquencyStep.objects.values_list("action", flat=True)) == ["reminder"]
    again = night(house, may(3))
    assert (again.progress, again.finished_at) == (done.progress, done.finished_at)
    assert DelinquencyStep.objects.count() == 1


def test_autopay_is_asked_for_once_on_the_due_date(house: House) -> None:
    invoice = books.billed(house)
    autopay.enrol(policy_id=invoice.policy_id, method="card", token="tok_ok", actor=house.me)
    done = night(house, dt.date(2026, 2, 2))
    assert counted(done, "autopay") == (1, 1, 0, invoice.total_minor)
    assert night(house, dt.date(2026, 2, 2)).progress == done.progress
    assert Payment.objects.count() == 1


def test_an_invoice_that_waits_for_more_is_no_failure(house: House) -> None:
    spec = {"down_payment": {"percent": "1"}, "installments": [{"month": 1}], "low_bill": "500.00"}
    schedules.publish_plan(code="rolls", name="Rolls", spec=spec, effective_from=books.SINCE, actor=house.me)
    books.bound(house, plan="rolls")
    done = night(house, dt.date(2026, 2, 2))
    assert counted(done, "invoices") == (0, 0, 0, 0)
    assert not RunFailure.objects.exists()
    assert counted(night(house, dt.date(2026, 3, 1)), "invoices")[:3] == (1, 1, 0)


def test_a_quote_is_left_alone(house: House) -> None:
    lifecycle.quote(request=books.request(), actor=house.me)
    done = night(house, dt.date(2026, 2, 2))
    assert {step: counted(done, step)[1] for step in done.progress} == dict.fromkeys(done.progress, 0)
