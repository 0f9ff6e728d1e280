"""The stages that go by references: the same amount, another amount, and several lines of one batch."""

from __future__ import annotations

from collections.abc import Sequence

from reconciliation.matching import words
from reconciliation.matching.groups import by_reference, pairs_and_crowd, parts
from reconciliation.matching.lines import BankLine, BookLine
from reconciliation.matching.names import batch
from reconciliation.matching.pool import L, Pool, in_order
from reconciliation.matching.words import days_between, money


def exact_reference(pool: Pool) -> None:
    """Stage 1: the same reference and the same amount, however far apart the days."""
    pairs, banks, books = pairs_and_crowd(pool.bank.values(), pool.books.values())
    for reference, bank, book in pairs:
        if bank.amount_minor == book.amount_minor:
            pool.match_pair(bank, book, "exact_reference", 1000, words.by_reference, reference)
    for group in by_reference(_sorted(banks), _sorted(books), lambda line: (line.amount_minor,)):
        _same_amount(pool, *group)


def _same_amount(pool: Pool, banks: list[BankLine], books: list[BookLine], reference: str) -> None:
    if len(banks) == len(books) == 1:
        pool.match(banks, books, "exact_reference", 1000, words.by_reference, reference)
    else:
        pool.contest(banks, books, f"share the reference {reference} and the amount {money(banks[0])}")


def same_reference(pool: Pool) -> None:
    """Stage 2: one line and one line of a reference with two amounts are a break, never a match."""
    pairs, banks, books = pairs_and_crowd(pool.bank.values(), pool.books.values())
    for reference, bank, book in pairs:
        pool.differ(bank, (book,), reference)
    for some_banks, some_books, reference in by_reference(_sorted(banks), _sorted(books)):
        if len(some_banks) == len(some_books) == 1:
            pool.differ(some_banks[0], some_books, reference)


def shared_reference(pool: Pool) -> None:
    """Stage 3: several lines of one batch, payout or deposit whose sides come to the same sum, all of them together.

    What the fee terms explain is a break that says so. A reference that numbers its parts, like DEP-0042-07, also
    gathers them under DEP-0042.
    """
    _, some_banks, some_books = pairs_and_crowd(pool.bank.values(), pool.books.values())
    for banks, books, reference in by_reference(_sorted(some_banks), _sorted(some_books)):
        _several(pool, banks, books, reference)
    for banks, books, reference in by_reference(in_order(pool.bank), in_order(pool.books), spell=batch):
        _several(pool, banks, books, reference)


def _sorted(lines: Sequence[L]) -> list[L]:
    return sorted(lines, key=lambda line: (line.posted_on, line.id))


def _several(pool: Pool, banks: list[BankLine], books: list[BookLine], reference: str) -> None:
    """Match the parts of a group that tie on their own, then the rest if it ties; else say how it does not."""
    window = pool.rules.date_window_days
    left: tuple[list[BankLine], list[BookLine]] = ([], [])
    for some_banks, some_books in parts(banks, books, window):
        if not _tied(pool, some_banks, some_books, reference):
            left[0].extend(some_banks)
            left[1].extend(some_books)
    banks, books = left
    if not banks or not books or _tied(pool, banks, books, reference):
        return
    if pool.is_refused(banks, books) and _sum(banks) == _sum(books):
        return
    if len(banks) == 1:
        pool.differ(banks[0], books, reference)
    else:
        pool.contest(banks, books, f"share the reference {reference} with different amounts")


def _tied(pool: Pool, banks: list[BankLine], books: list[BookLine], reference: str) -> bool:
    if not banks or not books or _sum(banks) != _sum(books):
        return False
    near = days_between(banks, books) <= pool.rules.date_window_days
    score = 980 - 20 * (not near) - 40 * (len(banks) > 1 and len(books) > 1)
    return pool.match(banks, books, "shared_reference", score, words.by_shared_reference, reference)


def _sum(lines: Sequence[BankLine] | Sequence[BookLine]) -> int:
    return sum(line.amount_minor for line in lines)
