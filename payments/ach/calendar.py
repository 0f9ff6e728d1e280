"""Pure: banking days, cut-offs and the windows of the ACH rules."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from compliance import business_days
from coverpay.kernel.errors import Invalid

EASTERN = "America/New_York"
SAME_DAY_DEADLINES = (dt.time(10, 30), dt.time(14, 45), dt.time(16, 45))
"""By when the operator takes files that settle the same day at 13:00, 17:00 and 18:00, all Eastern time."""
RETURN_BANKING_DAYS = 2
UNAUTHORIZED_DAYS = 60
DISHONOR_BANKING_DAYS = 5
_ONE_DAY = dt.timedelta(days=1)


class CutOffUnreadable(Invalid):
    """A cut-off is an hour like 16:00 in a time zone like America/New_York."""

    code = "cut_off_unreadable"


def is_banking_day(day: dt.date) -> bool:
    """Whether entries settle that day: Monday to Friday, no holiday of the Federal Reserve."""
    return business_days.is_business_day(day)


def on_or_after(day: dt.date) -> dt.date:
    """The day itself when banks settle then, or the next one on which they do."""
    return business_days.shift(day, "next")


def plus(day: dt.date, count: int) -> dt.date:
    """The banking day that is `count` banking days after a day (which need not be one itself)."""
    for _ in range(count):
        day = on_or_after(day + _ONE_DAY)
    return day


def cut_off(text: str, zone: str) -> tuple[dt.time, ZoneInfo]:
    """Read a cut-off from an account's settings. Raises: CutOffUnreadable."""
    try:
        return dt.time.fromisoformat(text), ZoneInfo(zone)
    except (ValueError, TypeError, ZoneInfoNotFoundError, OSError):
        raise CutOffUnreadable(f"{text!r} in {zone!r} is no hour of a time zone.", field="settings") from None


def file_day(now: dt.datetime, hour: dt.time, zone: ZoneInfo) -> dt.date:
    """The banking day whose file an entry made now still reaches: today before the cut-off, else the next."""
    local = now.astimezone(zone)
    today = local.date()
    if is_banking_day(today) and local.time() < hour:
        return today
    return on_or_after(today + _ONE_DAY)


def makes_same_day(now: dt.datetime) -> bool:
    """Whether a file sent now can still settle today: before the operator's last window of a banking day."""
    local = now.astimezone(ZoneInfo(EASTERN))
    return is_banking_day(local.date()) and local.time() < SAME_DAY_DEADLINES[-1]


def effective_day(sent_on: dt.date, wished: dt.date | None, *, same_day: bool = False) -> dt.date:
    """The day to ask settlement for: the wished one when it can be had, else the earliest; banking days only.

    Takes:  `sent_on`, the banking day of the file. Same-day entries settle on it, others on the next at the earliest.
    """
    earliest = sent_on if same_day else plus(sent_on, 1)
    return max(earliest, on_or_after(wished)) if wished else earliest


def settlement_day(effective_on: dt.date | None, sent_on: dt.date, *, same_day: bool = False) -> dt.date:
    """The day on which the operator settles: the effective day, or the first that the file still reaches."""
    return effective_day(on_or_after(sent_on), effective_on, same_day=same_day)


def settled_on(day_of_year: str, near: dt.date) -> dt.date | None:
    """The day that the operator wrote as day of the year, in the year that makes it nearest to a known day."""
    if not day_of_year or day_of_year == "000":
        return None
    days = [dt.date(near.year + shift, 1, 1) + dt.timedelta(days=int(day_of_year) - 1) for shift in (-1, 0, 1)]
    return min(days, key=lambda day: abs(day - near))


def reversal_deadline(settles_on: dt.date, banking_days: int) -> dt.date:
    """The last day to send a reversal of a wrong entry."""
    return plus(settles_on, banking_days)


def return_deadline(settles_on: dt.date, *, in_sixty_days: bool) -> dt.date:
    """The day by whose opening of business a return must be with our bank; a later one is untimely."""
    if in_sixty_days:
        return on_or_after(settles_on + dt.timedelta(days=UNAUTHORIZED_DAYS + 1))
    return plus(settles_on, RETURN_BANKING_DAYS)


def dishonor_deadline(returned_on: dt.date) -> dt.date:
    """The last day for our bank to dishonor a return."""
    return plus(returned_on, DISHONOR_BANKING_DAYS)
