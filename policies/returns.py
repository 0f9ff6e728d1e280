"""Pure: what a term returns when it ends early, what it takes to go on, and how a change is undone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.figures import Explained
from policies.conditions import CancellationTerms
from policies.earning import (
    NewSlice,
    Slice,
    chains,
    earned_alone,
    earned_minor,
    percent_minor,
    written_minor,
)
from policies.slicing import DateOutsideTerm, PremiumBelowZero, rate_on, require_inside

METHODS = ("flat", "pro_rata", "short_rate_90", "short_rate_table")
FACTOR_90 = Decimal(90)
TABLE_YEAR = 365


class FlatOnlyFromStart(Invalid):
    """A flat cancellation takes the term back whole, from its first day."""

    code = "flat_only_from_start"


class ShortRateTableMissing(Invalid):
    """The program has no short rate table."""

    code = "short_rate_table_missing"


class ChangedSince(Conflict):
    """A later change rests on this one; that one is undone first."""

    code = "changed_since"


@dataclass(frozen=True, slots=True)
class Returned:
    """The slices that end a term early, and its figures: earned until then, kept beside it, returned."""

    slices: list[NewSlice]
    written_minor: int
    earned_minor: int
    retained_minor: int
    why: Explained
    why_retained: Explained

    @property
    def return_minor(self) -> int:
        return self.written_minor - self.earned_minor - self.retained_minor


@dataclass(frozen=True, slots=True)
class Resumed:
    """The slices that let a cancelled term go on, the day it ends then, and why the premium is what it is."""

    slices: list[NewSlice]
    lapse_days: int
    term_end: dt.date
    why: Explained

    @property
    def change_minor(self) -> int:
        return sum(each.written_minor for each in self.slices)


def cancel(
    slices: Sequence[Slice],
    *,
    term_start: dt.date,
    term_end: dt.date,
    cancel_on: dt.date,
    terms: CancellationTerms,
    method: str,
    minimum_applies: bool = True,
    premium_paid_minor: int | None = None,
) -> Returned:
    """Take back what is not earned when cover ends, and keep what the method and the minimum say.

    Takes:  `cancel_on`, the first day without cover; `premium_paid_minor` where the short rate is on premium paid.
    Gives:  return = written − max(earned + penalty, minimum); flat returns everything.
    Raises: DateOutsideTerm, FlatOnlyFromStart, ShortRateTableMissing, Invalid.
    """
    require_inside(cancel_on, term_start, term_end)
    if method not in METHODS:
        raise Invalid(f"The method is one of {', '.join(METHODS)}.", field="method")
    if method == "flat" and cancel_on != term_start:
        said = f"A flat cancellation is effective {term_start}, the term's first day, not {cancel_on}."
        raise FlatOnlyFromStart(said, field="effective_on")
    written = written_minor(slices)
    earned = earned_minor(slices, cancel_on, terms.day_count)
    retained, why_retained = 0, Explained(formula="nothing is kept beside what is earned")
    if method != "flat":
        days, term_days = (cancel_on - term_start).days, (term_end - term_start).days
        penalty, how = _penalty(written, earned, days, term_days, terms, method, premium_paid_minor)
        retained, why_retained = _with_minimum(written, earned, penalty, terms if minimum_applies else None, how)
    made = stops(slices, cancel_on, terms.day_count)
    if retained:
        made.append(NewSlice("retained", cancel_on, cancel_on, 0, retained))
    why = Explained(
        formula="return premium = written − earned − retained",
        inputs={
            "written_minor": written,
            "earned_minor": earned,
            "retained_minor": retained,
            "days": (cancel_on - term_start).days,
            "term_days": (term_end - term_start).days,
            "day_count": terms.day_count,
            "method": method,
        },
        rule=f"cancellation, {method}",
    )
    return Returned(made, written, earned, retained, why, why_retained)


def stops(slices: Sequence[Slice], day: dt.date, day_count: str) -> list[NewSlice]:
    """Stop the earning of every slice that still has days from a day on, taking back what it has not earned then."""
    made = []
    for chain in chains(slices):
        base = chain.base
        if base.kind == "rate" and chain.stopped_on is None and base.ends_on > day:
            first = max(day, base.starts_on)
            left = base.written_minor - earned_alone(base, first, day_count)
            made.append(NewSlice("rate", first, base.ends_on, -base.full_term_minor, -left, chain.last.id))
    return made


def _penalty(
    written: int, earned: int, days: int, term_days: int, terms: CancellationTerms, method: str, paid: int | None
) -> tuple[int, Explained]:
    """What the method keeps beside the earned premium."""
    if method == "pro_rata":
        return 0, Explained(formula="pro rata keeps nothing beside what is earned")
    if method == "short_rate_90":
        if terms.short_rate_on == "paid" and paid is None:
            raise Invalid(
                "The program takes the short rate on premium paid; say how much that is.", field="premium_paid"
            )
        base = written if terms.short_rate_on == "written" else min(paid or 0, written)
        unearned = max(base - earned, 0)
        return unearned - percent_minor(unearned, FACTOR_90), Explained(
            formula=f"penalty = ({terms.short_rate_on} − earned), if above zero, less 90% of it",
            inputs={f"{terms.short_rate_on}_minor": base, "earned_minor": earned, "unearned_minor": unearned},
        )
    if not terms.short_rate_table:
        raise ShortRateTableMissing("The program has no short rate table; choose another method.", field="method")
    day = days if term_days in (TABLE_YEAR, TABLE_YEAR + 1) else -(-days * TABLE_YEAR // term_days)
    percent = next((percent for through, percent in terms.short_rate_table if day <= through), Decimal(100))
    kept = percent_minor(written, percent)
    return max(kept - earned, 0), Explained(
        formula="penalty = written × percent of the table for the day − earned, if above zero",
        inputs={"day": day, "percent": str(percent), "written_minor": written, "earned_minor": earned},
    )


def _with_minimum(
    written: int, earned: int, penalty: int, terms: CancellationTerms | None, how: Explained
) -> tuple[int, Explained]:
    """The penalty, raised where it and the earned premium stay under the minimum."""
    minimum = 0
    if terms is not None and terms.minimum_percent is not None:
        minimum = percent_minor(written, terms.minimum_percent)
    elif terms is not None and terms.minimum_amount_minor is not None:
        minimum = min(terms.minimum_amount_minor, written)
    if earned + penalty >= minimum:
        return penalty, how
    return minimum - earned, Explained(
        formula="retained = minimum earned premium − earned",
        inputs={"minimum_minor": minimum, "earned_minor": earned, "penalty_minor": penalty, "written_minor": written},
        rule="minimum earned premium",
    )


def undo(slices: Sequence[Slice], ids: Collection[str]) -> list[NewSlice]:
    """Take back these slices so that every figure is as it was before them.

    A slice that was stopped and lifted again since (a cancellation and its reinstatement) may be taken back too.

    Raises: ChangedSince, with the id of the slice that stands on one of these.
    """
    made = []
    for chain in chains(slices):
        whole = (chain.base, *chain.links)
        for place, each in enumerate(whole):
            if each.id not in ids:
                continue
            if (len(whole) - 1 - place) % 2:
                said = "A later change rests on this one; undo that one first."
                raise ChangedSince(said, field="transaction", slice=chain.last.id)
            made.append(
                NewSlice(
                    each.kind, each.starts_on, each.ends_on, -each.full_term_minor, -each.written_minor, chain.last.id
                )
            )
    return made


def require_none_below_zero(slices: Sequence[Slice], made: Sequence[NewSlice]) -> None:
    """Check that no day's rate would be below zero. Raises: PremiumBelowZero."""
    numbered = [
        Slice(
            f"new {place}",
            each.kind,
            each.starts_on,
            each.ends_on,
            each.full_term_minor,
            each.written_minor,
            each.offsets,
        )
        for place, each in enumerate(made)
    ]
    after = [*slices, *numbered]
    for day in {each.starts_on for each in after}:
        if rate_on(after, day) < 0:
            said = f"A later change took premium that this one had brought; on {day} less than nothing would be left."
            raise PremiumBelowZero(said, field="transaction")


def reinstate(
    slices: Sequence[Slice],
    *,
    cancelled: Collection[str],
    term_end: dt.date,
    cancelled_on: dt.date,
    reinstate_on: dt.date,
    lapse: str = "credit",
    day_count: str = "actual",
) -> Resumed:
    """Let a cancelled term go on from a day.

    Takes:  `cancelled`, ids of the slices that the cancellation wrote. With a lapse, `credit` writes no premium for the
            gap; `extend` moves the rest of the term by the gap.
    Gives:  without a lapse, exactly what there was before the cancellation.
    Raises: DateOutsideTerm, ChangedSince.
    """
    if not cancelled_on <= reinstate_on < term_end:
        said = f"Cover ended {cancelled_on} and the term ends {term_end}; choose a day between them."
        raise DateOutsideTerm(said, field="effective_on")
    gap = reinstate_on - cancelled_on
    if not gap:
        made = undo(slices, cancelled)
        return Resumed(made, 0, term_end, _why_resumed(made, 0, ""))
    by_last = {chain.last.id: chain.base for chain in chains(slices)}
    made = []
    for each in (each for each in slices if each.id in set(cancelled)):
        base = by_last.get(each.id)
        if base is None:
            raise ChangedSince("A later change rests on the cancellation; undo that one first.", field="policy")
        if each.offsets is None or (lapse == "credit" and base.starts_on >= reinstate_on):
            made += undo(slices, [each.id])
        elif lapse == "extend":
            first, end = each.starts_on + gap, base.ends_on + gap
            made.append(NewSlice("rate", first, end, base.full_term_minor, -each.written_minor))
        elif base.ends_on > reinstate_on:
            left = base.written_minor - earned_alone(base, reinstate_on, day_count)
            made.append(NewSlice("rate", reinstate_on, base.ends_on, base.full_term_minor, left))
    end = term_end + gap if lapse == "extend" else term_end
    return Resumed(made, gap.days, end, _why_resumed(made, gap.days, lapse))


def _why_resumed(made: Sequence[NewSlice], lapse_days: int, lapse: str) -> Explained:
    how = {"credit": ", less the premium of the days without cover", "extend": "; the term ends later by the lapse"}
    return Explained(
        formula=f"premium = what the cancellation had returned{how.get(lapse, '')}",
        inputs={"lapse_days": lapse_days, "premium_minor": sum(each.written_minor for each in made)},
        rule="reinstatement",
    )
