"""Matching: what holds for every input, and a plain re-telling of the rules that must agree with it."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.matching import BankLine, BookLine, MatchResult, MatchRules, match
from reconciliation.matching.names import normal

RULES = MatchRules(version="v1", date_window_days=2)
FIRST = dt.date(2026, 1, 1)
ONE_TO_ONE = replace(RULES, stages=frozenset({"exact_reference", "same_reference", "amount_and_date"}))
days = st.integers(0, 12).map(lambda number: FIRST + dt.timedelta(days=number))
amounts = st.sampled_from([0, 100, 101, -100, 250, 350, 201])
references = st.sampled_from(["R1", "r-1", "R2", "R3", "000", ""])
accounts = st.sampled_from(["bnk_a", "bnk_b"])

bank_lines = st.lists(
    st.tuples(accounts, amounts, st.sampled_from(["USD", "CAD"]), days, st.lists(references, max_size=2).map(tuple)),
    max_size=9,
).map(lambda rows: [BankLine(f"b{number}", *row) for number, row in enumerate(rows)])
book_lines = st.lists(
    st.tuples(accounts, amounts.filter(bool), st.sampled_from(["USD", "CAD"]), days, references), max_size=9
).map(lambda rows: [BookLine(f"k{number}", *row) for number, row in enumerate(rows)])


@given(bank_lines, book_lines)
def test_no_line_is_used_twice_and_every_bank_line_is_answered(banks: list[BankLine], books: list[BookLine]) -> None:
    result = match(banks, books, RULES)
    used = Counter(line for found in result.matches for line in found.bank_line_ids)
    used.update(found.line_id for found in result.breaks if found.kind != "books_only")
    assert used == Counter(line.id for line in banks if line.amount_minor)
    matched = [line for found in result.matches for line in found.book_line_ids]
    loose = [found.line_id for found in result.breaks if found.kind == "books_only"]
    claimed = {book_id for found in result.breaks for book_id in found.candidates}
    assert len(set(matched)) == len(matched)
    assert not set(matched) & claimed
    assert not set(loose) & (claimed | set(matched))


@given(bank_lines, book_lines)
def test_a_match_joins_equal_money_of_one_account(banks: list[BankLine], books: list[BookLine]) -> None:
    bank_by_id = {line.id: line for line in banks}
    book_by_id = {line.id: line for line in books}
    for found in match(banks, books, RULES).matches:
        bank_side = [bank_by_id[id] for id in found.bank_line_ids]
        book_side = [book_by_id[id] for id in found.book_line_ids]
        assert sum(line.amount_minor for line in bank_side) == sum(line.amount_minor for line in book_side)
        scopes = {(line.account_id, line.currency) for line in bank_side}
        assert scopes == {(line.account_id, line.currency) for line in book_side}
        assert len(scopes) == 1
        apart = max(abs((one.posted_on - other.posted_on).days) for one in bank_side for other in book_side)
        assert apart <= RULES.date_window_days or "reference" in found.stage
        assert 0 <= found.score <= 1000
        assert found.reason
        assert found.rule_version == "v1"


@given(bank_lines, book_lines, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    banks: list[BankLine], books: list[BookLine], chance: random.Random
) -> None:
    expected = match(banks, books, RULES)
    chance.shuffle(banks)
    chance.shuffle(books)
    assert match(banks, books, RULES) == expected


@given(bank_lines, book_lines)
def test_matching_what_is_left_finds_nothing_new(banks: list[BankLine], books: list[BookLine]) -> None:
    cuts = {"bnk_a": FIRST, "bnk_b": FIRST}
    first = match(banks, books, RULES, cuts)
    taken = {line for found in first.matches for line in (*found.bank_line_ids, *found.book_line_ids)}
    again = match(
        [line for line in banks if line.id not in taken], [line for line in books if line.id not in taken], RULES, cuts
    )
    assert again.matches == ()
    assert again.breaks == first.breaks
    assert again.suggestions == first.suggestions


@given(bank_lines, book_lines)
def test_what_was_taken_apart_never_comes_back(banks: list[BankLine], books: list[BookLine]) -> None:
    made = {(frozenset(one.bank_line_ids), frozenset(one.book_line_ids)) for one in match(banks, books, RULES).matches}
    again = match(banks, books, RULES, refused=made)
    assert not made & {(frozenset(one.bank_line_ids), frozenset(one.book_line_ids)) for one in again.matches}


few_banks = st.lists(
    st.tuples(st.sampled_from([100, 101]), days, st.lists(references, max_size=2).map(tuple)), max_size=9
)
few_books = st.lists(st.tuples(st.sampled_from([100, 101]), days, references), max_size=9)


@settings(max_examples=400)
@given(few_banks, few_books)
def test_the_retelling_agrees_also_where_lines_crowd(
    bank_rows: list[tuple[int, dt.date, tuple[str, ...]]], book_rows: list[tuple[int, dt.date, str]]
) -> None:
    banks = [BankLine(f"b{n}", "bnk_a", row[0], "USD", row[1], row[2]) for n, row in enumerate(bank_rows)]
    books = [BookLine(f"k{n}", "bnk_a", row[0], "USD", row[1], row[2]) for n, row in enumerate(book_rows)]
    found = match(banks, books, ONE_TO_ONE)
    assert {(pair.bank_line_ids[0], pair.book_line_ids[0]) for pair in found.matches} == _told_plainly(banks, books)


def _told_plainly(banks: list[BankLine], books: list[BookLine]) -> set[tuple[str, str]]:
    """The three stages one to one by brute force: in each, what hangs together is a pair or is set aside."""
    left_banks, left_books = [line for line in banks if line.amount_minor], list(books)
    pairs: set[tuple[str, str]] = set()

    def money(bank: BankLine, book: BookLine) -> bool:
        return (bank.account_id, bank.currency, bank.amount_minor) == (
            book.account_id,
            book.currency,
            book.amount_minor,
        )

    def referred(bank: BankLine, book: BookLine) -> bool:
        same = {normal(reference) for reference in bank.references} - {""}
        return (bank.account_id, bank.currency) == (book.account_id, book.currency) and normal(book.reference) in same

    def near(bank: BankLine, book: BookLine) -> bool:
        return money(bank, book) and abs((bank.posted_on - book.posted_on).days) <= 2

    def both(bank: BankLine, book: BookLine) -> bool:
        return money(bank, book) and referred(bank, book)

    fits: Callable[[BankLine, BookLine], bool]
    for stage, fits in (("pair", both), ("break", referred), ("pair", near)):
        edges = {(bank.id, book.id) for bank in left_banks for book in left_books if fits(bank, book)}
        per_line = Counter(line_id for edge in edges for line_id in edge)
        alone = {edge for edge in edges if per_line[edge[0]] == per_line[edge[1]] == 1}
        pairs |= alone if stage == "pair" else set()
        gone = {line for edge in (edges if stage == "pair" else alone) for line in edge}
        left_banks = [line for line in left_banks if line.id not in gone]
        left_books = [line for line in left_books if line.id not in gone]
    return pairs


@settings(max_examples=300)
@given(bank_lines, book_lines)
def test_a_plain_retelling_of_the_rules_finds_the_same_pairs(banks: list[BankLine], books: list[BookLine]) -> None:
    found = match(banks, books, ONE_TO_ONE)
    assert {(pair.bank_line_ids[0], pair.book_line_ids[0]) for pair in found.matches} == _told_plainly(banks, books)


def _crowd(size: int) -> tuple[list[BankLine], list[BookLine]]:
    banks = [
        BankLine(f"b{n:06}", "bnk", 100, "USD", FIRST + dt.timedelta(days=n % 300), (f"R{n}",)) for n in range(size)
    ]
    books = [BookLine(f"k{n:06}", "bnk", 100, "USD", FIRST + dt.timedelta(days=n % 300), f"R{n}") for n in range(size)]
    return banks, books


def test_a_crowd_of_one_amount_is_matched_by_reference_and_without_comparing_all_pairs() -> None:
    banks, books = _crowd(20_000)
    start = time.perf_counter()
    result = match(banks, books, RULES)
    assert len(result.matches) == 20_000
    assert result.breaks == ()
    nameless = [BankLine(line.id, line.account_id, 100, "USD", line.posted_on) for line in banks]
    contested: MatchResult = match(nameless, books, RULES)
    assert contested.matches == ()
    assert {found.kind for found in contested.breaks} == {"ambiguous"}
    assert time.perf_counter() - start < 20
