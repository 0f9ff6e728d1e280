"""Several bank lines for several book lines: those of one party together, or of so few that every pairing is tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from reconciliation.matching import sums
from reconciliation.matching.answers import Answer, is_rare
from reconciliation.matching.groups import parts
from reconciliation.matching.lines import BankLine, BookLine
from reconciliation.matching.names import normal_name
from reconciliation.matching.pool import L, Pool, in_order
from reconciliation.matching.words import days_between

FEW = 6
"""How many lines of a side are tried in every combination."""


def of_parties(pool: Pool) -> Iterator[Answer]:
    """Find the parties whose open lines near in time, two and more on each side, tie as a whole."""
    by_party: dict[str, tuple[list[BankLine], list[BookLine]]] = {}
    for book in in_order(pool.books):
        if party := normal_name(book.party):
            by_party.setdefault(party, ([], []))[1].append(book)
    for bank in in_order(pool.bank):
        if (party := pool.parties.of(bank)) in by_party:
            by_party[party][0].append(bank)
    for party_banks, party_books in by_party.values():
        for banks, books in parts(party_banks, party_books, pool.rules.date_window_days):
            ties = min(len(banks), len(books)) > 1 and _sum(banks) == _sum(books) and _near(pool, banks, books)
            if ties and not pool.is_refused(banks, books):
                mark = f"they are all open lines near in time of the party {books[0].party}."
                yield Answer(tuple(banks), tuple(books), mark, 800, marked=True)


def of_few(pool: Pool) -> Iterator[Answer]:
    """Find sums of two and more lines on each side, near in time, where both sides are so few that all are tried."""
    for banks, books in parts(in_order(pool.bank), in_order(pool.books), pool.rules.date_window_days):
        if 2 <= len(banks) <= FEW and 2 <= len(books) <= FEW:
            yield from _pairings(pool, banks, books)


def _pairings(pool: Pool, banks: Sequence[BankLine], books: Sequence[BookLine]) -> Iterator[Answer]:
    """Set each sum of one side beside each of the other; equal lines are no sums: they were looked at as pairs."""
    if {line.amount_minor for line in banks} & {line.amount_minor for line in books}:
        return
    by_sum: dict[int, list[tuple[BankLine, ...]]] = {}
    for some_banks in _sets(banks):
        by_sum.setdefault(_sum(some_banks), []).append(some_banks)
    for some_books in _sets(books):
        for some_banks in by_sum.get(total := _sum(some_books), ()):
            if _near(pool, some_banks, some_books) and not pool.is_refused(some_banks, some_books):
                sizes = len(some_banks), len(some_books)
                looked_at = _looks(len(banks), sizes[0]) * _looks(len(books), sizes[1])
                amounts = [*(line.amount_minor for line in banks), *(line.amount_minor for line in books)]
                sure = is_rare(pool, looked_at, sums.fitting(amounts, total), total)
                mark = f"no other lines near in time come to one sum; pairs of sums looked at: {looked_at:,}."
                yield Answer(some_banks, some_books, mark, 700, sure)


def _sets(lines: Sequence[L]) -> Iterator[tuple[L, ...]]:
    for size in range(2, len(lines) + 1):
        yield from combinations(lines, size)


def _looks(count: int, size: int) -> int:
    return sum(1 for of in range(2, size + 1) for _ in combinations(range(count), of))


def _near(pool: Pool, banks: Sequence[BankLine], books: Sequence[BookLine]) -> bool:
    return days_between(banks, books) <= pool.rules.date_window_days


def _sum(lines: Sequence[BankLine] | Sequence[BookLine]) -> int:
    return sum(line.amount_minor for line in lines)
