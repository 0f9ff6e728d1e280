"""What goes into matching and what comes out of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class BankLine:
    """A movement the bank reports; positive came in.

    `references` are all the bank gives, in any spelling; `payer` is what it writes for the other party, if anything.
    """

    id: str
    account_id: str
    amount_minor: int
    currency: str
    posted_on: dt.date
    references: tuple[str, ...] = ()
    text: str = ""
    payer: str = ""


@dataclass(frozen=True, slots=True)
class BookLine:
    """A cash line of our ledger; positive (debit) came in.

    `reference` is what a statement should show for it; `party` is the name or id of who paid or was paid, if known.
    """

    id: str
    account_id: str
    amount_minor: int
    currency: str
    posted_on: dt.date
    reference: str = ""
    subject: str = ""
    party: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """A spelling learnt from a confirmed pair: when the bank writes `normal_text`, it means `party`."""

    normal_text: str
    party: str


@dataclass(frozen=True, slots=True)
class FeeTerm:
    """What a bank or processor keeps back: a share in millionths and a fixed amount.

    `per` says whether it is taken of each book line or once of the deposit; each fee is rounded once, by `rounding`.
    A term speaks only of bank lines whose text contains `text_contains`, in any case; empty speaks of all.
    """

    name: str
    text_contains: str = ""
    ppm: int = 0
    fixed_minor: int = 0
    per: str = "line"
    rounding: str = "half_even"


FEE_PER = ("line", "deposit")
FEE_ROUNDING = ("half_even", "half_up", "down")

STAGE_NAMES = (
    "exact_reference",
    "same_reference",
    "amount_and_date",
    "shared_reference",
    "subset_sum",
    "fuzzy_text",
)


@dataclass(frozen=True, slots=True)
class MatchRules:
    """The versioned rules of a run.

    `date_window_days` is how far apart two lines may stand to be the same money without a common reference;
    `transit_days` is how long money may be under way before a book line without partner is a break. A difference
    within `amount_tolerance_minor` is still a break, but one that says so. The bounds of the subset stage are counted
    in lines of one answer, in lines that may be part of one, and in sums looked at; `subset_max_chance_ppm` is how
    probable, in millionths, a sum that fits by accident may be at most.
    """

    version: str
    date_window_days: int = 3
    transit_days: int = 0
    amount_tolerance_minor: int = 0
    fee_terms: tuple[FeeTerm, ...] = ()
    stages: frozenset[str] = frozenset(STAGE_NAMES)
    subset_max_lines: int = 60
    subset_max_candidates: int = 200
    subset_max_nodes: int = 200_000
    subset_max_chance_ppm: int = 200
    fuzzy_threshold: int = 850


class BreakKind(StrEnum):
    BANK_ONLY = "bank_only"
    BOOKS_ONLY = "books_only"
    AMOUNT_DIFFERS = "amount_differs"
    AMBIGUOUS = "ambiguous"
    FEE_TAKEN = "fee_taken"


Compared = tuple[tuple[str, str, str], ...]
Tell = Callable[[Sequence[BankLine], Sequence[BookLine], str], str]
"""Words for a match from its lines and the fact that decided: a reference, a party, a number of days."""


class Match(NamedTuple):
    """Bank lines and book lines that are the same money; both sides come to the same sum.

    Its words are told when they are read, so that a million matches hold no text.
    """

    banks: tuple[BankLine, ...]
    books: tuple[BookLine, ...]
    stage: str
    score: int
    rule_version: str
    tell: Tell
    fact: str

    @property
    def bank_line_ids(self) -> tuple[str, ...]:
        return tuple(line.id for line in self.banks)

    @property
    def book_line_ids(self) -> tuple[str, ...]:
        return tuple(line.id for line in self.books)

    @property
    def reason(self) -> str:
        """Why these lines are the same money."""
        return self.tell(self.banks, self.books, self.fact)

    @property
    def compared(self) -> Compared:
        """What was compared: (what, the bank's value, the books' value)."""
        return compared(self.banks, self.books)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Lines that may be the same money, for a person to confirm; the lines stay open. `score` runs from 0 to 1000."""

    bank_line_ids: tuple[str, ...]
    book_line_ids: tuple[str, ...]
    stage: str
    score: int
    reason: str
    compared: Compared
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
    suggestions: tuple[Suggestion, ...] = ()


LISTED = 20
"""How many values of a side are spelled out."""


def compared(banks: Sequence[BankLine], books: Sequence[BookLine]) -> Compared:
    """Set what the bank says beside what the books say."""
    found = [
        ("amount_minor", _amounts(banks), _amounts(books)),
        ("currency", banks[0].currency, books[0].currency),
        ("posted_on", _days(banks), _days(books)),
        (
            "reference",
            _listed(_once(reference for line in banks for reference in line.references)),
            _listed(_once(line.reference for line in books if line.reference)),
        ),
    ]
    payers, parties = _once(line.payer for line in banks), _once(line.party for line in books)
    if any(payers) or any(parties):
        found.append(("party", _listed(filter(None, payers)), _listed(filter(None, parties))))
    return tuple(found)


def _amounts(lines: Sequence[BankLine] | Sequence[BookLine]) -> str:
    return _listed((str(line.amount_minor) for line in lines), " + ")


def _days(lines: Sequence[BankLine] | Sequence[BookLine]) -> str:
    return _listed(_once(line.posted_on.isoformat() for line in lines))


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _listed(values: Iterable[str], between: str = ", ") -> str:
    every = list(values)
    more = [f"{len(every) - LISTED} more"] if len(every) > LISTED else []
    return between.join(every[:LISTED] + more)
