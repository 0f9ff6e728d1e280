"""What every statement format is read into, and the proof that every format must pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from coverpay.kernel.money import Money

LONGEST_IDENTIFIER = 40
LONGEST_REFERENCE = 120
LONGEST_TYPE_CODE = 12
UNNAMED_BANK = "unnamed"
"""The bank of files that name none; set the bank account up with this name."""


class Format(StrEnum):
    """The statement formats we read."""

    BAI2 = "bai2"
    CAMT053 = "camt053"
    CAMT054 = "camt054"
    MT940 = "mt940"
    OFX = "ofx"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason not to trust a file. Lines and columns count from 1, in characters; `code` is stable."""

    line: int
    column: int
    code: str
    message: str


class Availability(NamedTuple):
    """When the bank makes the money usable; says nothing about whether it is ours.

    `distribution` holds (days from the posting date, amount in minor units); an empty `funds_type` is "not said".
    """

    funds_type: str = ""
    value_date: dt.date | None = None
    value_time: str = ""
    distribution: tuple[tuple[int, int], ...] = ()


NOT_SAID = Availability()


class ParsedLine(NamedTuple):
    """One movement on the account; `amount_minor` is positive when money came in. `line` is its place in the file.

    `payer` is the other party's name where the format has a place for it; free text is no such place.
    """

    line: int
    posted_on: dt.date
    value_date: dt.date | None
    amount_minor: int
    type_code: str
    bank_reference: str
    customer_reference: str
    text: str
    availability: Availability = NOT_SAID
    payer: str = ""


@dataclass(frozen=True, slots=True)
class ParsedStatement:
    """One account's statement for one day, as the bank reported it; balances are None where the file has none."""

    account_identifier: str
    bank_id: str
    currency: str
    as_of: dt.date
    opening_minor: int | None
    closing_minor: int | None
    lines: tuple[ParsedLine, ...]
    first_line: int
    last_line: int
    opening_reckoned: bool = False
    """The file has no opening balance: it is the closing less the lines, and only the day before can prove it."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A movement that a notification tells of; `line.bank_reference` is the account servicer's own, or empty."""

    line: ParsedLine
    is_booked: bool


@dataclass(frozen=True, slots=True)
class ParsedNotice:
    """One notification about one account: movements without balances, which nothing can prove."""

    account_identifier: str
    bank_id: str
    currency: str
    entries: tuple[Announced, ...]
    first_line: int


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a file holds. With even one problem nothing in it may be booked: it is set aside with all its reasons."""

    format: Format | None
    statements: tuple[ParsedStatement, ...]
    problems: tuple[Problem, ...]
    notices: tuple[ParsedNotice, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Proof:
    """Opening + credits + debits = closing; `difference_minor` is what the closing balance has too much."""

    opening_minor: int
    credits_minor: int
    debits_minor: int
    closing_minor: int

    @property
    def expected_closing_minor(self) -> int:
        return self.opening_minor + self.credits_minor + self.debits_minor

    @property
    def difference_minor(self) -> int:
        return self.closing_minor - self.expected_closing_minor


class Problems:
    """The problems met so far; past `LIMIT` only their number is kept, so that a hostile file cannot fill memory."""

    LIMIT = 1000

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self._seen = 0

    def add(self, line: int, column: int, code: str, message: str) -> None:
        self._seen += 1
        if self._seen <= self.LIMIT:
            self._kept.append(Problem(line, column, code, message))

    def __bool__(self) -> bool:
        return bool(self._seen)

    def all(self) -> tuple[Problem, ...]:
        """Give the problems in the order of the file, with a closing note when some were only counted."""
        ordered = sorted(self._kept, key=lambda problem: (problem.line, problem.column))
        if self._seen > self.LIMIT:
            more = self._seen - self.LIMIT
            ordered.append(Problem(0, 0, "too_many_problems", f"{more} more problems were found and not listed."))
        return tuple(ordered)


def prove(statement: ParsedStatement) -> Proof | None:
    """Add up a statement; None when it has no opening or no closing balance to add up to."""
    if statement.opening_minor is None or statement.closing_minor is None:
        return None
    amounts = [line.amount_minor for line in statement.lines]
    return Proof(
        opening_minor=statement.opening_minor,
        credits_minor=sum(amount for amount in amounts if amount > 0),
        debits_minor=sum(amount for amount in amounts if amount < 0),
        closing_minor=statement.closing_minor,
    )


def finish(format: Format, statements: Sequence[ParsedStatement], problems: Problems) -> ParsedFile:
    """Hold every statement against the rules that all formats share, and close the file.

    Zero tolerance: a closing balance that differs by one minor unit either way is a problem, so is a missing balance,
    a file without statements, the same account and day twice, and a name or reference longer than any we keep.
    """
    if not statements and not problems:
        problems.add(1, 1, "no_statements", "The file holds no account statement.")
    for statement in statements:
        _check_balances(statement, problems)
        _check_names(statement, problems)
        _check_lengths(statement.lines, problems)
    _check_repeats(statements, problems)
    return ParsedFile(format, tuple(statements), problems.all())


def finish_notices(format: Format, notices: Sequence[ParsedNotice], problems: Problems) -> ParsedFile:
    """Close a file of notifications: it needs one, and the lengths that every format keeps."""
    if not notices and not problems:
        problems.add(1, 1, "no_notices", "The file holds no notification.")
    for notice in notices:
        _check_names(notice, problems)
        _check_lengths([entry.line for entry in notice.entries], problems)
    return ParsedFile(format, (), problems.all(), tuple(notices))


def _check_balances(statement: ParsedStatement, problems: Problems) -> None:
    for name, value in (("opening", statement.opening_minor), ("closing", statement.closing_minor)):
        if value is None:
            problems.add(
                statement.first_line,
                1,
                f"{name}_missing",
                f"Account {statement.account_identifier} on {statement.as_of} has no {name} ledger balance.",
            )
    proof = prove(statement)
    if proof is not None and proof.difference_minor:

        def said(amount_minor: int) -> str:
            return str(Money(amount_minor, statement.currency)).partition(" ")[0]

        problems.add(
            statement.first_line,
            1,
            "does_not_tie",
            f"Account {statement.account_identifier} on {statement.as_of}: opening {said(proof.opening_minor)} "
            f"+ credits {said(proof.credits_minor)} + debits {said(proof.debits_minor)} "
            f"= {said(proof.expected_closing_minor)}, but closing is {said(proof.closing_minor)}; "
            f"the difference is {said(proof.difference_minor)} {statement.currency}.",
        )


def _check_names(stated: ParsedStatement | ParsedNotice, problems: Problems) -> None:
    for name in (stated.account_identifier, stated.bank_id):
        if len(name) > LONGEST_IDENTIFIER:
            message = f"{name[:30]}... is longer than {LONGEST_IDENTIFIER} characters."
            problems.add(stated.first_line, 1, "identifier_too_long", message)


def _check_lengths(lines: Iterable[ParsedLine], problems: Problems) -> None:
    for line in lines:
        if len(line.bank_reference) > LONGEST_REFERENCE or len(line.customer_reference) > LONGEST_REFERENCE:
            message = f"A reference is longer than {LONGEST_REFERENCE} characters."
            problems.add(line.line, 1, "reference_too_long", message)


def _check_repeats(statements: Iterable[ParsedStatement], problems: Problems) -> None:
    first_seen: dict[tuple[str, str, str, dt.date], ParsedStatement] = {}
    for statement in statements:
        key = (statement.bank_id, statement.account_identifier, statement.currency, statement.as_of)
        first = first_seen.setdefault(key, statement)
        if first is not statement:
            problems.add(
                statement.first_line,
                1,
                "statement_repeated",
                f"Account {statement.account_identifier} on {statement.as_of} was already stated from line "
                f"{first.first_line}.",
            )
