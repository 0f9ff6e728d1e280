"""Pure: how many of an originator's debits come back, beside what the ACH rules tolerate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from compliance.rules import facts
from payments.ach import codes

WINDOW_DAYS = 60
_TITLES = {"unauthorized": "Unauthorized", "administrative": "Administrative", "overall": "Overall"}
_TOWARD = {"unauthorized": "unauthorized_0.5", "administrative": "administrative_3", "overall": "overall_15"}
_NEAR = Decimal("0.8")
"""From this share of the threshold on it is time to look."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate: returns of debits as a percentage of debits, beside the threshold of the rules."""

    bucket: str
    returned: int
    debits: int
    threshold: Decimal
    citation: str
    fact_id: str

    @property
    def title(self) -> str:
        return _TITLES[self.bucket]

    @property
    def percent(self) -> Decimal:
        """Rounded half even to two decimals for showing; `exceeded` compares exactly."""
        if not self.debits:
            return Decimal("0.00")
        return (Decimal(100 * self.returned) / self.debits).quantize(Decimal("0.01"))

    @property
    def exceeded(self) -> bool:
        return 100 * self.returned > self.threshold * self.debits

    @property
    def near(self) -> bool:
        return not self.exceeded and 100 * self.returned > _NEAR * self.threshold * self.debits

    @property
    def level(self) -> str:
        return "exceeded" if self.exceeded else "near" if self.near else "ok"


def window(on: dt.date) -> tuple[dt.date, dt.date]:
    """The first and last day that count for a day's rates: sixty days, the day itself the last."""
    return on - dt.timedelta(days=WINDOW_DAYS - 1), on


def measure(debits: int, returned: Mapping[str, int]) -> list[Rate]:
    """The three rates, from the number of debits and of their returns by code."""
    rates = []
    for fact in facts.find("return_rate_threshold", facts.FEDERAL):
        bucket = str(fact.conditions["bucket"])
        toward = _TOWARD[bucket]
        count = sum(
            number
            for code, number in returned.items()
            if code in codes.returns() and toward in codes.returns()[code].counts_toward
        )
        rates.append(Rate(bucket, count, debits, Decimal(fact.value), fact.citation, fact.id))
    return rates
