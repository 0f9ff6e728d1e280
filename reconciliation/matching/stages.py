"""The stages of matching, run in order over the lines that are left; a later one is one more function in `STAGES`."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from coverpay.kernel.money import Money
from reconciliation.matching.groups import Group, Key, by_reference, near
from reconciliation.matching.lines import (
    Alias,
    BankLine,
    BookLine,
    Break,
    BreakKind,
    Match,
    MatchRules,
    Suggestion,
)

L = TypeVar("L", BankLine, BookLine)
Grouping = tuple[frozenset[str], frozenset[str]]
"""Which bank lines and which book lines were one match."""


@dataclass(slots=True)
class Pool:
    """The lines still without an answer, and the answers so far."""

    rules: MatchRules
    bank: dict[str, BankLine]
    books: dict[str, BookLine]
    refused: frozenset[Grouping] = frozenset()
    aliases: tuple[Alias, ...] = ()
    matches: list[Match] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)

    def match(self, bank: BankLine, book: BookLine, stage: str, score: int, reason: str) -> None:
        """Take out a pair that nobody else claims, unless a person took it apart before."""
        if self._is_refused(bank, book):
            return
        del self.bank[bank.id], self.books[book.id]
        compared = (
            ("amount_minor", str(bank.amount_minor), str(book.amount_minor)),
            ("currency", bank.currency, book.currency),
            ("posted_on", bank.posted_on.isoformat(), book.posted_on.isoformat()),
            ("reference", ", ".join(bank.references), book.reference),
        )
        self.matches.append(Match((bank.id,), (book.id,), stage, score, reason, compared, self.rules.version))

    def contest(self, banks: Iterable[BankLine], books: Iterable[BookLine], common: str) -> None:
        """Set aside lines that claim each other in more than one way: one break for each bank line."""
        claimants = tuple(sorted(bank.id for bank in banks))
        candidates = tuple(sorted(book.id for book in books))
        reason = (
            f"{_many(len(claimants), 'bank line')} and {_many(len(candidates), 'book line')} share {common}; "
            "more than one pairing is equally good, so a person decides."
        )
        for bank_id in claimants:
            bank = self.bank.pop(bank_id)
            self._break(BreakKind.AMBIGUOUS, bank_id, 0, bank.currency, reason, candidates, claimants)
        for book_id in candidates:
            del self.books[book_id]

    def differ(self, bank: BankLine, book: BookLine, reference: str) -> None:
        """Set aside a pair of one reference and two amounts, unless a person took it apart before."""
        if self._is_refused(bank, book):
            return
        del self.bank[bank.id], self.books[book.id]
        difference = bank.amount_minor - book.amount_minor
        reason = (
            f"Both carry the reference {reference}, but the bank says {_money(bank)} and the books {_money(book)}; "
            f"the difference is {Money(difference, bank.currency)}."
        )
        self._break(BreakKind.AMOUNT_DIFFERS, bank.id, difference, bank.currency, reason, (book.id,))

    def bank_only(self, bank: BankLine) -> None:
        reason = f"The bank shows {_money(bank)} on {bank.posted_on}; no book line answers to it."
        self._break(BreakKind.BANK_ONLY, bank.id, bank.amount_minor, bank.currency, reason)

    def books_only(self, book: BookLine, cut: dt.date) -> None:
        reason = f"The books show {_money(book)} on {book.posted_on}; the bank's statements up to {cut} do not."
        self._break(BreakKind.BOOKS_ONLY, book.id, -book.amount_minor, book.currency, reason)

    def _is_refused(self, bank: BankLine, book: BookLine) -> bool:
        return (frozenset((bank.id,)), frozenset((book.id,))) in self.refused

    def _break(
        self,
        kind: BreakKind,
        line_id: str,
        difference_minor: int,
        currency: str,
        reason: str,
        candidates: tuple[str, ...] = (),
        claimants: tuple[str, ...] = (),
    ) -> None:
        version = self.rules.version
        self.breaks.append(Break(kind, line_id, difference_minor, currency, reason, version, candidates, claimants))


Stage = Callable[[Pool], None]


def exact_reference(pool: Pool) -> None:
    """Stage 1: the same account, currency, amount and reference."""
    for banks, books, reference in _referred(pool, lambda line: (line.account_id, line.currency, line.amount_minor)):
        if len(banks) == len(books) == 1:
            days = abs((banks[0].posted_on - books[0].posted_on).days)
            reason = f"Same reference {reference}, same amount {_money(banks[0])}, {_apart(days)}."
            pool.match(banks[0], books[0], "exact_reference", 1000, reason)
        else:
            pool.contest(banks, books, f"the reference {reference} and the amount {_money(banks[0])}")


def same_reference_other_amount(pool: Pool) -> None:
    """Stage 2: the same reference with another amount is a break, never a match: the tolerance is zero."""
    for banks, books, reference in _referred(pool, lambda line: (line.account_id, line.currency)):
        if len(banks) == len(books) == 1:
            pool.differ(banks[0], books[0], reference)
        else:
            pool.contest(banks, books, f"the reference {reference} with different amounts")


def amount_and_date(pool: Pool) -> None:
    """Stage 3: the same account, currency and amount within the date window, where the answer is unique both ways."""
    window = pool.rules.date_window_days
    candidates: dict[tuple[str, str, int], list[BookLine]] = defaultdict(list)
    for book in in_order(pool.books):
        candidates[book.account_id, book.currency, book.amount_minor].append(book)
    claimants: dict[tuple[str, str, int], list[BankLine]] = defaultdict(list)
    for bank in in_order(pool.bank):
        key = (bank.account_id, bank.currency, bank.amount_minor)
        if key in candidates:
            claimants[key].append(bank)
    for key, banks in claimants.items():
        for near_banks, near_books in near(banks, candidates[key], window):
            _settle_by_date(pool, near_banks, near_books)


STAGES: tuple[Stage, ...] = (exact_reference, same_reference_other_amount, amount_and_date)


def _settle_by_date(pool: Pool, banks: list[BankLine], books: list[BookLine]) -> None:
    window = pool.rules.date_window_days
    if len(banks) == len(books) == 1:
        days = abs((banks[0].posted_on - books[0].posted_on).days)
        score = 900 - min(days, 40) * 10
        reason = (
            f"Same amount {_money(banks[0])}, {_apart(days)}; no other line of this amount stands within "
            f"{_many(window, 'day')} of either."
        )
        pool.match(banks[0], books[0], "amount_and_date", score, reason)
    else:
        pool.contest(banks, books, f"the amount {_money(banks[0])} within {_many(window, 'day')}")


def _referred(pool: Pool, alike: Callable[[BankLine | BookLine], Key]) -> list[Group]:
    return by_reference(in_order(pool.bank), in_order(pool.books), alike)


def in_order(lines: Mapping[str, L]) -> list[L]:
    """Sort lines by date, then by id, so that every run gives the same answer."""
    return sorted(lines.values(), key=lambda line: (line.posted_on, line.id))


def _money(line: BankLine | BookLine) -> str:
    return str(Money(line.amount_minor, line.currency))


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _apart(days: int) -> str:
    return "on the same day" if days == 0 else f"{_many(days, 'day')} apart"
