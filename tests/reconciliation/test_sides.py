"""Two sides beside each other: equal, more, less, unknown, missing; in one sum where a side names no items."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciliation.sides import Compared, Outcome, Side, compare

KNOWN = {"P-1", "P-2"}


def test_each_item_is_held_against_its_own() -> None:
    theirs = [Side("P-1", "premium", 425_000), Side("P-1", "carrier_fee", 12_400), Side("P-2", "premium", 90_000)]
    ours = [Side("P-1", "premium", 425_000), Side("P-1", "carrier_fee", 12_500), Side("P-2", "premium", 80_000)]
    assert compare(theirs, ours, KNOWN) == (
        Compared("P-1", "carrier_fee", 12_400, 12_500, Outcome.WE_MORE),
        Compared("P-1", "premium", 425_000, 425_000, Outcome.EQUAL),
        Compared("P-2", "premium", 90_000, 80_000, Outcome.WE_LESS),
    )


def test_a_policy_nobody_knows_and_one_they_leave_out() -> None:
    found = compare([Side("P1", "premium", 100)], [Side("P-1", "premium", 100)], KNOWN)
    assert found == (
        Compared("P-1", "premium", 0, 100, Outcome.MISSING),
        Compared("P1", "premium", 100, 0, Outcome.UNKNOWN),
    )
    assert [each.difference_minor for each in found] == [-100, 100]


def test_rows_of_one_item_add_up_and_returns_are_signed() -> None:
    theirs = [Side("P-1", "premium", 1_000), Side("P-1", "premium", -400), Side("P-2", "premium", -150)]
    ours = [Side("P-1", "premium", 600), Side("P-2", "premium", -100)]
    assert [each.outcome for each in compare(theirs, ours, KNOWN)] == [Outcome.EQUAL, Outcome.WE_MORE]


def test_a_side_without_items_is_compared_in_one_sum() -> None:
    ours = [Side("P-1", "premium", 425_000), Side("P-1", "carrier_fee", 12_500)]
    (one,) = compare([Side("P-1", "", 437_500)], ours, KNOWN)
    assert one == Compared("P-1", "", 437_500, 437_500, Outcome.EQUAL)
    (partly,) = compare([Side("P-1", "", 425_000), Side("P-1", "carrier_fee", 12_500)], ours, KNOWN)
    assert partly.outcome == Outcome.EQUAL


def test_what_came_to_nothing_on_our_side_alone_is_no_item() -> None:
    assert compare([], [Side("P-1", "premium", 5), Side("P-1", "premium", -5)], KNOWN) == ()


SIDES = st.lists(
    st.builds(Side, st.sampled_from(["P-1", "P-2", "P-3"]), st.sampled_from(["", "a", "b"]), st.integers(-9, 9))
)


@given(SIDES, SIDES)
def test_no_cent_is_lost_or_counted_twice(theirs: list[Side], ours: list[Side]) -> None:
    found = compare(theirs, ours, KNOWN)
    assert sum(each.theirs_minor for each in found) == sum(side.amount_minor for side in theirs)
    assert sum(each.ours_minor for each in found) == sum(side.amount_minor for side in ours)
    assert len({(each.policy, each.item) for each in found}) == len(found)
