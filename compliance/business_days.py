"""Pure: business days of the Federal Reserve: Saturday holidays leave Friday open, Sunday holidays close Monday."""

from __future__ import annotations

import datetime as dt

import holidays

from coverpay.kernel.errors import Invalid

_FED = holidays.financial_holidays("FED")
_STEPS = {"next": dt.timedelta(days=1), "previous": dt.timedelta(days=-1)}


class UnknownShift(Invalid):
    """A day moves to the next or the previous business day, or not at all."""

    code = "unknown_shift"


def is_business_day(day: dt.date) -> bool:
    """Whether the Federal Reserve Banks are open: no weekend, no holiday of theirs."""
    return day.weekday() < 5 and day not in _FED


def shift(day: dt.date, how: str) -> dt.date:
    """Move a day to a business day; a business day stays.

    Takes:  `how`: none, next or previous.
    Raises: UnknownShift.
    """
    if how == "none":
        return day
    if how not in _STEPS:
        raise UnknownShift(f"A day shifts none, next or previous, not {how!r}.", field="business_days")
    while not is_business_day(day):
        day += _STEPS[how]
    return day
