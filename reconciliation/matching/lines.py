"""What goes into matching and what comes out of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class BankLine:
    """A movement the bank reports; positive came in. `references` are all the bank gives, in any spelling."""

    id: str
    account_id: str
    amount_minor: int
    currency: str
    posted_on: dt.date
    references: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class BookLine:
    """A cash line of our ledger; positive (debit) came in. `reference` is what a statement should show for it."""

    id: str
    account_id: str
    amount_minor: int
    currency: str
    posted_on: dt.date
    reference: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class MatchRules:
    """The versioned rules of a run.

    `date_window_days` is how far apart two lines of the same amount may stand to be the same money without a common
    reference; `transit_days` is how long money may be under way before a book line without partner is a break.
    """

    version: str
    date_window_days: int = 3
    transit_days: int = 0


class BreakKind(StrEnum):
    BANK_ONLY = "bank_only"
    BOOKS_ONLY = "books_only"
    AMOUNT_DIFFERS = "amount_differs"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Match:
    """One bank line and one book line that are the same money. `compared` holds (what, bank's value, books' value)."""

    bank_line_id: str
    book_line_id: str
    stage: str
    score: int
    reason: str
    compared: tuple[tuple[str, str, str], ...]
    rule_version: str


@dataclass(frozen=True, slots=True)
class Break:
    """A line without a sure partner.

    `line_id` is the bank line, or the book line of a `books_only`. `candidates` are the book lines it might be,
    `claimants` all bank lines, itself included, that claim the same ones. `difference_minor` is signed: the bank
    less the books.
    """

    kind: BreakKind
    line_id: str
    difference_minor: int
    currency: str
    reason: str
    rule_version: str
    candidates: tuple[str, ...] = ()
    claimants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchResult:
    matches: tuple[Match, ...]
    breaks: tuple[Break, ...]
