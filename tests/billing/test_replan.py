"""Another plan or due day in the middle of a term: what is not billed is sliced anew, shown first."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing import invoices, replan
from billing.models import InstallmentItem, Invoice
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import DomainError, Forbidden, Invalid, NotFound
from policies.models import Policy
from tests.support import books, changes
from tests.support.books import House
from tests.support.changes import receive

pytestmark = pytest.mark.django_db
ALL_DOWN = ["carrier_fee", "surplus_lines_tax"]
QUARTERS = {
    "down_payment": {"percent": "25", "in_full": ALL_DOWN},
    "installments": {"count": 3, "every_months": 3},
}
MONTHS = {"cadence": "monthly", "installment_fee": {"amount": "5.00"}}


def on_quarters(house: House) -> Policy:
    """A policy with 2,500.00 and all fees billed, 2,500.00 due on 04-30, 07-31 and 10-31."""
    policy = changes.planned(house, "quarters", QUARTERS)
    invoices.issue(policy_id=policy.id, actor=house.me)
    changes.planned(house, "months", MONTHS)
    return policy


def test_what_is_left_goes_over_the_dates_of_the_new_plan_that_are_to_come(house: House) -> None:
    """7,500.00 over the eleven months left: 681.81 9/11 each; nine cents go to the first nine. Fee 5.00 each."""
    policy = on_quarters(house)
    replan.change_plan(policy_id=policy.id, plan_code="months", actor=house.me)
    found = changes.dates(policy.terms.get())
    assert [minor for _, minor in found] == [68_182 + 500] * 9 + [68_181 + 500] * 2
    assert [day for day, _ in found][:3] == ["2026-02-28", "2026-03-31", "2026-04-30"]
    assert changes.ties(policy.terms.get())


def test_the_preview_has_the_same_figures_and_writes_nothing(house: House) -> None:
    policy = on_quarters(house)
    term = policy.terms.get()
    before = changes.dates(term)
    shown = replan.preview(policy, "months", 15)
    assert changes.dates(term) == before
    assert [(each.due_on.isoformat(), each.total_minor) for each in shown.before] == before
    replan.change_plan(policy_id=policy.id, plan_code="months", due_day=15, actor=house.me)
    assert [(each.due_on.isoformat(), each.total_minor) for each in shown.after] == changes.dates(term)


def test_another_due_day_on_the_same_plan_moves_the_dates_only(house: House) -> None:
    policy = on_quarters(house)
    schedule = replan.change_plan(policy_id=policy.id, plan_code="quarters", due_day=15, actor=house.me)
    assert changes.dates(policy.terms.get()) == [
        ("2026-04-15", 250_000), ("2026-07-15", 250_000), ("2026-10-15", 250_000),
    ]  # fmt: skip
    assert (schedule.number, schedule.reason) == (2, "Plan changed to quarters, due on day 15")


def test_a_change_to_paid_in_full_asks_for_the_rest_at_once(house: House) -> None:
    policy = on_quarters(house)
    replan.change_plan(policy_id=policy.id, plan_code="full", actor=house.me)
    assert changes.dates(policy.terms.get()) == [("2026-02-02", 750_000)]


def test_items_still_name_a_charge_each(house: House) -> None:
    policy = on_quarters(house)
    schedule = replan.change_plan(policy_id=policy.id, plan_code="months", actor=house.me)
    items = InstallmentItem.objects.filter(installment__schedule=schedule)
    assert {item.component for item in items.filter(charge=None)} == {"installment_fee"}
    assert set(items.exclude(charge=None).values_list("charge__component", flat=True)) == {"premium"}


def test_what_cannot_be_replanned_is_refused(house: House) -> None:
    policy = on_quarters(house)
    reader = Actor("user", "usr_x", house.operator.id, frozenset({Permission.BILLING_READ}))
    refusals: list[tuple[dict[str, Any], type[DomainError]]] = [
        ({"plan_code": "nope"}, NotFound),
        ({"plan_code": "months", "due_day": 32}, Invalid),
        ({"plan_code": "months", "actor": reader}, Forbidden),
        ({"plan_code": "months", "policy_id": "pol_nope"}, NotFound),
    ]
    for asked, error in refusals:
        with pytest.raises(error):
            replan.change_plan(**{"policy_id": policy.id, "actor": house.me, **asked})
    full = books.bound(house, plan="full")
    invoices.issue(policy_id=full.id, actor=house.me)
    with pytest.raises(replan.NothingToReplan):
        replan.change_plan(policy_id=full.id, plan_code="months", actor=house.me)


def test_an_open_invoice_that_is_not_due_is_taken_back_and_its_money_applied_anew(house: House) -> None:
    """2,500.00 of 04-30 is billed and 1,000.00 paid on it; by halves 7,500.00 is due on 07-31 and the money waits."""
    policy = on_quarters(house)
    first = Invoice.objects.get(policy=policy)
    receive(house, policy, first.total_minor)
    invoices.issue(policy_id=policy.id, through=dt.date(2026, 4, 30), actor=house.me)
    receive(house, policy, 100_000)
    shown = replan.preview(policy, "halves")
    replan.change_plan(policy_id=policy.id, plan_code="halves", actor=house.me)
    term = policy.terms.get()
    assert [each.total_minor for each in shown.before] == [250_000] * 3
    assert [(each.due_on.isoformat(), each.total_minor) for each in shown.after] == changes.dates(term)
    assert changes.dates(term) == [("2026-07-31", 750_000)]
    assert changes.ties(term)
    assert sorted(Invoice.objects.filter(policy=policy).values_list("state", flat=True)) == ["paid", "void"]
    assert books.balance(house, "unapplied_cash") == -100_000
    assert books.balance(house, "premium_receivable") == 0


def test_what_is_overdue_stays_as_it_is(house: House) -> None:
    policy = on_quarters(house)
    replan.change_plan(policy_id=policy.id, plan_code="months", actor=house.me)
    assert Invoice.objects.get(policy=policy).state == Invoice.State.OPEN
