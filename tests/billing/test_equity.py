"""How long premium paid keeps cover, and when a notice may end it: each figure computed by hand in its docstring."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import equity

NEW_YEAR = dt.date(2026, 1, 1)
NEXT_YEAR = dt.date(2027, 1, 1)
YEAR = equity.steady(premium_minor=120_000, starts_on=NEW_YEAR, ends_on=NEXT_YEAR)


def weekday(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def on(paid_minor: int, *, premium_minor: int = 120_000, ends_on: dt.date = NEXT_YEAR) -> dt.date:
    return equity.by_rate(premium_minor=premium_minor, starts_on=NEW_YEAR, ends_on=ends_on, paid_minor=paid_minor).on


def cancelled(equity_on: dt.date, mailed_on: dt.date, notice: int = 10, mail: int = 3) -> equity.CancelDay:
    return equity.cancel_day(
        equity_on=equity_on, mailed_on=mailed_on, notice_days=notice, mail_days=mail, next_open_day=weekday
    )


def test_400_of_1_200_buys_121_days() -> None:
    """1,200 / 365 = 3.28767 a day; 400 / 3.28767 = 121.67, so 121 days: 2026-01-01 + 121 = 2026-05-02."""
    found = equity.by_rate(premium_minor=120_000, starts_on=NEW_YEAR, ends_on=NEXT_YEAR, paid_minor=40_000)
    assert (found.on, found.days) == (dt.date(2026, 5, 2), 121)
    assert found.why.inputs["a_day_minor"] == "328.76712"
    assert found.why.inputs["days_paid"] == 121


def test_nothing_paid_buys_no_day() -> None:
    """0 × 365 / 1,200 = 0 days: 2026-01-01."""
    assert on(0) == NEW_YEAR


def test_more_taken_back_than_paid_buys_no_day() -> None:
    """-50 paid is not a day before the term."""
    assert on(-5_000) == NEW_YEAR


def test_a_cent_less_than_a_day_buys_no_day() -> None:
    """3.28 × 365 / 1,200 = 0.9977 of a day, 3.29 × 365 / 1,200 = 1.0007 days."""
    assert (on(328), on(329)) == (NEW_YEAR, dt.date(2026, 1, 2))


def test_paid_more_than_earned_runs_to_the_end_and_no_further() -> None:
    """1,200 and 1,500 both buy 365 days, to 2027-01-01; 1,199.99 buys floor(364.997) = 364."""
    assert (on(120_000), on(150_000), on(119_999)) == (NEXT_YEAR, NEXT_YEAR, dt.date(2026, 12, 31))


def test_a_term_without_premium_is_paid_for() -> None:
    """Nothing is earned of 0, so no day is unpaid."""
    assert on(0, premium_minor=0) == NEXT_YEAR


def test_a_leap_year_has_366_days() -> None:
    """1,200 / 366 = 3.27869 a day; 400 / 3.27869 = 122.0 days exactly: 2028-01-01 + 122 = 2028-05-02."""
    found = equity.by_rate(
        premium_minor=120_000, starts_on=dt.date(2028, 1, 1), ends_on=dt.date(2029, 1, 1), paid_minor=40_000
    )
    assert (found.days, found.on) == (122, dt.date(2028, 5, 2))


def test_a_term_over_a_29th_of_february() -> None:
    """2027-07-01 to 2028-07-01 is 366 days; 800 / (1,200 / 366) = 244 days: 2028-03-01, the day after the 29th."""
    found = equity.by_rate(
        premium_minor=120_000, starts_on=dt.date(2027, 7, 1), ends_on=dt.date(2028, 7, 1), paid_minor=80_000
    )
    assert (found.days, found.on) == (244, dt.date(2028, 3, 1))


def test_a_term_of_six_months() -> None:
    """600 for 2026-01-01 to 07-01, 181 days: 3.31492 a day; 250 / 3.31492 = 75.4, so 75 days: 2026-03-17."""
    assert on(25_000, premium_minor=60_000, ends_on=dt.date(2026, 7, 1)) == dt.date(2026, 3, 17)


def test_a_term_of_one_month() -> None:
    """100 for 31 days; 50 buys 15.5, so 15 days: 2026-01-16."""
    assert on(5_000, premium_minor=10_000, ends_on=dt.date(2026, 2, 1)) == dt.date(2026, 1, 16)


def test_an_endorsement_that_raises_the_rate_brings_the_day_forward() -> None:
    """1,200 a year, and from 2026-03-02 (day 60) 600 a year more, 305 days: 501.37 written. 400 paid.

    Day 60: 197.26 earned; 202.74 is left at 1,800 / 365 = 4.93151 a day: 41.1 days, so day 101: 2026-04-12.
    By then 101 × 3.28767 = 332.05 and 41 × 501.37 / 305 = 67.40 are earned.
    """
    earned = equity.changing([(NEW_YEAR, NEXT_YEAR, 120_000), (dt.date(2026, 3, 2), NEXT_YEAR, 50_137)])
    found = equity.by_earning(earned, starts_on=NEW_YEAR, ends_on=NEXT_YEAR, paid_minor=40_000)
    assert (found.days, found.on) == (101, dt.date(2026, 4, 12))
    assert found.why.inputs["earned_by_then_minor"] == 33_205 + 6_740
    assert found.why.inputs["earned_a_day_later_minor"] > 40_000


def test_an_endorsement_after_the_notice_moves_the_day_that_a_new_notice_may_name() -> None:
    """Before: equity 2026-05-02, mailed 04-20 + 13 = 05-03 (a Sunday), so Monday 05-04.

    600 a year less from 04-21 (day 110): 361.64 earned, 38.36 left at 600 / 365 = 1.64384: 23.3 days, day 133: 05-14.
    """
    lower = equity.changing([(NEW_YEAR, NEXT_YEAR, 120_000), (dt.date(2026, 4, 21), NEXT_YEAR, -41_918)])
    later = equity.by_earning(lower, starts_on=NEW_YEAR, ends_on=NEXT_YEAR, paid_minor=40_000)
    assert cancelled(on(40_000), dt.date(2026, 4, 20)).on == dt.date(2026, 5, 4)
    assert later.on == dt.date(2026, 5, 14)
    assert cancelled(later.on, dt.date(2026, 4, 20)).on == dt.date(2026, 5, 14)


def test_by_earning_of_one_rate_is_by_rate() -> None:
    """400 of 1,200 by either road: day 121 has earned 397.81, day 122 has 401.10."""
    found = equity.by_earning(YEAR, starts_on=NEW_YEAR, ends_on=NEXT_YEAR, paid_minor=40_000)
    assert (found.on, found.days) == (dt.date(2026, 5, 2), 121)
    assert (found.why.inputs["earned_by_then_minor"], found.why.inputs["earned_a_day_later_minor"]) == (39_781, 40_110)


def test_a_notice_mailed_on_05_06_ends_cover_on_05_19() -> None:
    """05-06 + 10 + 3 = 05-19, a Tuesday, after the equity date 05-02: notice decides."""
    found = cancelled(dt.date(2026, 5, 2), dt.date(2026, 5, 6))
    assert (found.on, found.decided_by) == (dt.date(2026, 5, 19), "notice")
    assert found.why.inputs["noticed_on"] == "2026-05-19"


def test_cover_to_05_19_earns_453_70_so_53_70_is_uncollected() -> None:
    """138 days × 1,200 / 365 = 453.70; 453.70 - 400 = 53.70."""
    assert YEAR(dt.date(2026, 5, 19)) == 45_370
    assert equity.uncollected_minor(YEAR, on=dt.date(2026, 5, 19), paid_minor=40_000) == 5_370


def test_with_equity_left_nothing_is_uncollected() -> None:
    """On day 100 328.77 is earned of 400 paid."""
    assert equity.uncollected_minor(YEAR, on=dt.date(2026, 4, 11), paid_minor=40_000) == 0


def test_an_equity_date_after_the_notice_decides() -> None:
    """800 paid buys 243 days: 2026-09-01, a Tuesday; the notice alone would end cover on 05-19."""
    assert on(80_000) == dt.date(2026, 9, 1)
    assert cancelled(on(80_000), dt.date(2026, 5, 6)) == cancelled(dt.date(2026, 9, 1), dt.date(2026, 5, 6))
    assert cancelled(on(80_000), dt.date(2026, 5, 6)).decided_by == "equity"


def test_a_day_on_a_weekend_moves_to_monday() -> None:
    """Mailed 2026-05-04 + 10 + 2 = Saturday 05-16, so Monday 05-18: moved 2 days."""
    found = cancelled(dt.date(2026, 5, 2), dt.date(2026, 5, 4), mail=2)
    assert (found.on, found.why.inputs["moved_days"]) == (dt.date(2026, 5, 18), 2)


@given(premium=st.integers(1, 10**9), paid=st.integers(-(10**6), 10**9), days=st.integers(1, 549))
def test_the_days_paid_for_cost_no_more_than_was_paid_and_one_more_day_does(premium: int, paid: int, days: int) -> None:
    found = equity.by_rate(
        premium_minor=premium, starts_on=NEW_YEAR, ends_on=NEW_YEAR + dt.timedelta(days=days), paid_minor=paid
    )
    assert 0 <= found.days <= days
    assert found.days == 0 or premium * found.days <= paid * days
    assert found.days == days or premium * (found.days + 1) > paid * days


@pytest.mark.parametrize("paid", [0, 1, 328, 329, 40_000, 119_999, 120_000, 130_000])
def test_the_two_roads_agree_within_the_rounding_of_a_day(paid: int) -> None:
    one = equity.by_rate(premium_minor=120_000, starts_on=NEW_YEAR, ends_on=NEXT_YEAR, paid_minor=paid)
    other = equity.by_earning(YEAR, starts_on=NEW_YEAR, ends_on=NEXT_YEAR, paid_minor=paid)
    assert abs((one.on - other.on).days) <= 1
