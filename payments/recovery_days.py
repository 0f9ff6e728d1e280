"""Pure: paydays and business days, for times at which money is likely to be there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from compliance import business_days

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
LAST, LAST_BUSINESS_DAY = "last", "last_business_day"
PAYDAYS = (*(str(day) for day in range(1, 29)), LAST, LAST_BUSINESS_DAY, *WEEKDAYS)
_DAY = dt.timedelta(days=1)
_HORIZON_DAYS = 400


def is_payday(names: Iterable[str], day: dt.date) -> bool:
    """Whether a named day falls here; one on which the banks are closed comes with the next open day.

    Takes:  names of PAYDAYS: a day of the month, last, last_business_day, or a weekday.
    """
    if not business_days.is_business_day(day):
        return False
    names, closed = tuple(names), day - _DAY
    if _named(names, day):
        return True
    while not business_days.is_business_day(closed):
        if _named(names, closed):
            return True
        closed -= _DAY
    return False


def days_from(day: dt.date) -> Iterator[dt.date]:
    """The days from one on; far more than any payday is away."""
    for count in range(_HORIZON_DAYS):
        yield day + count * _DAY


def business_days_later(day: dt.date, count: int) -> dt.date:
    """Some business days later, not counting the day itself."""
    for _ in range(count):
        day = business_days.shift(day + _DAY, "next")
    return day


def business_days_before(day: dt.date, count: int) -> dt.date:
    """Some business days earlier, not counting the day itself."""
    for _ in range(count):
        day = business_days.shift(day - _DAY, "previous")
    return day


def _named(names: Iterable[str], day: dt.date) -> bool:
    last = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1) - _DAY
    for name in names:
        if name == str(day.day) or (name == LAST and day == last):
            return True
        if name == LAST_BUSINESS_DAY and day == business_days.shift(last, "previous"):
            return True
        if name in WEEKDAYS and day.weekday() == WEEKDAYS.index(name):
            return True
    return False
