"""Banking days, cut-offs and windows, counted by hand on a calendar of 2026."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from payments.ach import calendar

D = dt.date
EASTERN = ZoneInfo("America/New_York")


def at(day: D, hour: str) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.fromisoformat(hour), EASTERN)


def test_before_the_cut_off_the_file_is_of_today_and_after_it_of_the_next_banking_day():
    hour, zone = calendar.cut_off("16:00", "America/New_York")
    assert calendar.file_day(at(D(2026, 11, 25), "15:59"), hour, zone) == D(2026, 11, 25)
    assert calendar.file_day(at(D(2026, 11, 25), "16:00"), hour, zone) == D(2026, 11, 27)  # Thanksgiving between
    assert calendar.file_day(at(D(2026, 11, 28), "09:00"), hour, zone) == D(2026, 11, 30)  # a Saturday


def test_the_cut_off_is_an_hour_of_its_own_time_zone():
    hour, zone = calendar.cut_off("16:00", "America/Los_Angeles")
    assert calendar.file_day(at(D(2026, 11, 24), "18:30"), hour, zone) == D(2026, 11, 24)
    assert calendar.file_day(at(D(2026, 11, 24), "19:00"), hour, zone) == D(2026, 11, 25)


@pytest.mark.parametrize(("hour", "zone"), [("25:00", "America/New_York"), ("noon", "UTC"), ("16:00", "Mars/Olympus")])
def test_a_cut_off_that_cannot_be_read_is_refused(hour, zone):
    with pytest.raises(calendar.CutOffUnreadable):
        calendar.cut_off(hour, zone)


def test_a_debit_settles_on_the_wished_day_or_the_earliest_that_can_be_had():
    assert calendar.effective_day(D(2026, 11, 24), None) == D(2026, 11, 25)
    assert calendar.effective_day(D(2026, 11, 25), None) == D(2026, 11, 27)
    assert calendar.effective_day(D(2026, 11, 24), D(2026, 12, 1)) == D(2026, 12, 1)
    assert calendar.effective_day(D(2026, 11, 24), D(2026, 12, 5)) == D(2026, 12, 7)  # wished for a Saturday
    assert calendar.effective_day(D(2026, 11, 24), D(2026, 11, 20)) == D(2026, 11, 25)
    assert calendar.effective_day(D(2026, 11, 24), None, same_day=True) == D(2026, 11, 24)


def test_a_file_sent_late_settles_later_than_it_asked_for():
    assert calendar.settlement_day(D(2026, 11, 25), D(2026, 11, 24)) == D(2026, 11, 25)
    assert calendar.settlement_day(D(2026, 11, 25), D(2026, 11, 25)) == D(2026, 11, 27)
    assert calendar.settlement_day(D(2026, 11, 25), D(2026, 11, 28)) == D(2026, 12, 1)


def test_same_day_ends_with_the_last_window_of_a_banking_day():
    assert calendar.makes_same_day(at(D(2026, 11, 24), "16:44"))
    assert not calendar.makes_same_day(at(D(2026, 11, 24), "16:45"))
    assert not calendar.makes_same_day(at(D(2026, 11, 26), "09:00"))


def test_a_saturday_holiday_leaves_friday_open_and_a_sunday_one_closes_monday():
    assert calendar.is_banking_day(D(2026, 7, 3))  # July 4, 2026 is a Saturday
    assert not calendar.is_banking_day(D(2027, 7, 5))  # July 4, 2027 is a Sunday


def test_windows_for_reversals_returns_and_dishonoring():
    friday = D(2026, 11, 20)
    assert calendar.reversal_deadline(friday, 5) == D(2026, 11, 30)  # 23, 24, 25, 27, 30
    assert calendar.return_deadline(friday, in_sixty_days=False) == D(2026, 11, 24)
    assert calendar.return_deadline(friday, in_sixty_days=True) == D(2027, 1, 20)  # day 61
    assert calendar.dishonor_deadline(D(2026, 11, 24)) == D(2026, 12, 2)  # 25, 27, 30, 1, 2


def test_a_day_of_the_year_is_read_in_the_nearest_year():
    assert calendar.settled_on("365", D(2027, 1, 4)) == D(2026, 12, 31)
    assert calendar.settled_on("004", D(2026, 12, 30)) == D(2027, 1, 4)
    assert calendar.settled_on("", D(2026, 12, 30)) is None
