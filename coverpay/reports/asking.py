"""What a report is asked: a day or a period, read from a query with every mistake named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from coverpay.kernel import clock
from coverpay.kernel.errors import Invalid


@dataclass(frozen=True, slots=True)
class Asked:
    """The day of a balance, and the period of movements; both end on the same day unless said."""

    at: dt.date
    from_on: dt.date
    to_on: dt.date


def read(said: Mapping[str, str]) -> Asked:
    """Read `at`, or `from_on` and `to_on`; left out, this month through today. Raises: Invalid, naming the field."""
    to_on = _day(said, "to_on") or _day(said, "at") or clock.today()
    from_on = _day(said, "from_on") or to_on.replace(day=1)
    if from_on > to_on:
        raise Invalid("The period ends before it begins.", field="to_on")
    return Asked(_day(said, "at") or to_on, from_on, to_on)


def _day(said: Mapping[str, str], field: str) -> dt.date | None:
    text = said.get(field, "")
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("Write the day like 2026-01-31.", field=field) from None
