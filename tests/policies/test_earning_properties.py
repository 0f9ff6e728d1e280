"""What holds of slices whatever happens to a term, in any order."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policies import earning, returns, slicing
from policies.conditions import CancellationTerms
from policies.earning import DAY_COUNTS, Slice
from policies.slicing import PremiumBelowZero
from tests.policies.test_domain_figures import added, whole

TERMS = st.sampled_from([31, 181, 365, 366, 546])
STARTS = st.dates(dt.date(2024, 1, 1), dt.date(2030, 12, 31))
CHANGES = st.lists(
    st.tuples(st.integers(0, 545), st.integers(-500_000, 500_000), st.sampled_from(slicing.LATER)), max_size=6
)
PREMIUMS = st.integers(1, 10**10)
COUNTS = st.sampled_from(DAY_COUNTS)


class Life:
    """A term with its slices, changed by the pure verbs."""

    def __init__(self, start: dt.date, days: int, premium: int, day_count: str) -> None:
        self.start, self.end, self.day_count = start, start + dt.timedelta(days=days), day_count
        self.slices: list[Slice] = whole(premium, start, self.end)

    def day(self, number: int) -> dt.date:
        return self.start + dt.timedelta(days=number % (self.end - self.start).days)

    def endorse(self, number: int, change: int, later: str) -> list[str]:
        try:
            done = slicing.endorse(
                self.slices, term_start=self.start, term_end=self.end, effective_on=self.day(number),
                change_minor=change, later=later, day_count=self.day_count,
            )  # fmt: skip
        except PremiumBelowZero:
            return []
        return self.write(done.slices)

    def cancel(self, number: int, method: str = "pro_rata", **terms: Any) -> list[str]:
        done = returns.cancel(
            self.slices, term_start=self.start, term_end=self.end, cancel_on=self.day(number), method=method,
            terms=CancellationTerms(day_count=self.day_count, **terms),
        )  # fmt: skip
        return self.write(done.slices)

    def write(self, made: list[earning.NewSlice]) -> list[str]:
        before = len(self.slices)
        self.slices = added(self.slices, made)
        return [each.id for each in self.slices[before:]]

    def earned(self) -> list[int]:
        days = range((self.end - self.start).days + 1)
        return [earning.earned_minor(self.slices, self.start + dt.timedelta(days=n), self.day_count) for n in days]

    @property
    def written(self) -> int:
        return earning.written_minor(self.slices)


@given(STARTS, TERMS, PREMIUMS, COUNTS, CHANGES, st.integers(0, 545), st.sampled_from(["pro_rata", "short_rate_90"]))
def test_earned_and_unearned_make_up_written_on_every_day(
    start: dt.date, days: int, premium: int, count: str, changes: Any, on: int, method: str
) -> None:
    """At the end of a term, and of a cancelled one from its day on, everything written is earned."""
    life = Life(start, days, premium, count)
    for change in changes:
        life.endorse(*change)
    assert life.earned()[-1] == life.written
    life.cancel(on, method, minimum_percent=Decimal(25))
    stop = (life.day(on) - life.start).days
    for number, earned in enumerate(life.earned()):
        parts = earning.by_slice(life.slices, start + dt.timedelta(days=number), count)
        assert sum(part.earned_minor for part in parts) == earned
        assert sum(part.earned_minor + part.unearned_minor for part in parts) == life.written
        assert number < stop or earned == life.written


@given(STARTS, TERMS, PREMIUMS, COUNTS, CHANGES)
def test_premium_that_is_never_taken_back_is_earned_without_a_step_down(
    start: dt.date, days: int, premium: int, count: str, changes: Any
) -> None:
    life = Life(start, days, premium, count)
    for number, change, later in changes:
        life.endorse(number, abs(change), later)
    earned = life.earned()
    assert earned == sorted(earned)
    assert earned[0] == 0


@given(STARTS, TERMS, PREMIUMS, COUNTS, CHANGES, st.lists(st.integers(0, 545), max_size=3))
def test_cancelling_and_reinstating_without_lapse_restores_every_day(
    start: dt.date, days: int, premium: int, count: str, changes: Any, ends: list[int]
) -> None:
    life = Life(start, days, premium, count)
    for change in changes:
        life.endorse(*change)
    before = (life.written, life.earned())
    for on in ends:
        ids, day = life.cancel(on, "short_rate_90"), life.day(on)
        resumed = returns.reinstate(
            life.slices, cancelled=ids, term_end=life.end, cancelled_on=day, reinstate_on=day, day_count=count
        )
        life.write(resumed.slices)
        assert (life.written, life.earned()) == before


@given(STARTS, TERMS, PREMIUMS, COUNTS, CHANGES)
def test_undoing_backwards_restores_every_day_before_each_change(
    start: dt.date, days: int, premium: int, count: str, changes: Any
) -> None:
    life = Life(start, days, premium, count)
    done = []
    for change in changes:
        before = (life.written, life.earned())
        done.append((before, life.endorse(*change)))
    for before, ids in reversed(done):
        life.write(returns.undo(life.slices, ids))
        assert (life.written, life.earned()) == before


@given(STARTS, TERMS, PREMIUMS, COUNTS, st.integers(0, 545), st.integers(1, 60))
def test_a_lapse_costs_exactly_what_the_gap_would_have_earned(
    start: dt.date, days: int, premium: int, count: str, on: int, gap: int
) -> None:
    life = Life(start, days, premium, count)
    ids, first = life.cancel(on), life.day(on)
    back = min(first + dt.timedelta(days=gap), life.end - dt.timedelta(days=1))
    whole_term = Life(start, days, premium, count).earned()
    resumed = returns.reinstate(
        life.slices, cancelled=ids, term_end=life.end, cancelled_on=first, reinstate_on=back, day_count=count
    )
    life.write(resumed.slices)
    missing = whole_term[(back - start).days] - whole_term[(first - start).days]
    assert life.written == premium - missing == life.earned()[-1]
