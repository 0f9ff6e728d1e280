"""Match bank lines with book lines, one to one, each with its reason. Pure: no Django, no clock, no chance.

The stages run in order over what is left; a stage takes lines out only as a match or as a break. Two equally good
answers are never decided here: they become a break that lists them. The result does not depend on the order of the
input, and no line is used twice.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from coverpay.kernel.money import Money


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
    `claimants` all bank lines, itself included, that claim the same ones. `difference_minor` is signed: the bank less the books.
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


@dataclass(slots=True)
class Pool:
    """The lines still without an answer, and the answers so far."""

    rules: MatchRules
    bank: dict[str, BankLine]
    books: dict[str, BookLine]
    matches: list[Match] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)

    def match(self, bank: BankLine, book: BookLine, stage: str, score: int, reason: str) -> None:
        del self.bank[bank.id], self.books[book.id]
        compared = (
            ("amount_minor", str(bank.amount_minor), str(book.amount_minor)),
            ("currency", bank.currency, book.currency),
            ("posted_on", bank.posted_on.isoformat(), book.posted_on.isoformat()),
            ("reference", ", ".join(bank.references), book.reference),
        )
        self.matches.append(Match(bank.id, book.id, stage, score, reason, compared, self.rules.version))

    def contest(self, banks: Iterable[BankLine], books: Iterable[BookLine], common: str) -> None:
        """Set aside lines that claim each other in more than one way: one break for each bank line."""
        claimants = tuple(sorted(bank.id for bank in banks))
        candidates = tuple(sorted(book.id for book in books))
        reason = (
            f"{_many(len(claimants), 'bank line')} and {_many(len(candidates), 'book line')} share {common}; "
            "more than one pairing is equally good, so a person decides."
        )
        for id in claimants:
            bank = self.bank.pop(id)
            self._break(BreakKind.AMBIGUOUS, id, 0, bank.currency, reason, candidates, claimants)
        for id in candidates:
            del self.books[id]

    def differ(self, bank: BankLine, book: BookLine, reference: str) -> None:
        """Set aside a pair of one reference and two amounts."""
        del self.bank[bank.id], self.books[book.id]
        difference = bank.amount_minor - book.amount_minor
        reason = (
            f"Both carry the reference {reference}, but the bank says {_money(bank)} and the books {_money(book)}; "
            f"the difference is {Money(difference, bank.currency)}."
        )
        self._break(
            BreakKind.AMOUNT_DIFFERS,
            bank.id,
            difference,
            bank.currency,
            reason,
            (book.id,),
        )

    def bank_only(self, bank: BankLine) -> None:
        reason = f"The bank shows {_money(bank)} on {bank.posted_on}; no book line answers to it."
        self._break(BreakKind.BANK_ONLY, bank.id, bank.amount_minor, bank.currency, reason)

    def books_only(self, book: BookLine, cut: dt.date) -> None:
        reason = f"The books show {_money(book)} on {book.posted_on}; the bank's statements up to {cut} do not."
        self._break(BreakKind.BOOKS_ONLY, book.id, -book.amount_minor, book.currency, reason)

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
        self.breaks.append(
            Break(
                kind,
                line_id,
                difference_minor,
                currency,
                reason,
                version,
                candidates,
                claimants,
            )
        )


_SEPARATORS = re.compile(r"[\W_]+")

Stage = Callable[[Pool], None]
Key = tuple[str | int, ...]
L = TypeVar("L", BankLine, BookLine)


def match(
    bank_lines: Iterable[BankLine],
    book_lines: Iterable[BookLine],
    rules: MatchRules,
    cuts: Mapping[str, dt.date] | None = None,
) -> MatchResult:
    """Match what can be matched for sure; everything else becomes a break.

    Takes:  lines without a live match; `cuts` is the last day each account's statements cover. Without it the
            account's latest bank line stands in. Bank lines of zero move no money and need no partner.
    Gives:  matches and breaks, each in the order of their line ids. A book line posted on or after the cut (less the
            days in transit) may still be on its way: neither match nor break.
    Raises: ValueError when an id comes twice.
    """
    bank, books = _by_id(bank_lines), _by_id(book_lines)
    pool = Pool(rules, {id: line for id, line in bank.items() if line.amount_minor}, books)
    for stage in STAGES:
        stage(pool)
    _leave_over(pool, _cuts(bank.values()) if cuts is None else cuts)
    return MatchResult(
        tuple(sorted(pool.matches, key=lambda match: match.bank_line_id)),
        tuple(sorted(pool.breaks, key=lambda found: (found.line_id, found.kind))),
    )


def exact_reference(pool: Pool) -> None:
    """Stage 1: the same account, currency, amount and reference."""
    for banks, books, reference in _by_reference(
        pool, lambda line: (line.account_id, line.currency, line.amount_minor)
    ):
        if len(banks) == len(books) == 1:
            days = abs((banks[0].posted_on - books[0].posted_on).days)
            reason = f"Same reference {reference}, same amount {_money(banks[0])}, {_apart(days)}."
            pool.match(banks[0], books[0], "exact_reference", 1000, reason)
        else:
            pool.contest(banks, books, f"the reference {reference} and the amount {_money(banks[0])}")


def same_reference_other_amount(pool: Pool) -> None:
    """Stage 2: the same reference with another amount is a break, never a match: the tolerance is zero."""
    for banks, books, reference in _by_reference(pool, lambda line: (line.account_id, line.currency)):
        if len(banks) == len(books) == 1:
            pool.differ(banks[0], books[0], reference)
        else:
            pool.contest(banks, books, f"the reference {reference} with different amounts")


def amount_and_date(pool: Pool) -> None:
    """Stage 3: the same account, currency and amount within the date window, where the answer is unique both ways."""
    window = pool.rules.date_window_days
    candidates: dict[tuple[str, str, int], list[BookLine]] = defaultdict(list)
    for book in _in_order(pool.books):
        candidates[book.account_id, book.currency, book.amount_minor].append(book)
    claimants: dict[tuple[str, str, int], list[BankLine]] = defaultdict(list)
    for bank in _in_order(pool.bank):
        key = (bank.account_id, bank.currency, bank.amount_minor)
        if key in candidates:
            claimants[key].append(bank)
    for key, banks in claimants.items():
        for near_banks, near_books in _near(banks, candidates[key], window):
            _settle_by_date(pool, near_banks, near_books)


STAGES: tuple[Stage, ...] = (
    exact_reference,
    same_reference_other_amount,
    amount_and_date,
)


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


def normal(reference: str) -> str:
    """Spell a reference as banks do: capitals and digits only. Nothing but zeros is no reference."""
    spelled = _SEPARATORS.sub("", reference.upper())
    return spelled if spelled.strip("0") else ""


def _by_reference(
    pool: Pool, alike: Callable[[BankLine | BookLine], Key]
) -> list[tuple[list[BankLine], list[BookLine], str]]:
    """Gather lines that share a reference and are otherwise `alike` into groups, each with its first reference.

    A bank line may give several references and so tie several sets of book lines together. A group of one and one is
    a pair that nobody else claims.
    """
    claims: dict[Key, list[BookLine]] = defaultdict(list)
    for book in _in_order(pool.books):
        if spelled := normal(book.reference):
            claims[(spelled, *alike(book))].append(book)
    groups = _Groups()
    edges: list[tuple[BankLine, Key]] = []
    for bank in _in_order(pool.bank):
        for spelled in sorted({normal(reference) for reference in bank.references}):
            key = (spelled, *alike(bank))
            if key in claims:
                edges.append((bank, key))
                groups.join((bank.id,), key)
    found: dict[Key, tuple[dict[str, BankLine], dict[Key, list[BookLine]]]] = {}
    for bank, key in edges:
        banks, books = found.setdefault(groups.leader(key), ({}, {}))
        banks[bank.id] = bank
        books[key] = claims[key]
    return [
        (list(banks.values()), [book for some in books.values() for book in some], str(next(iter(books))[0]))
        for banks, books in found.values()
    ]


class _Groups:
    """What hangs together: nodes joined one pair at a time, each group known by one of its nodes."""

    def __init__(self) -> None:
        self._above: dict[Key, Key] = {}

    def leader(self, node: Key) -> Key:
        above = self._above
        while (next_up := above.setdefault(node, node)) != node:
            above[node] = above[next_up]
            node = next_up
        return node

    def join(self, one: Key, other: Key) -> None:
        self._above[self.leader(one)] = self.leader(other)


def _near(banks: list[BankLine], books: list[BookLine], window: int) -> Iterator[tuple[list[BankLine], list[BookLine]]]:
    """Split lines of one amount into groups connected by dates at most `window` days apart; one side alone is left out.

    Both lists are sorted by date. A bank line reaches a run of neighbouring book lines, so groups are runs as well.
    """
    reach: list[tuple[int, int]] = []
    low = high = 0
    for bank in banks:
        while low < len(books) and (bank.posted_on - books[low].posted_on).days > window:
            low += 1
        high = max(high, low)
        while high < len(books) and (books[high].posted_on - bank.posted_on).days <= window:
            high += 1
        reach.append((low, high))
    group: list[BankLine] = []
    start = end = 0
    for bank, (low, high) in zip(banks, reach, strict=True):
        if group and low >= end:
            yield group, books[start:end]
            group = []
        if low < high:
            start = start if group else low
            end = high
            group.append(bank)
    if group:
        yield group, books[start:end]


def _leave_over(pool: Pool, cuts: Mapping[str, dt.date]) -> None:
    for bank in _in_order(pool.bank):
        pool.bank_only(bank)
    transit = dt.timedelta(days=pool.rules.transit_days)
    for book in _in_order(pool.books):
        cut = cuts.get(book.account_id)
        if cut is not None and book.posted_on + transit < cut:
            pool.books_only(book, cut)


def _cuts(bank_lines: Iterable[BankLine]) -> dict[str, dt.date]:
    latest: dict[str, dt.date] = {}
    for line in bank_lines:
        latest[line.account_id] = max(line.posted_on, latest.get(line.account_id, line.posted_on))
    return latest


def _by_id(lines: Iterable[L]) -> dict[str, L]:
    found: dict[str, L] = {}
    for line in lines:
        if line.id in found:
            raise ValueError(f"line {line.id} was given twice")
        found[line.id] = line
    return found


def _in_order(lines: Mapping[str, L]) -> list[L]:
    return sorted(lines.values(), key=lambda line: (line.posted_on, line.id))


def _money(line: BankLine | BookLine) -> str:
    return str(Money(line.amount_minor, line.currency))


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _apart(days: int) -> str:
    return "on the same day" if days == 0 else f"{_many(days, 'day')} apart"
