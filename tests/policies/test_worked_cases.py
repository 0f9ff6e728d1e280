"""Worked cases of slices beyond DOMAIN.md: leap years, odd terms, first and last days, out of order, undone."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from policies import earning, returns, slicing
from policies.conditions import CancellationTerms
from policies.earning import Slice
from policies.returns import ChangedSince, FlatOnlyFromStart, Returned
from policies.slicing import DateOutsideTerm, PremiumBelowZero
from tests.policies.test_domain_figures import DAY_100, END, START, added, whole

D = dt.date


def ends(slices: list[Slice], on: dt.date, start: dt.date = START, end: dt.date = END, **more: Any) -> Returned:
    method = more.pop("method", "pro_rata")
    applies = more.pop("minimum_applies", True)
    return returns.cancel(
        slices,
        term_start=start,
        term_end=end,
        cancel_on=on,
        terms=CancellationTerms(**more),
        method=method,
        minimum_applies=applies,
    )


def changed(slices: list[Slice], on: dt.date, change: int, later: str = "carry") -> list[Slice]:
    done = slicing.endorse(
        slices, term_start=START, term_end=END, effective_on=on, change_minor=change, later=later
    )  # fmt: skip
    return added(slices, done.slices)


def resumes(slices: list[Slice], ids: list[str], on: dt.date, lapse: str = "credit") -> returns.Resumed:
    return returns.reinstate(
        slices, cancelled=ids, term_end=END, cancelled_on=DAY_100, reinstate_on=on, lapse=lapse
    )  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "on", "day_count", "back"),
    [
        # Leap year 2028: 366 days, day 100 is April 10: 12,000 × 266/366 = 8,721.31.
        (D(2028, 1, 1), D(2029, 1, 1), D(2028, 4, 10), "actual", 872_131),
        # The same by /365: February 29 is not counted, 99 days are over: 12,000 × 266/365 = 8,745.21.
        (D(2028, 1, 1), D(2029, 1, 1), D(2028, 4, 10), "365", 874_521),
        # The same by the wheel: 266/366 = 0.72678 → 0.727: 8,724.00.
        (D(2028, 1, 1), D(2029, 1, 1), D(2028, 4, 10), "wheel", 872_400),
        # From March to March across February 29, 2028: 366 days, 31 over: 12,000 × 335/366 = 10,983.61.
        (D(2027, 3, 1), D(2028, 3, 1), D(2027, 4, 1), "actual", 1_098_361),
        # On February 29 itself by /365, 59 days over as on the 28th plus one: 12,000 × 306/365 = 10,060.27.
        (D(2028, 1, 1), D(2029, 1, 1), D(2028, 2, 29), "365", 1_006_027),
        # On March 1 by /365 still 59 days: the 29th did not count.
        (D(2028, 1, 1), D(2029, 1, 1), D(2028, 3, 1), "365", 1_006_027),
        # A month of 31 days, 10 over: 12,000 × 21/31 = 8,129.03.
        (D(2026, 1, 1), D(2026, 2, 1), D(2026, 1, 11), "actual", 812_903),
        # A month of 28 days, 14 over: half.
        (D(2026, 2, 1), D(2026, 3, 1), D(2026, 2, 15), "actual", 600_000),
        # Six months of 181 days, 90 over: 12,000 × 91/181 = 6,033.15.
        (D(2026, 1, 1), D(2026, 7, 1), D(2026, 4, 1), "actual", 603_315),
        # Eighteen months of 546 days, 181 over: 12,000 × 365/546 = 8,021.98.
        (D(2026, 1, 1), D(2027, 7, 1), D(2026, 7, 1), "actual", 802_198),
        # The first day pro rata: nothing is over.
        (START, END, START, "actual", 1_200_000),
        # The last day: one day is left: 12,000/365 = 32.88.
        (START, END, D(2026, 12, 31), "actual", 3_288),
        # The last day by the wheel: 1/365 = 0.0027 → 0.003: 36.00.
        (START, END, D(2026, 12, 31), "wheel", 3_600),
    ],
)
def test_what_goes_back_pro_rata(start: dt.date, end: dt.date, on: dt.date, day_count: str, back: int) -> None:
    assert ends(whole(1_200_000, start, end), on, start, end, day_count=day_count).return_minor == back


@pytest.mark.parametrize(
    ("on", "terms", "retained"),
    [
        # 25% of 12,000 is 3,000; on day 100 3,287.67 is earned: the minimum does not bind.
        (DAY_100, {"minimum_percent": Decimal(25)}, 0),
        # A minimum of 500.00 on day 10: 328.77 is earned, 171.23 is kept beside it.
        (D(2026, 1, 11), {"minimum_amount_minor": 50_000}, 17_123),
        # A minimum above the premium keeps no more than the premium: 12,000 − 328.77.
        (D(2026, 1, 11), {"minimum_amount_minor": 9_900_000}, 1_167_123),
        # The insurer ends it: the minimum is waived.
        (D(2026, 1, 11), {"minimum_percent": Decimal(25), "minimum_applies": False}, 0),
        # Short rate 90% on day 10: penalty 1,167.12 (a tenth of 11,671.23); with 328.77 under 3,000: 2,671.23 is kept.
        (D(2026, 1, 11), {"minimum_percent": Decimal(25), "method": "short_rate_90"}, 267_123),
        # Short rate 90% on day 100: 3,287.67 + 871.23 is over the minimum: the penalty alone.
        (DAY_100, {"minimum_percent": Decimal(25), "method": "short_rate_90"}, 87_123),
        # A table that gives less than what is earned takes nothing back: 5% of 12,000 < 3,287.67.
        (DAY_100, {"short_rate_table": ((365, Decimal(5)),), "method": "short_rate_table"}, 0),
        # Past the last row of a table everything is earned.
        (DAY_100, {"short_rate_table": ((30, Decimal(20)),), "method": "short_rate_table"}, 871_233),
    ],
)
def test_what_is_kept_beside_what_is_earned(on: dt.date, terms: dict[str, Any], retained: int) -> None:
    done = ends(whole(), on, **terms)
    assert done.retained_minor == retained
    assert done.return_minor == 1_200_000 - done.earned_minor - retained


def test_a_table_of_a_year_is_read_in_proportion_for_half_a_year() -> None:
    """Day 50 of 181 is day 101 of 365 (50 × 365/181 = 100.8): the second row, 60% of 12,000 = 7,200 kept."""
    table = ((100, Decimal(40)), (200, Decimal(60)))
    start, end = START, D(2026, 7, 1)
    done = ends(
        whole(1_200_000, start, end), D(2026, 2, 20), start, end, short_rate_table=table, method="short_rate_table"
    )
    assert done.return_minor == 480_000


def test_three_endorsements_of_one_day_add_up() -> None:
    """On day 100: +365, +730, −365: 265.00 + 530.00 − 265.00."""
    slices = whole()
    for change in (36_500, 73_000, -36_500):
        slices = changed(slices, DAY_100, change)
    assert earning.written_minor(slices) == 1_200_000 + 53_000
    assert slicing.rate_on(slices, DAY_100) == 1_273_000


def test_an_endorsement_down_earns_less_each_day() -> None:
    """12,000 down by 3,650 from day 100: −2,650.00; on day 200: 6,575.34 − 1,000.00 is earned."""
    slices = changed(whole(), DAY_100, -365_000)
    assert earning.written_minor(slices) == 935_000
    assert earning.earned_minor(slices, D(2026, 7, 20)) == 657_534 - 100_000


def test_a_backdated_change_moves_the_later_one_along() -> None:
    """+3,650 from day 200, then +3,650 from day 100, carried: 1,650.00 + 2,650.00; the last rate is 19,300."""
    slices = changed(changed(whole(), D(2026, 7, 20), 365_000), DAY_100, 365_000)
    assert earning.written_minor(slices) == 1_200_000 + 165_000 + 265_000
    assert slicing.rate_on(slices, D(2026, 12, 1)) == 1_930_000


def test_a_backdated_change_ends_where_the_later_one_begins() -> None:
    """The same until the next: 3,650 × 100/365 = 1,000.00 for days 100 to 200; the last rate stays 15,650."""
    slices = changed(changed(whole(), D(2026, 7, 20), 365_000), DAY_100, 365_000, "until_next")
    assert earning.written_minor(slices) == 1_200_000 + 165_000 + 100_000
    assert slicing.rate_on(slices, D(2026, 7, 19)) == slicing.rate_on(slices, D(2026, 7, 20)) == 1_565_000


def test_a_backdated_change_may_not_leave_less_than_nothing_later() -> None:
    """Down by 11,000 from day 200; 2,000 less from day 100 would leave −1,000 then."""
    slices = changed(whole(), D(2026, 7, 20), -1_100_000)
    with pytest.raises(PremiumBelowZero) as refused:
        changed(slices, DAY_100, -200_000)
    assert refused.value.field == "premium"
    assert earning.written_minor(changed(slices, DAY_100, -200_000, "until_next")) < earning.written_minor(slices)


def test_cancelling_before_a_later_endorsement_takes_it_back_whole() -> None:
    """+3,650 from day 200 (1,650.00), cancelled on day 100: 8,712.33 + 1,650.00 goes back."""
    slices = changed(whole(), D(2026, 7, 20), 365_000)
    assert ends(slices, DAY_100).return_minor == 871_233 + 165_000


def test_a_backdated_cancellation_after_an_endorsement_returns_both_shares() -> None:
    """+3,650 from day 50 (3,150.00); on day 100 50 of its 315 days are over: 2,650.00 of it goes back."""
    slices = changed(whole(), D(2026, 2, 20), 365_000)
    assert ends(slices, DAY_100).return_minor == 871_233 + 265_000


def test_a_second_cancellation_after_a_reinstatement_returns_what_a_first_would() -> None:
    slices = added(whole(), ends(whole(), DAY_100).slices)
    slices = added(slices, resumes(slices, ["s1"], DAY_100).slices)
    day = D(2026, 7, 1)  # day 181: 12,000 × 184/365 = 6,049.32
    assert ends(slices, day).return_minor == ends(whole(), day).return_minor == 604_932
    slices = added(slices, ends(slices, day).slices)
    assert [earning.earned_minor(slices, at) for at in (DAY_100, day, END)] == [328_767, 595_068, 595_068]


def test_a_reinstatement_gives_a_kept_penalty_back() -> None:
    slices = added(whole(), ends(whole(), DAY_100, method="short_rate_90").slices)
    assert earning.written_minor(slices) == 328_767 + 87_123 == earning.earned_minor(slices, DAY_100)
    for day in (DAY_100, D(2026, 4, 26)):
        resumed = added(slices, resumes(slices, ["s1", "s2"], day).slices)
        gap = 0 if day == DAY_100 else 49_315
        assert earning.written_minor(resumed) == earning.earned_minor(resumed, END) == 1_200_000 - gap


def test_a_lapse_that_moves_the_term_loses_no_premium() -> None:
    """15 days of lapse: the term ends 2027-01-16; 265 days are left of it, as before."""
    slices = added(whole(), ends(whole(), DAY_100).slices)
    resumed = resumes(slices, ["s1"], D(2026, 4, 26), "extend")
    assert (resumed.term_end, resumed.change_minor) == (D(2027, 1, 16), 871_233)
    slices = added(slices, resumed.slices)
    assert earning.earned_minor(slices, D(2026, 4, 26)) == 328_767
    assert earning.earned_minor(slices, D(2027, 1, 16)) == 1_200_000


def test_a_lapse_reaches_a_change_that_begins_after_it_only_whole() -> None:
    """+3,650 from day 200 (1,650.00) was taken back whole, and comes back whole after a lapse of 15 days."""
    slices = changed(whole(), D(2026, 7, 20), 365_000)
    slices = added(slices, ends(slices, DAY_100).slices)
    assert resumes(slices, ["s2", "s3"], D(2026, 4, 26)).change_minor == 871_233 - 49_315 + 165_000


def test_a_change_is_undone_even_after_a_cancellation_was_lifted() -> None:
    slices = changed(whole(), D(2026, 2, 20), 365_000)
    slices = added(slices, ends(slices, DAY_100).slices)
    with pytest.raises(ChangedSince):
        returns.undo(slices, ["s1"])
    slices = added(slices, resumes(slices, ["s2", "s3"], DAY_100).slices)
    slices = added(slices, returns.undo(slices, ["s1"]))
    days = [START + dt.timedelta(days=n) for n in range(0, 366, 5)]
    assert [earning.earned_minor(slices, day) for day in days] == [earning.earned_minor(whole(), day) for day in days]


@pytest.mark.parametrize("day", [D(2025, 12, 31), END, D(2027, 6, 1)])
def test_a_day_outside_of_the_term_is_refused(day: dt.date) -> None:
    for verb in (lambda: ends(whole(), day), lambda: changed(whole(), day, 1)):
        with pytest.raises(DateOutsideTerm) as refused:
            verb()
        assert refused.value.field == "effective_on"


def test_flat_is_from_the_first_day_only() -> None:
    with pytest.raises(FlatOnlyFromStart):
        ends(whole(), DAY_100, method="flat")
