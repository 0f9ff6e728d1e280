"""Pure: how long the premium paid keeps cover, and the day on which a notice may end it.

Only premium buys days: the caller passes premium applied, without fees and taxes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from coverpay.kernel.figures import Explained

Earned = Callable[[dt.date], int]
"""Premium earned at the start of a day, minor units: what the days before it cost."""
NextOpenDay = Callable[[dt.date], dt.date]
"""The day itself if it is a business day, otherwise the next one."""


@dataclass(frozen=True, slots=True)
class Equity:
    """The first day that the premium paid does not cover, and why. At the end of the term it covers all of it."""

    on: dt.date
    days: int
    why: Explained


@dataclass(frozen=True, slots=True)
class CancelDay:
    """The day on which a notice mailed on a day can end cover, which of its reasons decided, and why."""

    on: dt.date
    decided_by: str
    why: Explained


def by_rate(*, premium_minor: int, starts_on: dt.date, ends_on: dt.date, paid_minor: int) -> Equity:
    """Find the equity date of a term with one rate.

    Takes:  the premium of the whole term, zero or more; premium paid, of any sign.
    Gives:  starts_on + floor(paid × days / premium), never outside the term.
    """
    whole = (ends_on - starts_on).days
    days = whole if premium_minor <= 0 else max(0, min(whole, paid_minor * whole // premium_minor))
    why = Explained(
        formula="first day + floor(paid × days of term / premium of term), within the term",
        inputs={
            "paid_minor": paid_minor,
            "premium_minor": premium_minor,
            "starts_on": starts_on.isoformat(),
            "ends_on": ends_on.isoformat(),
            "days_of_term": whole,
            "a_day_minor": _decimal(Fraction(premium_minor, whole)),
            "days_paid": days,
        },
        rule="equity date: fees and taxes buy no days",
    )
    return Equity(starts_on + dt.timedelta(days=days), days, why)


def by_earning(earned: Earned, *, starts_on: dt.date, ends_on: dt.date, paid_minor: int) -> Equity:
    """Find the equity date of a term whose rate changed on the way.

    Takes:  what is earned at each day, as the segments of the term say it.
    Gives:  the last day by whose start no more is earned than is paid, looking forward from the first day.
    """
    day = starts_on
    while day < ends_on and earned(day + dt.timedelta(days=1)) <= paid_minor:
        day += dt.timedelta(days=1)
    following = min(day + dt.timedelta(days=1), ends_on)
    why = Explained(
        formula="the last day by whose start no more is earned, segment by segment, than is paid",
        inputs={
            "paid_minor": paid_minor,
            "starts_on": starts_on.isoformat(),
            "ends_on": ends_on.isoformat(),
            "earned_by_then_minor": earned(day),
            "earned_a_day_later_minor": earned(following),
            "days_paid": (day - starts_on).days,
        },
        rule="equity date: fees and taxes buy no days",
    )
    return Equity(day, (day - starts_on).days, why)


def cancel_day(
    *,
    equity_on: dt.date,
    mailed_on: dt.date,
    notice_days: int,
    mail_days: int,
    next_open_day: NextOpenDay,
    citation: str = "",
) -> CancelDay:
    """Find the earliest day on which a notice can end cover.

    Gives:  the later of the equity date and mailing + notice days + mail days, moved on to a business day.
    """
    noticed_on = mailed_on + dt.timedelta(days=notice_days + mail_days)
    wanted = max(equity_on, noticed_on)
    on = next_open_day(wanted)
    why = Explained(
        formula="max(equity date, mailed + notice days + mail days), moved on to a business day",
        inputs={
            "equity_on": equity_on.isoformat(),
            "mailed_on": mailed_on.isoformat(),
            "notice_days": notice_days,
            "mail_days": mail_days,
            "noticed_on": noticed_on.isoformat(),
            "moved_days": (on - wanted).days,
            "cancel_on": on.isoformat(),
        },
        rule="notice of cancellation for non-payment",
        citation=citation,
    )
    return CancelDay(on, "equity" if equity_on > noticed_on else "notice", why)


def uncollected_minor(earned: Earned, *, on: dt.date, paid_minor: int) -> int:
    """What is earned by a day and not paid, minor units: to be collected or written off; never below zero."""
    return max(0, earned(on) - paid_minor)


def why_uncollected(earned: Earned, *, on: dt.date, paid_minor: int) -> Explained:
    """Why so much is uncollected by a day."""
    return Explained(
        formula="earned until the day − premium paid, at least zero",
        inputs={"on": on.isoformat(), "earned_minor": earned(on), "paid_minor": paid_minor},
        rule="cover that was given and not paid for is collected or written off",
    )


def steady(*, premium_minor: int, starts_on: dt.date, ends_on: dt.date) -> Earned:
    """The earning of one rate over some days, rounded half up; nothing before them, all of it after."""
    return changing([(starts_on, ends_on, premium_minor)])


def changing(rates: Sequence[tuple[dt.date, dt.date, int]]) -> Earned:
    """The earning of several stretches (first day, end, premium of it), each rounded half up; they may overlap."""

    def earned(on: dt.date) -> int:
        return sum(
            _half_up(Fraction(premium * max(0, min((on - first).days, (end - first).days)), (end - first).days))
            for first, end, premium in rates
        )

    return earned


def _half_up(value: Fraction) -> int:
    """Round half away from zero."""
    rounded = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return rounded if value >= 0 else -rounded


def _decimal(value: Fraction) -> str:
    """A rate a day in minor units with five decimals, cut off: for reading, never for reckoning."""
    scaled = value.numerator * 100_000 // value.denominator
    return f"{scaled // 100_000}.{scaled % 100_000:05d}"
