"""Changes that reach what is billed, several payors, and fees that happened: the schedule after each."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import invoices, schedules, slots, standing
from billing.models import BillingAccount, Installment, InstallmentItem, Invoice, PayorShare
from coverpay.kernel import ids
from coverpay.kernel.money import Money
from policies import lifecycle
from policies.models import Policy, Term
from tests.support import books, changes
from tests.support.books import House

pytestmark = pytest.mark.django_db
MONTHS = {
    "down_payment": {"percent": "40", "in_full": ["carrier_fee", "surplus_lines_tax"]},
    "installments": {"count": 6},
}


def monthly(house: House, **more: object) -> tuple[Policy, Term]:
    """4,718.00 billed (40%, the fee of 250.00, the tax of 468.00) and 1,000.00 in each of six months."""
    policy = changes.planned(house, "months", {**MONTHS, **more})
    invoices.issue(policy_id=policy.id, actor=house.me)
    return policy, policy.terms.get()


def shared(house: House, policy: Policy, *ppm: int) -> list[BillingAccount]:
    """Let billing accounts share what a policy is charged."""
    accounts = [
        BillingAccount.objects.create(operator=house.operator, number=ids.new("bac"), payor=policy.insured) for _ in ppm
    ]
    for account, share in zip(accounts, ppm, strict=True):
        PayorShare.objects.create(policy=policy, account=account, share_ppm=share)
    return accounts


def test_a_credit_to_unapplied_leaves_the_dates_and_frees_what_was_paid(house: House) -> None:
    """300.00 less: six dates stay at 1,000.00, and 300.00 of the 4,718.00 paid waits to be applied."""
    policy, term = monthly(house, credit="unapplied")
    changes.receive(house, policy, Invoice.objects.get(policy=policy).total_minor)
    changes.changed(house, policy, premium=-30_000)
    assert [minor for _, minor in changes.dates(term)] == [100_000] * 6
    assert books.balance(house, "unapplied_cash") == -30_000
    assert changes.ties(term)


def test_a_flat_cancellation_takes_everything_back(house: House) -> None:
    policy, term = monthly(house)
    changes.changed(house, policy, "cancellation", premium=-1_000_000, carrier_fee=-25_000, surplus_lines_tax=-46_800)
    assert changes.dates(term) == []
    assert changes.ties(term)
    assert books.balance(house, "premium_receivable") == 0


def test_a_return_beyond_what_is_left_lowers_what_is_billed(house: House) -> None:
    """7,000.00 less: 6,000.00 was still to be billed, so the open invoice of 4,718.00 falls by 1,000.00."""
    policy, term = monthly(house)
    billed = Invoice.objects.get(policy=policy).total_minor
    changes.changed(house, policy, premium=-700_000)
    assert changes.dates(term) == []
    assert changes.ties(term)
    assert books.balance(house, "premium_receivable") == billed - 100_000


def test_undoing_a_change_restores_every_balance(house: House) -> None:
    policy, term = monthly(house)
    before, owed = standing.of_term(term), books.trial_balance(house)
    for premium in (24_301, -24_301):
        changes.changed(house, policy, premium=premium)
    assert standing.of_term(term) == before
    assert books.trial_balance(house) == owed
    assert [minor for _, minor in changes.dates(term)] == [100_000] * 6


def test_several_changes_the_same_day_are_one_date_when_billed_now(house: House) -> None:
    policy, term = monthly(house, endorsement="now")
    for premium in (1_000, 2_000, 3_000):
        changes.changed(house, policy, premium=premium)
    assert changes.dates(term)[0] == ("2026-02-02", 6_000)
    assert term.schedules.count() == 4


def test_a_late_fee_that_happened_stays_where_it_is(house: House) -> None:
    policy, term = monthly(house)
    second = Installment.objects.get(policy=policy, sequence=2)
    InstallmentItem.objects.create(
        installment=second, component="late_fee", amount_minor=1_000, payee_kind="operator", payee=house.operator.id
    )
    changes.changed(house, policy, premium=-600_000)
    assert changes.dates(term) == [("2026-02-28", 1_000)]
    item = InstallmentItem.objects.get(installment__schedule__number=2)
    assert item.component == "late_fee"
    assert item.charge is None


def test_two_payors_have_an_installment_each_on_every_date(house: House) -> None:
    """By thirds and two thirds of 10,000.01: 40% is 4,000.01 = 1,333.34 + 2,666.67; dates are the same."""
    policy = lifecycle.quote(request=books.request(premium=Money(1_000_001), plan="months"), actor=house.me)
    schedules.publish_plan(code="months", name="M", spec=MONTHS, effective_from=books.SINCE, actor=house.me)
    one, two = shared(house, policy, 333_333, 666_667)
    lifecycle.bind(policy_id=policy.id, actor=house.me)
    rows = Installment.objects.filter(policy=policy).order_by("sequence")
    assert [row.account_id for row in rows] == [one.id, two.id] * 7
    assert len({row.due_on for row in rows}) == 7
    premium = [row.items.get(component="premium").amount_minor for row in rows]
    assert sum(premium) == 1_000_001
    assert premium[:2] == [133_334, 266_667]


def test_a_change_keeps_the_split_and_a_new_split_holds_from_the_next_change(house: House) -> None:
    """Six dates of 1,000.00 and 60.00 more: 1,010.00 each, then half and half."""
    policy, term = monthly(house)
    shared(house, policy, 500_000, 500_000)
    changes.changed(house, policy, premium=6_000)
    rows = Installment.objects.filter(policy=policy, invoice=None, replaced_by=None)
    assert {item.amount_minor for row in rows for item in row.items.all()} == {50_500}
    assert rows.count() == 12
    assert changes.ties(term)


def test_a_payors_due_day_rules_its_bills(house: House) -> None:
    policy = lifecycle.quote(request=books.request(plan="thirds"), actor=house.me)
    (account,) = shared(house, policy, 1_000_000)
    BillingAccount.objects.filter(pk=account.pk).update(due_day=10)
    lifecycle.bind(policy_id=policy.id, actor=house.me)
    assert [day for day, _ in changes.dates(policy.terms.get())] == ["2026-01-31", "2026-02-10", "2026-03-10"]


def test_a_plan_anchored_at_bind_begins_that_day(house: House) -> None:
    spec = {"anchor": "bind", "installments": {"count": 2}, "down_payment": {"percent": "40"}}
    policy = changes.planned(house, "bind", spec)
    assert [day for day, _ in changes.dates(policy.terms.get())] == ["2026-02-02", "2026-03-02", "2026-04-02"]


def test_a_reinstatement_asks_at_once_for_what_fell_due_meanwhile(house: House) -> None:
    """Cancelled before 02-28 and reinstated on 04-15: February's and March's 1,000.00 are due now, the rest later."""
    policy, term = monthly(house)
    changes.changed(house, policy, "cancellation", premium=-600_000)
    with changes.on(dt.date(2026, 4, 15)):
        changes.changed(house, policy, "reinstatement", premium=600_000)
    assert changes.dates(term) == [("2026-04-15", 200_000)] + [
        (day, 100_000) for day in ("2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31")
    ]


def test_adjusting_takes_the_same_queries_for_six_dates_as_for_two(house: House) -> None:
    counts = []
    for count in (2, 6):
        policy = changes.planned(house, f"n{count}", MONTHS | {"installments": {"count": count}})
        invoices.issue(policy_id=policy.id, actor=house.me)
        with CaptureQueriesContext(connection) as queries:
            changes.changed(house, policy, premium=100)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert len(slots.unbilled(policy.terms.get())) == 6
