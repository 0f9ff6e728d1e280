"""Pure: the slices an endorsement writes, for the change alone, whenever it is made and wherever it falls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from coverpay.kernel.errors import Invalid
from coverpay.kernel.figures import Explained
from policies.earning import Chain, NewSlice, Slice, chains, earned_fraction, share_minor

LATER = ("carry", "until_next")


class DateOutsideTerm(Invalid):
    """The day is not one that the term covers."""

    code = "date_outside_term"


class PremiumBelowZero(Invalid):
    """The change takes back more premium than there is on some day."""

    code = "premium_below_zero"


@dataclass(frozen=True, slots=True)
class Sliced:
    """What an endorsement writes, and why its premium is what it is."""

    slices: list[NewSlice]
    why: Explained

    @property
    def change_minor(self) -> int:
        return sum(each.written_minor for each in self.slices)


def require_inside(day: dt.date, term_start: dt.date, term_end: dt.date, field: str = "effective_on") -> None:
    """Raises: DateOutsideTerm unless the term covers the day."""
    if not term_start <= day < term_end:
        said = f"The term covers {term_start} up to, not including, {term_end}; choose a day of it, not {day}."
        raise DateOutsideTerm(said, field=field)


def covers(chain: Chain, day: dt.date) -> bool:
    """Tell whether the rate of a chain holds on a day."""
    end = min(chain.base.ends_on, chain.stopped_on) if chain.stopped_on else chain.base.ends_on
    return chain.base.kind == "rate" and chain.base.starts_on <= day < end


def rate_on(slices: Sequence[Slice], day: dt.date) -> int:
    """The rate that holds on a day, as premium of a full term."""
    return sum(chain.base.full_term_minor for chain in chains(slices) if covers(chain, day))


def changes_after(slices: Sequence[Slice], day: dt.date) -> list[dt.date]:
    """The later days on which the rate changes, ascending."""
    days = {chain.base.starts_on for chain in chains(slices) if covers(chain, chain.base.starts_on)}
    return sorted(later for later in days if later > day)


def endorse(
    slices: Sequence[Slice],
    *,
    term_start: dt.date,
    term_end: dt.date,
    effective_on: dt.date,
    new_full_term_minor: int | None = None,
    change_minor: int | None = None,
    later: str = "carry",
    day_count: str = "actual",
) -> Sliced:
    """Write a change of the rate from a day on.

    Takes:  the new premium of a full term, or how much it changes. Of later changes that exist already, `carry` moves
            all of them by this one; `until_next` lets this one end where the next begins, whose rate then stands.
    Gives:  no slice when nothing changes.
    Raises: DateOutsideTerm, PremiumBelowZero, Invalid.
    """
    require_inside(effective_on, term_start, term_end)
    if later not in LATER:
        raise Invalid(f"Say what becomes of later changes: {' or '.join(LATER)}.", field="later")
    before = rate_on(slices, effective_on)
    if (new_full_term_minor is None) == (change_minor is None):
        raise Invalid("Say either the new premium of a full term or the change of it.", field="premium")
    change = (new_full_term_minor or 0) - before if change_minor is None else change_minor
    following = changes_after(slices, effective_on)
    ends_on = following[0] if following and later == "until_next" else term_end
    for day in [effective_on, *(day for day in following if day < ends_on)]:
        if rate_on(slices, day) + change < 0:
            said = f"The premium on {day} is {rate_on(slices, day)} (minor units of a full term); less cannot be taken."
            raise PremiumBelowZero(said, field="premium")
    share = earned_fraction(term_start, term_end, ends_on, day_count) - earned_fraction(
        term_start, term_end, effective_on, day_count
    )
    written = share_minor(change, share)
    why = Explained(
        formula="premium = change of the full term's premium × days of the change / days of the term, half up",
        inputs={
            "before_minor": before,
            "after_minor": before + change,
            "change_minor": change,
            "days": (ends_on - effective_on).days,
            "term_days": (term_end - term_start).days,
            "share": str(share),
            "day_count": day_count,
            "later": later,
        },
        rule="endorsement by rate",
    )
    made = [NewSlice("rate", effective_on, ends_on, change, written)] if change else []
    return Sliced(made, why)
