"""Pure: how much of written premium is earned on a day, slice by slice, to the cent.

A slice by rate is earned day by day over its own days. A slice that offsets another stops the other's earning on its
own first day, and the pair keeps what was earned until then. A slice that offsets such a stop lifts it again, and the
next one may stop the same premium anew: what counts is the last of the chain. Unearned is written less earned, always.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

DAY_COUNTS = ("actual", "365", "wheel")
WHEEL_DECIMALS = 3
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Slice:
    """Premium written for days, signed: a segment as pure arithmetic sees it."""

    id: str
    kind: str
    starts_on: dt.date
    ends_on: dt.date
    full_term_minor: int
    written_minor: int
    offsets: str | None = None


@dataclass(frozen=True, slots=True)
class NewSlice:
    """A slice that is not written yet. `offsets` is the id of the slice it takes back."""

    kind: str
    starts_on: dt.date
    ends_on: dt.date
    full_term_minor: int
    written_minor: int
    offsets: str | None = None


@dataclass(frozen=True, slots=True)
class EarnedSlice:
    """One slice on a day: what of it is earned, and what is not yet."""

    slice: Slice
    earned_minor: int

    @property
    def unearned_minor(self) -> int:
        return self.slice.written_minor - self.earned_minor


@dataclass(frozen=True, slots=True)
class Chain:
    """A slice with all that was done to it: each of `links` offsets the one before it."""

    base: Slice
    links: tuple[Slice, ...]

    @property
    def last(self) -> Slice:
        return self.links[-1] if self.links else self.base

    @property
    def stopped_on(self) -> dt.date | None:
        """The day its earning stops before its end, if it does."""
        return self.links[-1].starts_on if len(self.links) % 2 else None

    def earned_minor(self, as_of: dt.date, day_count: str) -> int:
        if self.base.kind == "retained":
            return 0 if self.stopped_on or as_of < self.base.starts_on else self.base.written_minor
        return earned_alone(self.base, min(as_of, self.stopped_on) if self.stopped_on else as_of, day_count)


def round_fraction(value: Fraction, decimals: int = 0) -> Fraction:
    """Round an exact fraction half up (away from zero at the half)."""
    scaled = abs(value) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(whole if value >= 0 else -whole, 10**decimals)


def share_minor(amount_minor: int, share: Fraction) -> int:
    """A share of an amount, rounded once, half up."""
    return int(round_fraction(amount_minor * share))


def percent_minor(amount_minor: int, percent: Decimal) -> int:
    """A percentage of an amount, rounded once, half up."""
    return int((amount_minor * percent).scaleb(-2).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def days_between(first: dt.date, last: dt.date, day_count: str) -> int:
    """Count days from the first (included) to the last (excluded); the /365 count leaves out each February 29."""
    days = (last - first).days
    return days - _leap_days(first, last) if day_count == "365" else days


def _leap_days(first: dt.date, last: dt.date) -> int:
    years = (year for year in range(first.year, last.year + 1) if calendar.isleap(year))
    return sum(first <= dt.date(year, 2, 29) < last for year in years)


def earned_fraction(starts_on: dt.date, ends_on: dt.date, as_of: dt.date, day_count: str = "actual") -> Fraction:
    """The part of the days from `starts_on` to `ends_on` that is over when `as_of` begins.

    Takes:  a day count: actual days; 365, which leaves out February 29; wheel, whose unearned factor has 3 decimals.
    Gives:  0 up to the first day, 1 from the end on.
    """
    if as_of <= starts_on:
        return Fraction(0)
    if as_of >= ends_on:
        return Fraction(1)
    whole = days_between(starts_on, ends_on, day_count)
    part = Fraction(days_between(starts_on, as_of, day_count), whole) if whole else Fraction(0)
    return 1 - round_fraction(1 - part, WHEEL_DECIMALS) if day_count == "wheel" else part


def earned_alone(of: Slice, as_of: dt.date, day_count: str = "actual") -> int:
    """What a slice by rate earns until a day when nothing stops it."""
    return share_minor(of.written_minor, earned_fraction(of.starts_on, of.ends_on, as_of, day_count))


def chains(slices: Sequence[Slice]) -> list[Chain]:
    """Put each slice together with the chain of slices that offset it, in the order given."""
    by_target: Mapping[str, Slice] = {each.offsets: each for each in slices if each.offsets}
    found = []
    for base in slices:
        if base.offsets is None:
            links: list[Slice] = []
            while (following := by_target.get((links[-1] if links else base).id)) is not None:
                links.append(following)
            found.append(Chain(base, tuple(links)))
    return found


def written_minor(slices: Sequence[Slice]) -> int:
    """Written premium: the sum of the slices."""
    return sum(each.written_minor for each in slices)


def earned_minor(slices: Sequence[Slice], as_of: dt.date, day_count: str = "actual") -> int:
    """What of the written premium is earned when `as_of` begins."""
    return sum(chain.earned_minor(as_of, day_count) for chain in chains(slices))


def by_slice(slices: Sequence[Slice], as_of: dt.date, day_count: str = "actual") -> list[EarnedSlice]:
    """Earned and unearned of each slice; a slice that offsets another earns nothing itself."""
    earned = {chain.base.id: chain.earned_minor(as_of, day_count) for chain in chains(slices)}
    return [EarnedSlice(each, earned.get(each.id, 0)) for each in slices]
