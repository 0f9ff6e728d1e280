"""Aging: each open amount in the bucket of its due date, on any day, and in sum the ledger's receivable."""

from __future__ import annotations

import csv
import datetime as dt
import itertools

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import aging, invoices
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from policies.parties import PartyDetails
from reconciliation.ledger import balances
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db
LATER = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)


def receivable(house: House, on: dt.date) -> int:
    rows = balances.trial_balance(house.book_id, on)
    return sum(row.balance_minor for row in rows if row.code == "premium_receivable")


@pytest.mark.parametrize(
    ("on", "bucket"),
    [
        (dt.date(2026, 2, 2), "days_1_30"),  # due 01-31, so 2 days
        (dt.date(2026, 3, 2), "days_1_30"),  # 28 days of February and 2: the 30th day
        (dt.date(2026, 3, 3), "days_31_60"),
        (dt.date(2026, 4, 1), "days_31_60"),
        (dt.date(2026, 4, 2), "days_61_90"),
        (dt.date(2026, 5, 1), "days_61_90"),
        (dt.date(2026, 5, 2), "over_90"),
    ],
)
def test_an_amount_stands_in_the_bucket_of_its_days(house: House, on: dt.date, bucket: str) -> None:
    invoice = books.billed(house)
    (row,) = aging.aged(house.me, on)
    assert (row.key, row.name, getattr(row, bucket), row.total) == (
        invoice.policy_id, "Aloha Foods", 535_900, 535_900,
    )  # fmt: skip


def test_what_is_due_today_is_not_past_due_and_what_is_issued_later_is_not_there(house: House) -> None:
    with clock.frozen(dt.datetime(2026, 1, 20, tzinfo=dt.UTC)):
        policy = books.bound(house)
        invoices.issue(policy_id=policy.id, through=books.FIRST_DAY, actor=house.me)
    (row,) = aging.aged(house.me, books.FIRST_DAY)
    assert (row.current, row.total) == (535_900, 535_900)
    assert aging.aged(house.me, dt.date(2026, 1, 19)) == []


def test_on_any_day_it_is_the_ledgers_receivable(house: House) -> None:
    first, second = books.billed(house), books.billed(house, plan="thirds")
    with clock.frozen(dt.datetime(2026, 3, 5, 12, tzinfo=dt.UTC)):
        books.paid(house, first, amount_minor=123_456)
    with clock.frozen(LATER):
        invoices.issue(policy_id=second.policy_id, actor=house.me)
        books.paid(house, second)
    days = (dt.date(2026, 2, 1), dt.date(2026, 2, 2), dt.date(2026, 3, 4), dt.date(2026, 3, 5), LATER.date())
    for on, by in itertools.product(days, aging.GROUPS):
        with clock.frozen(LATER):
            sums = [row.total for row in aging.totals(aging.aged(house.me, on, by))] or [0]
        assert sums == [receivable(house, on)], (on, by)
    assert receivable(house, dt.date(2026, 3, 5)) == 535_900 - 123_456 + second.total_minor


def test_it_is_one_query_and_groups_by_program(house: House) -> None:
    books.billed(house)
    books.billed(house)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        (row,) = aging.aged(house.me, dt.date(2026, 2, 2), "program")
    assert len(queries) == 1
    assert (row.number, row.days_1_30) == ("hi", 1_071_800)
    with pytest.raises(aging.GroupUnknown):
        aging.aged(house.me, dt.date(2026, 2, 2), "color")


def test_others_see_nothing_of_it_and_a_carrier_what_it_takes_part_in(house: House) -> None:
    books.billed(house)
    reader = frozenset({Permission.BILLING_READ})
    carrier = Actor("user", "u", house.carrier.id, reader)
    stranger = Actor("user", "u", "org_00000000000000000000000000", reader)
    on = dt.date(2026, 2, 2)
    assert [row.total for row in aging.aged(carrier, on)] == [535_900]
    assert aging.aged(stranger, on) == []


def test_csv_has_a_row_a_group_the_total_and_no_formula(house: House) -> None:
    books.billed(house, insured=PartyDetails(reference="F-1", name="=HYPERLINK(1)"))
    rows = list(csv.DictReader(aging.as_csv(aging.aged(house.me, dt.date(2026, 2, 2))).splitlines()))
    assert [(row["name"], row["days_1_30"], row["total"]) for row in rows] == [
        ("'=HYPERLINK(1)", "5359.00", "5359.00"), ("", "5359.00", "5359.00"),
    ]  # fmt: skip
