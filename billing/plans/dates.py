"""Pure: the dates of a plan, from its anchor to its last allowed day."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from billing.plans.spec import WHOLE, PlanSpec, Step

Shift = Callable[[dt.date, str], dt.date]
"""Moves a day to a business day, `next` or `previous`; see `compliance.business_days.shift`."""


@dataclass(frozen=True, slots=True)
class Position:
    """One date of a plan before money is put on it; `down_weight` is 1 on the date of the down payment only."""

    bill_on: dt.date
    due_on: dt.date
    weight: int
    down_weight: int


def due_date(anchor: dt.date, months: int, due_day: int | None = None) -> dt.date:
    """The date some months after the anchor, on its day of month or the chosen one.

    A day that a short month lacks becomes its last day, and comes back in the next month that has it.
    """
    if months == 0 and due_day is None:
        return anchor
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(due_day or anchor.day, last))


def positions(
    spec: PlanSpec,
    *,
    anchor: dt.date,
    expires_on: dt.date | None = None,
    shift: Shift | None = None,
    bill_from: dt.date | None = None,
    due_day: int | None = None,
) -> list[Position]:
    """The dates of a plan in rising order with their weights; dates that fall together are one.

    Takes:  `anchor`, the first due date; `expires_on`, for a cadence (12 months when left out) and the blackout;
            `shift` for plans that say `business_days`; `bill_from`, the first day a bill may go out (the anchor);
            `due_day` in place of the plan's own.
    """
    due_day = due_day or spec.due_day
    steps = _steps(spec, anchor, expires_on or due_date(anchor, 12), due_day)
    weights = _weights(spec, steps)
    days = [anchor, *(due_date(anchor, step.month, due_day) for step in steps)]
    last = _last_allowed(spec, anchor, expires_on, shift)
    merged: dict[dt.date, list[int]] = {}
    for number, (day, weight) in enumerate(zip(days, weights, strict=True)):
        due_on = _moved(spec, day, anchor, last, shift)
        sums = merged.setdefault(due_on, [0, 0])
        sums[0] += weight
        sums[1] += number == 0
    start = min(anchor, bill_from) if bill_from else anchor
    lead = dt.timedelta(days=spec.bill_lead_days)
    return [
        Position(max(start, due_on - lead), due_on, weight, down) for due_on, (weight, down) in sorted(merged.items())
    ]


def _steps(spec: PlanSpec, anchor: dt.date, ends_on: dt.date, due_day: int | None) -> Sequence[Step]:
    """The steps after the first date, at most as many as the plan allows; what is cut off is left to the others."""
    steps: Sequence[Step] = spec.steps
    if spec.every_months:
        count = (ends_on.year - anchor.year) * 12 + ends_on.month - anchor.month
        months = range(spec.every_months, count + 1, spec.every_months)
        steps = [
            Step(month, 1)
            for month in months
            if max(due_date(anchor, month), due_date(anchor, month, due_day)) < ends_on
        ]
    has_first = spec.down_percent_scaled != 0 or spec.in_full
    return steps[: spec.max_installments - (1 if has_first else 0)]


def _weights(spec: PlanSpec, steps: Sequence[Step]) -> list[int]:
    if spec.down_percent_scaled is None or not steps:
        return [1, *(step.weight for step in steps)]
    whole = sum(step.weight for step in steps)
    rest = WHOLE - spec.down_percent_scaled
    return [spec.down_percent_scaled * whole, *(rest * step.weight for step in steps)]


def _last_allowed(spec: PlanSpec, anchor: dt.date, expires_on: dt.date | None, shift: Shift | None) -> dt.date | None:
    """The last day on which an installment may fall due before expiry, if the plan has a blackout."""
    if expires_on is None or not spec.blackout_days:
        return None
    last = expires_on - dt.timedelta(days=spec.blackout_days + 1)
    if shift is not None and spec.business_days != "none":
        last = shift(last, "previous")
    return max(anchor, last)


def _moved(spec: PlanSpec, day: dt.date, anchor: dt.date, last: dt.date | None, shift: Shift | None) -> dt.date:
    """A date on its business day, never before the anchor and never after the last allowed day."""
    if shift is not None and spec.business_days != "none":
        moved = shift(day, spec.business_days)
        day = moved if moved >= anchor else shift(day, "next")
    return day if last is None else min(day, last)
