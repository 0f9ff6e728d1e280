"""Read a file of policies as a stream: every row that can be read, and every problem with its row and column."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

from coverpay.kernel import card_numbers, texts
from coverpay.kernel.card_numbers import CardNumberRefused
from coverpay.kernel.errors import DomainError
from coverpay.kernel.money import Money
from policies.lifecycle import QuoteRequest
from policies.parties import PartyDetails

REQUIRED = ("policy_number", "program", "insured_reference", "insured_name", "state", "effective_on", "expires_on",
            "premium", "plan")  # fmt: skip
OPTIONAL = (
    "insured_email",
    "address_line",
    "city",
    "postal_code",
    "currency",
    "agency_code",
    "bind",
)
KEPT_PROBLEMS = 1000
MAX_LINE_BYTES = 1 << 20
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SURROGATES = re.compile("[\ud800-\udfff]")
_COLUMN_OF_FIELD = {
    "number": "policy_number",
    "reference": "insured_reference",
    "name": "insured_name",
    "email": "insured_email",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one cell or row cannot be imported. Rows count from 1, the header being row 1."""

    row: int
    column: str
    code: str
    message: str


class CellError(DomainError):
    """A cell that cannot be read."""

    status = 422
    code = "unreadable_cell"


@dataclass(frozen=True, slots=True)
class Row:
    """One readable row: what to quote, and whether it is already bound business."""

    number: int
    request: QuoteRequest
    bind: bool


@dataclass(slots=True)
class Tally:
    """What a pass over the file has found so far."""

    rows: int = 0
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, row: int, column: str, code: str, message: str) -> None:
        """Note a problem; what stands in the file is shown short and printable."""
        self.problem_count += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(Problem(row, texts.shown(column, 60), code, texts.shown(message, 300)))

    def join(self, found: list[tuple[int, DomainError]], count: int) -> None:
        """Note what was found for the file as a whole: the first of it by row, and how many there are in all."""
        mine = Tally()
        for row, error in found:
            mine.refuse(row, error)
        self.problem_count += count
        self.problems = sorted(self.problems + mine.problems, key=lambda problem: problem.row)[:KEPT_PROBLEMS]

    def refuse(self, row: int, error: DomainError) -> None:
        """Note what a command refused, by the column that its field came from."""
        named = error.field or ""
        self.add(row, _COLUMN_OF_FIELD.get(named, named), error.code, error.message)


def rows(content: IO[bytes], tally: Tally) -> Iterator[Row]:
    """Every readable row of the file, from its beginning; what cannot be read is noted."""
    records = _records(content, tally)
    _, header = next(records, (1, []))
    if _check_header(header, tally):
        for number, cells in records:
            if any(cells):
                tally.rows += 1
                yield from _row(number, header, cells, tally)


def _records(content: IO[bytes], tally: Tally) -> Iterator[tuple[int, list[str]]]:
    """Every record that is CSV in UTF-8, with its number; what is not becomes a problem, and reading goes on."""
    reader = csv.reader(_lines(content), strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            tally.add(number, "", "not_csv", f"The row cannot be read as CSV: {error}.")
            continue
        if _SURROGATES.search("".join(cells)):
            place = next(place for place, cell in enumerate(cells, start=1) if _SURROGATES.search(cell))
            tally.add(number, "", "not_utf8", f"Cell {place} is not UTF-8 text; save the file as UTF-8.")
            continue
        if card_numbers.find("|".join(cells)) is not None:
            place = next((place for place, cell in enumerate(cells, start=1) if card_numbers.find(cell)), 1)
            tally.add(number, "", CardNumberRefused.code, f"Cell {place} looks like a card number; none belongs here.")
            cells = [card_numbers.masked(cell) for cell in cells]
            if number > 1:
                continue
        yield number, cells


def _lines(content: IO[bytes]) -> Iterator[str]:
    """The lines of the file; bytes that are not UTF-8 become surrogates, which no text may hold."""
    content.seek(0)
    if content.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        content.seek(0)
    while line := content.readline(MAX_LINE_BYTES):
        yield line.decode("utf-8", errors="surrogateescape")


def _check_header(header: list[str], tally: Tally) -> bool:
    for column in REQUIRED:
        if column not in header:
            tally.add(1, column, "missing_column", f"The column {column} is missing.")
    for column in dict.fromkeys(header):
        if column not in REQUIRED + OPTIONAL:
            tally.add(1, column, "unknown_column", f"The column {column!r} is not known; remove it.")
        elif header.count(column) > 1:
            tally.add(1, column, "double_column", f"The column {column} stands twice.")
    return not tally.problem_count


def _row(number: int, header: list[str], cells: list[str], tally: Tally) -> Iterator[Row]:
    if len(cells) != len(header):
        tally.add(number, "", "wrong_width", f"The row has {len(cells)} cells, the header {len(header)}.")
        return
    values = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
    before = tally.problem_count
    read: dict[str, object] = {}
    for column in (*REQUIRED, *OPTIONAL):
        if column in REQUIRED and not values[column]:
            tally.add(number, column, "empty_cell", f"{column} must not be empty.")
        elif column in _READERS:
            try:
                read[column] = _READERS[column](values)
            except DomainError as error:
                tally.refuse(number, error)
    if tally.problem_count == before:
        yield Row(number=number, request=_request(values, read), bind=bool(read["bind"]))


def _request(values: dict[str, str], read: dict[str, object]) -> QuoteRequest:
    effective_on, expires_on, premium = (
        read["effective_on"],
        read["expires_on"],
        read["premium"],
    )
    assert isinstance(effective_on, dt.date) and isinstance(expires_on, dt.date) and isinstance(premium, Money)
    return QuoteRequest(
        number=values["policy_number"],
        program=values["program"],
        insured=PartyDetails(
            reference=values["insured_reference"],
            name=values["insured_name"],
            email=values.get("insured_email", ""),
            address_line=values.get("address_line", ""),
            city=values.get("city", ""),
            state=values["state"],
            postal_code=values.get("postal_code", ""),
        ),
        state=values["state"],
        effective_on=effective_on,
        expires_on=expires_on,
        premium=premium,
        plan=values["plan"],
        agency_code=values.get("agency_code", ""),
    )


def _date(column: str) -> Callable[[dict[str, str]], dt.date]:
    def read(values: dict[str, str]) -> dt.date:
        text = values[column]
        try:
            if _DATE.fullmatch(text):
                return dt.date.fromisoformat(text)
        except ValueError:
            pass
        raise CellError(f"{text!r} is not a date; write it like 2026-01-31.", field=column)

    return read


def _premium(values: dict[str, str]) -> Money:
    return Money.parse(values["premium"], values.get("currency") or "USD", field="premium")


def _yes_or_no(values: dict[str, str]) -> bool:
    text = values.get("bind", "").lower()
    if text not in ("", "yes", "no"):
        raise CellError(f"{text!r} must be yes or no.", field="bind")
    return text == "yes"


_READERS: dict[str, Callable[[dict[str, str]], object]] = {
    "effective_on": _date("effective_on"),
    "expires_on": _date("expires_on"),
    "premium": _premium,
    "bind": _yes_or_no,
}
