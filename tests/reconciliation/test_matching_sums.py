"""Sums: what the search says is held against every subset, tried one by one."""

from __future__ import annotations

from itertools import combinations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciliation.matching import BankLine, BookLine, MatchRules, match
from reconciliation.matching.sums import ENOUGH, find
from tests.support.match_lines import ACCOUNT, bank, book, day

RULES = MatchRules(version="v1", date_window_days=3)
part = st.integers(-40, 40).filter(bool)
few_parts = st.lists(part, min_size=2, max_size=9)


def subsets(amounts: list[int], target: int, least: int = 2) -> list[tuple[int, ...]]:
    """Every set of places whose amounts come to the target."""
    places = range(len(amounts))
    sizes = range(least, len(amounts) + 1)
    return [some for size in sizes for some in combinations(places, size) if sum(amounts[at] for at in some) == target]


@settings(max_examples=500)
@given(few_parts, st.integers(-120, 120))
def test_the_search_finds_every_subset(amounts: list[int], target: int) -> None:
    found = find(amounts, target, most=9, max_nodes=10_000)
    expected = subsets(amounts, target)
    assert set(found.answers) <= set(expected)
    assert len(found.answers) == min(len(expected), ENOUGH)
    assert not found.unproved or len(expected) >= ENOUGH


@given(st.lists(st.integers(1, 10**9), min_size=13, max_size=60), st.data())
def test_a_bounded_search_never_claims_what_it_did_not_look_at(amounts: list[int], data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(amounts) - 1), min_size=2))
    target = sum(amounts[at] for at in chosen)
    found = find(amounts, target, most=60, max_nodes=2_000)
    assert all(sum(amounts[at] for at in some) == target for some in found.answers)
    assert found.unproved or tuple(sorted(chosen)) in found.answers


@settings(max_examples=500)
@given(
    few_parts.filter(lambda amounts: len(amounts) <= 7), st.lists(st.integers(2, 8), min_size=7), st.integers(-90, 90)
)
def test_one_line_is_matched_only_where_one_subset_fits_and_always_where_few_were_looked_at(
    amounts: list[int], on: list[int], target: int
) -> None:
    assume(target and target not in amounts)
    books = [book(f"k{n}", amount, on[n]) for n, amount in enumerate(amounts)]
    result = match([bank("b0", target, 5)], books, RULES)
    expected = [tuple(f"k{at}" for at in some) for some in subsets(amounts, target)]
    said = next((one for one in result.breaks if one.line_id == "b0"), None)
    if len(expected) == 1:
        made = [(one.book_line_ids, one.stage) for one in result.matches]
        made += [(one.book_line_ids, one.stage) for one in result.suggestions]
        assert made == [(expected[0], "subset_sum")]
        assert result.matches or len(amounts) > 5
    elif expected:
        assert said is not None and said.kind == "ambiguous"
        assert set(said.candidates) <= {line for some in expected for line in some}
    else:
        assert said is not None and said.kind == "bank_only"


crowded = st.tuples(st.lists(st.integers(-30, 60).filter(bool), min_size=1, max_size=3), few_parts)


@settings(max_examples=500)
@given(crowded)
def test_no_line_is_matched_that_another_line_has_a_sum_for(sides: tuple[list[int], list[int]]) -> None:
    targets, amounts = sides
    assume(not set(targets) & set(amounts) and len(amounts) <= 7)
    banks = [BankLine(f"b{n}", ACCOUNT, amount, "USD", day(5)) for n, amount in enumerate(targets)]
    books = [BookLine(f"k{n}", ACCOUNT, amount, "USD", day(5)) for n, amount in enumerate(amounts)]
    sums_of = {line.id: subsets(amounts, line.amount_minor) for line in banks}
    for found in match(banks, books, RULES).matches:
        if len(found.bank_line_ids) > 1:
            continue
        (bank_id,) = found.bank_line_ids
        places = {int(book_id[1:]) for book_id in found.book_line_ids}
        assert sums_of[bank_id] == [tuple(sorted(places))]
        others = [some for other, every in sums_of.items() if other != bank_id for some in every]
        assert not any(places & set(some) for some in others)
