"""Business days of the Federal Reserve, against its published calendar."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.business_days import UnknownShift, is_business_day, shift


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        ("2026-01-01", False), ("2026-01-19", False), ("2026-06-19", False), ("2026-07-03", True),
        ("2026-07-04", False), ("2026-11-11", False), ("2026-11-26", False), ("2026-11-27", True),
        ("2027-06-18", True), ("2027-06-19", False), ("2027-07-05", False), ("2027-12-24", True),
        ("2028-01-03", True), ("2033-01-03", True), ("2034-01-02", False), ("2026-02-28", False),
    ],
)  # fmt: skip
def test_saturday_holidays_leave_friday_open_and_sunday_holidays_close_monday(day: str, is_open: bool) -> None:
    assert is_business_day(dt.date.fromisoformat(day)) is is_open


@pytest.mark.parametrize(
    ("how", "wanted"), [("none", "2026-07-04"), ("next", "2026-07-06"), ("previous", "2026-07-03")]
)
def test_a_day_shifts_as_asked(how: str, wanted: str) -> None:
    assert shift(dt.date(2026, 7, 4), how).isoformat() == wanted


def test_a_business_day_stays() -> None:
    for how in ("none", "next", "previous"):
        assert shift(dt.date(2026, 7, 6), how) == dt.date(2026, 7, 6)


def test_an_unknown_shift_is_refused_by_field() -> None:
    with pytest.raises(UnknownShift) as refused:
        shift(dt.date(2026, 7, 4), "nearest")
    assert refused.value.field == "business_days"
