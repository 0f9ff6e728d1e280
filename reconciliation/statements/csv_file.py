"""Read CSV bank statements by a column map, which a person makes once for a bank and looks at in a preview.

A running balance proves the file row by row. Without that column the person gives the opening and closing balances
as the bank shows them, and the lines must come from one to the other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from coverpay.kernel.money import EXPONENTS
from reconciliation.statements import csv_rows
from reconciliation.statements.base import (
    UNNAMED_BANK,
    Format,
    ParsedFile,
    ParsedLine,
    ParsedStatement,
    Problem,
    Problems,
    Proof,
    finish,
    prove,
)
from reconciliation.statements.csv_columns import Cell, Row, amount_of, date_of, signed_of
from reconciliation.statements.csv_rows import Column


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column means what, and how its figures are written.

    Either `amount` (signed; in brackets or with a minus is out) or `debit` and `credit`. `skip` rows stand before the
    headings, or before the first row when there are none. `newest_first` banks list the latest movement on top.
    """

    account_identifier: str
    currency: str
    date: Column
    amount: Column | None = None
    debit: Column | None = None
    credit: Column | None = None
    description: tuple[Column, ...] = ()
    reference: Column | None = None
    bank_reference: Column | None = None
    payer: Column | None = None
    balance: Column | None = None
    bank_id: str = UNNAMED_BANK
    date_format: str = "%Y-%m-%d"
    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    headings: bool = True
    skip: int = 0
    newest_first: bool = False
    amount_is_out: bool = False
    """The bank writes what goes out as positive."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a person reads off the bank's own page, for files without a running balance."""

    opening_minor: int | None = None
    closing_minor: int | None = None
    as_of: dt.date | None = None


NOTHING_GIVEN = Given()


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows as they would be read, and every problem of the whole file."""

    headings: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    lines: tuple[ParsedLine, ...]
    line_count: int
    as_of: dt.date | None
    opening_minor: int | None
    closing_minor: int | None
    proof: Proof | None
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Read:
    headings: tuple[str, ...] = ()
    cells: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[ParsedLine] = field(default_factory=list)
    balances: list[int | None] = field(default_factory=list)


def parse(content: bytes, columns: ColumnMap, given: Given = NOTHING_GIVEN) -> ParsedFile:
    """Read a CSV file. Never raises on content or on a map that does not fit: both are problems with their places."""
    problems = Problems()
    read = _read(content, columns, problems)
    return finish(Format.CSV, _statements(read, columns, given, problems), problems)


def preview(content: bytes, columns: ColumnMap, given: Given = NOTHING_GIVEN, *, rows: int = 20) -> Preview:
    """Show what a map makes of a file, for a person to judge before it is used."""
    problems = Problems()
    read = _read(content, columns, problems)
    statements = _statements(read, columns, given, problems)
    parsed = finish(Format.CSV, statements, problems)
    statement = statements[0] if statements else None
    return Preview(
        headings=read.headings,
        cells=tuple(read.cells[:rows]),
        lines=tuple(read.lines[:rows]),
        line_count=len(read.lines),
        as_of=statement.as_of if statement else None,
        opening_minor=statement.opening_minor if statement else None,
        closing_minor=statement.closing_minor if statement else None,
        proof=prove(statement) if statement else None,
        problems=parsed.problems,
    )


def _read(content: bytes, columns: ColumnMap, problems: Problems) -> _Read:
    """Read the rows in the order of time; a file that cannot be cut into rows gives none (then reported)."""
    read = _Read()
    if not _map_is_sound(columns, problems):
        return read
    text = csv_rows.decode(content, columns.encoding, problems)
    if text is None:
        return read
    rows = csv_rows.rows(text, columns, problems)
    if columns.headings:
        top = next(rows, None)
        read.headings = tuple(top.values) if top is not None else ()
    found = csv_rows.places(_wanted(columns), read.headings, problems)
    if found is None:
        return read
    for row in rows:
        read.cells.append(tuple(row.values))
        line = _line(row, columns, found, problems)
        if line is not None:
            read.lines.append(line)
            read.balances.append(_balance(row, columns, found, problems))
    if columns.newest_first:
        read.lines.reverse()
        read.balances.reverse()
    return read


def faults(columns: ColumnMap) -> list[tuple[str, str]]:
    """What no file could be read with: the name of the map's field, and why."""
    wrong = csv_rows.faults(columns)
    if columns.currency not in EXPONENTS:
        wrong.append(("currency", f"{columns.currency[:10]!r} is no currency we keep books in."))
    if not columns.account_identifier:
        wrong.append(("account_identifier", "The map names no account."))
    if (columns.amount is None) == (columns.debit is None or columns.credit is None):
        wrong.append(("amount", "The map needs either an amount, or both a debit and a credit."))
    return wrong


def _map_is_sound(columns: ColumnMap, problems: Problems) -> bool:
    wrong = faults(columns)
    for _, message in wrong:
        problems.add(1, 1, "bad_map", message)
    return not wrong


def _wanted(columns: ColumnMap) -> list[Column | None]:
    named = (columns.date, columns.amount, columns.debit, columns.credit, columns.reference, columns.bank_reference)
    return [*named, columns.payer, columns.balance, *columns.description]


def _line(row: Row, columns: ColumnMap, found: dict[Column, int], problems: Problems) -> ParsedLine | None:
    """Read one row; None when it has no date or amount to read (then reported)."""

    def cell(column: Column) -> Cell:
        return Cell(row, found[column], problems)

    posted = date_of(cell(columns.date), columns.date_format)
    signs = (columns.decimal, columns.thousands)
    if columns.amount is not None:
        value = signed_of(cell(columns.amount), columns.currency, signs)
        value = -value if value is not None and columns.amount_is_out else value
    elif columns.debit is not None and columns.credit is not None:
        value = amount_of(cell(columns.debit), cell(columns.credit), columns.currency, signs)
    else:
        return None
    if posted is None or value is None:
        return None
    return ParsedLine(
        line=row.line,
        posted_on=posted,
        value_date=None,
        amount_minor=value,
        type_code="",
        bank_reference=cell(columns.bank_reference).text if columns.bank_reference is not None else "",
        customer_reference=cell(columns.reference).text if columns.reference is not None else "",
        text="\n".join(text for column in columns.description if (text := cell(column).text)),
        payer=cell(columns.payer).text if columns.payer is not None else "",
    )


def _balance(row: Row, columns: ColumnMap, found: dict[Column, int], problems: Problems) -> int | None:
    if columns.balance is None:
        return None
    cell = Cell(row, found[columns.balance], problems)
    return signed_of(cell, columns.currency, (columns.decimal, columns.thousands))


def _statements(read: _Read, columns: ColumnMap, given: Given, problems: Problems) -> list[ParsedStatement]:
    """Make the one statement of the file; none without lines or when its day is not known."""
    opening, closing = given.opening_minor, given.closing_minor
    if columns.balance is not None and read.lines:
        opening, closing = _proved(read, given, problems)
    as_of = given.as_of or max((line.posted_on for line in read.lines), default=None)
    if as_of is None:
        return []
    _check_order(read.lines, as_of, problems)
    places = [line.line for line in read.lines] or [1]
    return [
        ParsedStatement(
            columns.account_identifier,
            columns.bank_id,
            columns.currency,
            as_of,
            opening,
            closing,
            tuple(read.lines),
            min(places),
            max(places),
        )
    ]


def _proved(read: _Read, given: Given, problems: Problems) -> tuple[int | None, int | None]:
    """Hold every row against the running balance, and the ends against what the person gave."""
    before: int | None = None
    for line, balance in zip(read.lines, read.balances, strict=True):
        if balance is not None and before is not None and before + line.amount_minor != balance:
            message = f"The balance before was {before} in minor units; with {line.amount_minor} it is not {balance}."
            problems.add(line.line, 1, "running_balance", message)
        before = balance
    first, last = read.balances[0], read.balances[-1]
    opening = None if first is None else first - read.lines[0].amount_minor
    for name, stated, found in (("opening", given.opening_minor, opening), ("closing", given.closing_minor, last)):
        if stated is not None and stated != found:
            message = f"The {name} balance you gave is {stated} in minor units, the file comes to {found}."
            problems.add(read.lines[0].line, 1, "balances_differ", message)
    return opening, last


def _check_order(lines: Sequence[ParsedLine], as_of: dt.date, problems: Problems) -> None:
    """Report days that go backwards (the wrong order in the map, or rows mixed up) and days after the statement's."""
    last: ParsedLine | None = None
    for line in lines:
        if last is not None and line.posted_on < last.posted_on:
            problems.add(line.line, 1, "order", f"{line.posted_on} stands after {last.posted_on}; is the order right?")
        if line.posted_on > as_of:
            problems.add(line.line, 1, "after_the_day", f"The row is of {line.posted_on}, after {as_of}.")
        last = line
