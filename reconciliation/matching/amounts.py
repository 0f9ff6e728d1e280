"""The stage that goes by amount and date, and by the party where several lines share both."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from reconciliation.matching import words
from reconciliation.matching.evidence import contradiction, corroborated, party_named
from reconciliation.matching.groups import Joined, near
from reconciliation.matching.lines import BankLine, BookLine, Match
from reconciliation.matching.marks import lines_of_wholes
from reconciliation.matching.names import normal_name
from reconciliation.matching.pool import L, Pool, in_order
from reconciliation.matching.words import days_between, many, money

STAGE = "amount_and_date"
CROWD = 400
"""From how many pairs on a group is not looked at pair by pair."""


def amount_and_date(pool: Pool) -> None:
    """Stage 4: the same amount within the date window, where the answer is unique both ways.

    Where it is not, the party decides if it leaves one answer. References or names that contradict each other are
    never matched: such a pair stays open, and the break says why.
    """
    candidates: dict[int, list[BookLine]] = defaultdict(list)
    for book in in_order(pool.books):
        candidates[book.amount_minor].append(book)
    claimants: dict[int, list[BankLine]] = defaultdict(list)
    for bank in in_order(pool.bank):
        if bank.amount_minor in candidates:
            claimants[bank.amount_minor].append(bank)
    bare: list[Match] = []
    for amount, banks in claimants.items():
        for near_banks, near_books in near(banks, candidates[amount], pool.rules.date_window_days):
            if len(near_banks) == len(near_books) == 1:
                _pair(pool, near_banks[0], near_books[0], bare)
            elif len(near_banks) * len(near_books) <= CROWD:
                _few(pool, near_banks, near_books, bare)
            else:
                _crowd(pool, near_banks, near_books, bare)
    rivals = lines_of_wholes(pool) if bare and "subset_sum" in pool.rules.stages else ((), ())
    for one in bare:
        if one.banks[0].id in rivals[0] or one.books[0].id in rivals[1]:
            pool.doubtful.append(one)
        else:
            pool.match(one.banks, one.books, one.stage, one.score, one.tell, one.fact)


def _pair(pool: Pool, bank: BankLine, book: BookLine, bare: list[Match], *, by_rest: bool = False) -> None:
    """Match a pair that nobody else claims; one for which nothing else speaks waits among the `bare`."""
    if why := contradiction(pool.parties, bank, book):
        pool.notes[bank.id] = f"a book line of this amount is near in time, but {why}."
        return
    score = 900 - min(days_between((bank,), (book,)), 40) * 10 - 50 * by_rest
    tell, window = words.by_rest if by_rest else words.by_amount, str(pool.rules.date_window_days)
    if corroborated(pool.parties, bank, book):
        pool.match((bank,), (book,), STAGE, score, tell, window)
    else:
        bare.append(Match((bank,), (book,), STAGE, score, pool.rules.version, tell, window))


def _few(pool: Pool, banks: list[BankLine], books: list[BookLine], bare: list[Match]) -> None:
    """Let the party decide pair by pair, then what is left over by having one answer left."""
    window = pool.rules.date_window_days
    edges = [
        (bank, book)
        for bank in banks
        for book in books
        if abs((bank.posted_on - book.posted_on).days) <= window
        and not pool.is_refused((bank,), (book,))
        and not contradiction(pool.parties, bank, book)
    ]
    named = [(bank, book) for bank, book in edges if party_named(pool.parties, bank, book)]
    per_line = Counter(line.id for edge in named for line in edge)
    for bank, book in named:
        if per_line[bank.id] == per_line[book.id] == 1:
            _by_party(pool, bank, book)
    joined = Joined()
    left = [(bank, book) for bank, book in edges if bank.id in pool.bank and book.id in pool.books]
    for bank, book in left:
        joined.join(("bank", bank.id), ("book", book.id))
    groups: dict[tuple[str | int, ...], tuple[dict[str, BankLine], dict[str, BookLine]]] = {}
    for bank, book in left:
        some_banks, some_books = groups.setdefault(joined.leader(("bank", bank.id)), ({}, {}))
        some_banks[bank.id] = bank
        some_books[book.id] = book
    for some_banks, some_books in groups.values():
        _rest(pool, list(some_banks.values()), list(some_books.values()), bare)


def _crowd(pool: Pool, banks: list[BankLine], books: list[BookLine], bare: list[Match]) -> None:
    """Let the party decide by equal names only, without comparing all pairs."""
    window = pool.rules.date_window_days
    by_party: dict[str, tuple[list[BankLine], list[BookLine]]] = {}
    for bank in banks:
        if party := pool.parties.of(bank):
            by_party.setdefault(party, ([], []))[0].append(bank)
    for book in books:
        if (party := normal_name(book.party)) in by_party:
            by_party[party][1].append(book)
    for some_banks, some_books in by_party.values():
        for near_banks, near_books in near(some_banks, some_books, window):
            alone = len(near_banks) == len(near_books) == 1
            if alone and not contradiction(pool.parties, near_banks[0], near_books[0]):
                _by_party(pool, near_banks[0], near_books[0])
    for near_banks, near_books in near(_still(banks, pool.bank), _still(books, pool.books), window):
        if len(near_banks) * len(near_books) <= CROWD:
            _few(pool, near_banks, near_books, bare)
        else:
            _rest(pool, near_banks, near_books, bare)


def _by_party(pool: Pool, bank: BankLine, book: BookLine) -> None:
    score = 880 - min(days_between((bank,), (book,)), 40) * 10
    pool.match((bank,), (book,), STAGE, score, words.by_party, book.party)


def _rest(pool: Pool, banks: list[BankLine], books: list[BookLine], bare: list[Match]) -> None:
    if len(banks) == len(books) == 1:
        _pair(pool, banks[0], books[0], bare, by_rest=True)
        return
    window = pool.rules.date_window_days
    pool.contest(banks, books, f"share the amount {money(banks[0])} within {many(window, 'day')}")


def _still(lines: Iterable[L], pool: Mapping[str, L]) -> list[L]:
    return [line for line in lines if line.id in pool]
