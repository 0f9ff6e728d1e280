"""The recovery rate, with figures by hand: four failures of 5,359.00, of which two came back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from compliance.permissions import Permission
from coverpay.kernel.errors import Invalid
from payments import recovery_actions, recovery_report
from payments.recovery_report import Rate, ReportGroupUnknown
from tests.support import books, recovering, world
from tests.support.books import House
from tests.support.recovering import failed, returned, until, work

pytestmark = pytest.mark.django_db
EACH = 535_900


@pytest.fixture
def four(house: House) -> House:
    """Two insufficient funds: one recovered by a retry, one still running; one R10 paid by hand; one code stopped."""
    recovering.plan(house)
    won = failed(house)
    failed(house)
    by_hand = books.billed(house)
    returned(house, by_hand, "R10")
    unknown = failed(house, code="odd")
    work()
    recovery_actions.stop(case_id=unknown.id, reason="Agreed.", actor=house.me)
    books.paid(house, by_hand)
    until("2026-02-05")
    recovering.succeed(recovering.retry_of(won))
    return house


def test_by_code_each_group_has_its_counts_money_and_rate(four: House) -> None:
    assert recovery_report.rates(four.me) == [
        Rate("R10", "USD", 1, EACH, 1, EACH, 0, 0, 0, 0, 0, 0, 0, Decimal("100.00")),
        Rate("insufficient_funds", "USD", 2, 2 * EACH, 1, EACH, 1, EACH, 1, EACH, 0, 0, 2, Decimal("50.00")),
        Rate("odd", "USD", 1, EACH, 0, 0, 0, 0, 0, 0, 1, EACH, 0, Decimal("0.00")),
    ]


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("gateway", ["sandbox"]),
        ("program", ["hi"]),
        ("class", ["hard", "soft", "unknown"]),
        ("month", ["2026-02"]),
    ],
)
def test_however_it_is_grouped_the_sums_are_the_same(four: House, by: str, keys: list[str]) -> None:
    """2 of 4 came back; 10,718.00 of 21,436.00."""
    rows = recovery_report.rates(four.me, by=by)
    assert [row.key for row in rows] == keys
    assert (sum(row.cases for row in rows), sum(row.recovered for row in rows)) == (4, 2)
    assert (sum(row.amount_minor for row in rows), sum(row.recovered_minor for row in rows)) == (2_143_600, 1_071_800)


def test_only_failures_of_the_days_asked_for_count(four: House) -> None:
    day = dt.date(2026, 2, 3)
    assert recovery_report.rates(four.me, since=day, until=day) == []
    assert len(recovery_report.rates(four.me, since=dt.date(2026, 2, 2), until=dt.date(2026, 2, 2))) == 3
    with pytest.raises(Invalid):
        recovery_report.rates(four.me, since=day, until=dt.date(2026, 2, 2))
    with pytest.raises(ReportGroupUnknown):
        recovery_report.rates(four.me, by="color")


def test_a_part_of_a_whole_is_cut_off_at_two_decimals() -> None:
    assert recovery_report.percent(1, 3) == Decimal("33.33")
    assert recovery_report.percent(2, 3) == Decimal("66.66")
    assert recovery_report.percent(0, 0) == Decimal("0.00")


def test_another_organization_sees_nothing_of_it(four: House) -> None:
    assert recovery_report.rates(world.actor(four.carrier)) == []


def test_the_file_has_a_line_a_group_and_no_formula(four: House) -> None:
    text = recovery_report.as_csv("code", recovery_report.rates(four.me))
    lines = text.splitlines()
    assert lines[0].startswith("code,currency,cases,amount_minor,recovered,")
    assert lines[2] == "insufficient_funds,USD,2,1071800,1,535900,1,535900,1,535900,0,0,2,50.00"
    odd = Rate("=1+1", "USD", 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, Decimal(0))
    assert recovery_report.as_csv("code", [odd]).splitlines()[1].startswith("'=1+1,")


def test_the_page_the_file_and_the_api_say_the_same(four: House) -> None:
    answer = world.api(four.operator, Permission.PAYMENTS_READ).get("recovery-report", by="class")
    assert [(row["key"], row["recovered_minor"], row["rate"]) for row in answer.json()["data"]] == [
        ("hard", EACH, "100.00"), ("soft", EACH, "50.00"), ("unknown", 0, "0.00"),
    ]  # fmt: skip
    browser = world.pages(world.member(four.operator, "admin"))
    page = browser.get("/recovery/report/", {"by": "class"}).content.decode()
    assert "50.00%" in page and "100.00%" in page
    file = browser.get("/recovery/report.csv", {"by": "class"})
    assert file["Content-Disposition"].startswith('attachment; filename="recovery-by-class-')
    assert file.content.decode().count("\n") == 4
