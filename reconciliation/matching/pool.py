"""The lines of one account and currency that are still without an answer, and the answers so far."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from reconciliation.matching import fees
from reconciliation.matching.items import Item
from reconciliation.matching.lines import (
    BankLine,
    BookLine,
    Break,
    BreakKind,
    FeeTerm,
    Match,
    MatchRules,
    Suggestion,
    Tell,
)
from reconciliation.matching.names import Parties
from reconciliation.matching.words import many, money, money_of, sides

L = TypeVar("L", BankLine, BookLine)
Grouping = tuple[frozenset[str], frozenset[str]]
"""Which bank lines and which book lines were one match."""


@dataclass(slots=True)
class Pool:
    """Lines to be answered. A stage takes lines out only as a match or as a break.

    `items` is what was worked out of both sides when a stage first needed it; lines matched since are still in it.
    `doubtful` are pairs that a later stage weighs against its own answers, `contested` what was set aside as ambiguous;
    `notes` say why a bank line stayed.
    """

    rules: MatchRules
    bank: dict[str, BankLine]
    books: dict[str, BookLine]
    refused: frozenset[Grouping] = frozenset()
    parties: Parties = field(default_factory=Parties)
    matches: list[Match] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    items: tuple[list[Item], list[Item]] | None = None
    doubtful: list[Match] = field(default_factory=list)
    contested: list[tuple[list[BankLine], list[BookLine]]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def match(
        self, banks: Sequence[BankLine], books: Sequence[BookLine], stage: str, score: int, tell: Tell, fact: str
    ) -> bool:
        """Take out lines that are sure to be the same money, unless a person took exactly these apart before."""
        if self.is_refused(banks, books):
            return False
        for bank in banks:
            del self.bank[bank.id]
        for book in books:
            del self.books[book.id]
        self.matches.append(Match(tuple(banks), tuple(books), stage, score, self.rules.version, tell, fact))
        return True

    def match_pair(self, bank: BankLine, book: BookLine, stage: str, score: int, tell: Tell, fact: str) -> None:
        """Take out one line and one line, as `match` does."""
        if self.refused and self.is_refused((bank,), (book,)):
            return
        del self.bank[bank.id], self.books[book.id]
        self.matches.append(Match((bank,), (book,), stage, score, self.rules.version, tell, fact))

    def contest(self, banks: Iterable[BankLine], books: Iterable[BookLine], why: str) -> None:
        """Set aside lines that claim each other in more than one way: one break for each bank line."""
        banks = sorted(banks, key=lambda line: line.id)
        books = sorted(books, key=lambda line: line.id)
        claimants, candidates = tuple(line.id for line in banks), tuple(line.id for line in books)
        reason = f"{sides(banks, books).capitalize()} {why}; more than one answer is equally good, so a person decides."
        for bank in banks:
            del self.bank[bank.id]
            self._break(BreakKind.AMBIGUOUS, bank, 0, reason, candidates, claimants)
        for book in books:
            del self.books[book.id]
        self.contested.append((banks, books))

    def differ(self, bank: BankLine, books: Sequence[BookLine], reference: str) -> None:
        """Set aside a bank line and the book lines of its reference that come to another amount.

        Never a match: the break says whether the fee terms explain the difference, or the tolerance covers it.
        """
        if self.is_refused((bank,), books):
            return
        total = sum(book.amount_minor for book in books)
        difference = bank.amount_minor - total
        terms = fees.explained(self.rules.fee_terms, bank, books)
        kind = BreakKind.FEE_TAKEN if terms else BreakKind.AMOUNT_DIFFERS
        said = "Both carry" if len(books) == 1 else f"The bank line and {many(len(books), 'book line')} carry"
        reason = (
            f"{said} the reference {reference}, but the bank says {money(bank)} and the books {money_of(total, bank)}; "
            f"the difference is {money_of(difference, bank)}.{self._proposal(bank, difference, terms)}"
        )
        del self.bank[bank.id]
        for book in books:
            del self.books[book.id]
        claimants = (bank.id,) if terms or len(books) > 1 else ()
        self._break(kind, bank, difference, reason, tuple(sorted(book.id for book in books)), claimants)

    def _proposal(self, bank: BankLine, difference: int, terms: Sequence[FeeTerm]) -> str:
        if terms:
            names = " and ".join(term.name for term in terms)
            return f" It is exactly the fee by the terms {names}: post {money_of(-difference, bank)} as a fee."
        if abs(difference) <= self.rules.amount_tolerance_minor:
            within = money_of(self.rules.amount_tolerance_minor, bank)
            side = "cost" if difference < 0 else "income"
            return f" It is within the tolerance of {within}: post {money_of(abs(difference), bank)} as {side}."
        return ""

    def bank_only(self, bank: BankLine) -> None:
        why = self.notes.get(bank.id, "no book line answers to it.")
        reason = f"The bank shows {money(bank)} on {bank.posted_on}; {why}"
        self._break(BreakKind.BANK_ONLY, bank, bank.amount_minor, reason)

    def books_only(self, book: BookLine, cut: dt.date) -> None:
        reason = f"The books show {money(book)} on {book.posted_on}; the bank's statements up to {cut} do not."
        self._break(BreakKind.BOOKS_ONLY, book, -book.amount_minor, reason)

    def is_refused(self, banks: Iterable[BankLine], books: Iterable[BookLine]) -> bool:
        """Tell whether a person took exactly this grouping apart."""
        if not self.refused:
            return False
        return (frozenset(line.id for line in banks), frozenset(line.id for line in books)) in self.refused

    def _break(
        self,
        kind: BreakKind,
        line: BankLine | BookLine,
        difference_minor: int,
        reason: str,
        candidates: tuple[str, ...] = (),
        claimants: tuple[str, ...] = (),
    ) -> None:
        version = self.rules.version
        self.breaks.append(
            Break(kind, line.id, difference_minor, line.currency, reason, version, candidates, claimants)
        )


def in_order(lines: Mapping[str, L]) -> list[L]:
    """Sort lines by date, then by id, so that every run gives the same answer."""
    return sorted(lines.values(), key=lambda line: (line.posted_on, line.id))
