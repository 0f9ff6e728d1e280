"""Pure: read what a lockbox bank sends: the BAI lockbox layout, or a CSV with a column map of the operator's.

Source: the BAI lockbox layout (record types 1, 2, 5, 6, 4, 7, 8, 9 of 80 or more characters) as lockbox banks document
it. Widths behind the first fields differ from bank to bank; those used here are in the tables below. A file that does
not tie is refused whole, with every reason and its place.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coverpay.kernel import card_numbers
from coverpay.kernel.money import MAX_MINOR
from reconciliation.statements.base import Problem, Problems

MAX_BYTES = 10_000_000
Field = tuple[str, int, int]
"""A field's name, its first column (from 1) and its width."""

LAYOUT: Mapping[str, tuple[Field, ...]] = {
    "1": (("destination", 4, 10), ("origin", 14, 10), ("date", 24, 6), ("time", 30, 4)),
    "2": (("destination", 2, 10), ("origin", 12, 10)),
    "5": (("batch", 2, 3), ("item", 5, 3), ("lockbox", 8, 7), ("date", 15, 6)),
    "6": (("batch", 2, 3), ("item", 5, 3), ("amount", 8, 10), ("routing", 18, 9), ("account", 27, 10),
          ("check", 37, 10), ("payor", 47, 30)),
    "4": (("batch", 2, 3), ("item", 5, 3), ("of", 8, 1), ("sequence", 9, 2), ("last", 11, 1), ("reference", 12, 20),
          ("amount", 32, 10)),
    "7": (("batch", 2, 3), ("item", 5, 3), ("lockbox", 8, 7), ("date", 15, 6), ("count", 21, 3), ("total", 24, 10)),
    "8": (("batch", 2, 3), ("item", 5, 3), ("lockbox", 8, 7), ("date", 15, 6), ("count", 21, 4), ("total", 25, 10)),
    "9": (("records", 2, 6),),
}  # fmt: skip
NAMES = {
    "1": "file header", "2": "service header", "5": "lockbox header", "6": "check", "4": "stub", "7": "batch total",
    "8": "lockbox total", "9": "file trailer",
}  # fmt: skip
MAY_FOLLOW = {
    "": "1", "1": "25", "2": "5", "5": "678", "6": "4678", "4": "4678", "7": "5689", "8": "59", "9": "",
}  # fmt: skip
_NUMBERS = {"amount", "count", "total", "records", "batch"}


@dataclass(frozen=True, slots=True)
class Stub:
    """What a payor says a part of a check is for."""

    reference: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Check:
    """One check with its stubs, which come to its amount; without stubs it says nothing of what it is for."""

    line: int
    amount_minor: int
    number: str
    payor: str
    stubs: tuple[Stub, ...]


@dataclass(frozen=True, slots=True)
class BoxDeposit:
    """The checks of one lockbox on one day: one credit at the bank."""

    lockbox: str
    received_on: dt.date
    checks: tuple[Check, ...]

    @property
    def amount_minor(self) -> int:
        return sum(check.amount_minor for check in self.checks)


@dataclass(frozen=True, slots=True)
class LockboxFile:
    """What a file holds; with even one problem nothing in it may be booked."""

    deposits: tuple[BoxDeposit, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column of a CSV says what, by its header; `check`, `payor`, `lockbox` and `date` may be left out."""

    amount: str
    reference: str
    check: str = ""
    payor: str = ""
    lockbox: str = ""
    date: str = ""

    @staticmethod
    def names() -> tuple[str, ...]:
        return ("amount", "reference", "check", "payor", "lockbox", "date")


@dataclass(slots=True)
class _Tally:
    """What a total must repeat."""

    line: int
    count: int = 0
    total: int = 0


@dataclass(slots=True)
class _Reader:
    """Walks the records; keeps the open lockbox, batch and check."""

    problems: Problems
    boxes: dict[tuple[str, dt.date], list[Check]] = field(default_factory=dict)
    box: tuple[str, dt.date] | None = None
    in_box: _Tally | None = None
    in_batch: _Tally | None = None
    open_check: dict[str, str] | None = None
    check_line: int = 0
    stubs: list[Stub] = field(default_factory=list)
    before: str = ""
    records: int = 0

    def take(self, line: int, text: str) -> None:
        kind = text[:1]
        self.records += 1
        if kind not in LAYOUT:
            self.problems.add(line, 1, "unknown_record", f"A record begins with {kind!r}; there is none of that type.")
            return
        if kind not in MAY_FOLLOW[self.before]:
            after = NAMES.get(self.before, "the beginning")
            self.problems.add(line, 1, "out_of_order", f"A {NAMES[kind]} cannot follow {after}.")
        self.before = kind
        said = self._fields(kind, line, text)
        if kind != "4":
            self._close_check()
        if kind == "5":
            self._open_box(line, said)
        elif kind == "6":
            self._open_check(line, said)
        elif kind == "4":
            self._stub(line, said)
        elif kind == "7":
            self._close_batch(line, said)
        elif kind == "8":
            self._close_box(line, said)
        elif kind == "9":
            self._close_file(line, said)

    def _fields(self, kind: str, line: int, text: str) -> dict[str, str]:
        said: dict[str, str] = {}
        for name, first, width in LAYOUT[kind]:
            value = text[first - 1 : first - 1 + width]
            if name in _NUMBERS and not _is_number(value, width):
                self.problems.add(
                    line,
                    first,
                    "bad_number",
                    f"The {name} of a {NAMES[kind]} is {value!r}; {width} digits were expected.",
                )
                value = "0"
            said[name] = value.strip()
        return said

    def _open_box(self, line: int, said: Mapping[str, str]) -> None:
        day = _date(said["date"])
        if day is None:
            self.problems.add(line, 15, "bad_date", f"The deposit date is {said['date']!r}; YYMMDD was expected.")
        if not said["lockbox"]:
            self.problems.add(line, 8, "no_lockbox", "The lockbox header names no lockbox.")
        self.box = (said["lockbox"], day or dt.date.min)
        self.boxes.setdefault(self.box, [])
        self.in_box = self.in_box or _Tally(line)
        self.in_batch = _Tally(line)

    def _open_check(self, line: int, said: dict[str, str]) -> None:
        if self.in_batch is None:
            self.in_batch = _Tally(line)
        self.open_check, self.check_line, self.stubs = said, line, []
        if int(said["amount"]) == 0:
            self.problems.add(line, 8, "no_amount", "The check has no amount.")
        for tally in (self.in_batch, self.in_box):
            if tally is not None:
                tally.count += 1
                tally.total += int(said["amount"])

    def _stub(self, line: int, said: Mapping[str, str]) -> None:
        if self.open_check is None:
            return
        own = (self.open_check["batch"], self.open_check["item"])
        if (said["batch"], said["item"]) != own:
            self.problems.add(
                line, 2, "other_check", f"The stub is of item {said['item']}, the check before of {own[1]}."
            )
        if int(said["amount"]) > 0:
            self.stubs.append(Stub(said["reference"], int(said["amount"])))
        elif said["reference"]:
            self.problems.add(line, 32, "no_amount", f"The stub {said['reference']} has no amount.")

    def _close_check(self) -> None:
        said, self.open_check = self.open_check, None
        if said is None or self.box is None:
            return
        amount, told = int(said["amount"]), sum(stub.amount_minor for stub in self.stubs)
        if self.stubs and told != amount:
            self.problems.add(
                self.check_line, 8, "stubs_do_not_tie",
                f"The stubs of the check come to {_shown(told)}, the check to {_shown(amount)}.",
            )  # fmt: skip
        number = said["check"].lstrip("0") or said["check"]
        self.boxes[self.box].append(Check(self.check_line, amount, number, said["payor"], tuple(self.stubs)))

    def _close_batch(self, line: int, said: Mapping[str, str]) -> None:
        self._compare(line, said, self.in_batch, "batch", count_at=21, total_at=24)
        self.in_batch = None

    def _close_box(self, line: int, said: Mapping[str, str]) -> None:
        self._compare(line, said, self.in_box, "lockbox", count_at=21, total_at=25)
        self.in_box = self.in_batch = self.box = None

    def _compare(
        self, line: int, said: Mapping[str, str], tally: _Tally | None, of: str, *, count_at: int, total_at: int
    ) -> None:
        if tally is None:
            self.problems.add(line, 1, "nothing_to_total", f"The {of} total totals nothing.")
            return
        if self.box is not None and said["lockbox"] != self.box[0]:
            self.problems.add(
                line,
                8,
                "other_lockbox",
                f"The {of} total is of lockbox {said['lockbox']}, the header of {self.box[0]}.",
            )
        if int(said["count"]) != tally.count:
            self.problems.add(
                line,
                count_at,
                "count_differs",
                f"The {of} total counts {int(said['count'])} checks; there are {tally.count}.",
            )
        if int(said["total"]) != tally.total:
            self.problems.add(
                line, total_at, "does_not_tie",
                f"The {of} total is {_shown(int(said['total']))}, its checks come to {_shown(tally.total)}.",
            )  # fmt: skip

    def _close_file(self, line: int, said: Mapping[str, str]) -> None:
        if self.in_box is not None:
            self.problems.add(line, 1, "no_lockbox_total", "The file ends before the total of its last lockbox.")
        if int(said["records"]) != self.records:
            self.problems.add(
                line,
                2,
                "count_differs",
                f"The trailer counts {int(said['records'])} records; there are {self.records}.",
            )


def read_bai(content: bytes) -> LockboxFile:
    """Read a file of the BAI lockbox layout. Never raises on content."""
    problems = Problems()
    reader = _Reader(problems)
    last = 0
    for last, text in enumerate(_lines(content, problems), start=1):
        if text.strip():
            reader.take(last, text)
    if reader.before != "9":
        problems.add(last or 1, 1, "no_trailer", "The file has no trailer; it may be cut off.")
    deposits = tuple(BoxDeposit(box, day, tuple(checks)) for (box, day), checks in reader.boxes.items() if checks)
    return _finished(deposits, problems)


def read_csv(content: bytes, columns: ColumnMap, *, received_on: dt.date, lockbox: str = "") -> LockboxFile:
    """Read a CSV with a header by a column map; rows of one check number in a row are the stubs of one check.

    Takes:  the day and lockbox for files that have no such columns. Never raises on content.
    """
    problems = Problems()
    rows = _rows(_lines(content, problems), problems)
    if problems:
        return _finished((), problems)
    header = [name.strip() for name in rows[0]] if rows else []
    wanted = {name: getattr(columns, name) for name in ColumnMap.names() if getattr(columns, name)}
    missing = [column for column in wanted.values() if column not in header]
    for column in missing:
        problems.add(1, 1, "no_column", f"The header has no column {column!r}.")
    if missing or not rows:
        return _finished((), problems)
    at = {name: header.index(column) for name, column in wanted.items()}
    boxes: dict[tuple[str, dt.date], list[Check]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            _take_row(line, row, at, boxes, problems, received_on=received_on, lockbox=lockbox)
    return _finished(tuple(BoxDeposit(box, day, tuple(checks)) for (box, day), checks in boxes.items()), problems)


def _rows(lines: Sequence[str], problems: Problems) -> list[list[str]]:
    """A row a line; quoted line breaks have no place in such a file."""
    reader = csv.reader(lines, strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        problems.add(reader.line_num or 1, 1, "not_csv", f"The line cannot be read: {error}.")
        return []


def _take_row(
    line: int,
    row: Sequence[str],
    at: Mapping[str, int],
    boxes: dict[tuple[str, dt.date], list[Check]],
    problems: Problems,
    *,
    received_on: dt.date,
    lockbox: str,
) -> None:
    said = {name: row[place].strip() if place < len(row) else "" for name, place in at.items()}
    amount = _decimal(said["amount"])
    if amount is None:
        problems.add(
            line, at["amount"] + 1, "bad_number", f"The amount is {said['amount']!r}; one like 1,234.56 was expected."
        )
        return
    day = _iso(said["date"]) if said.get("date") else received_on
    if day is None:
        problems.add(line, at["date"] + 1, "bad_date", f"The date is {said['date']!r}; YYYY-MM-DD was expected.")
        return
    checks = boxes.setdefault((said.get("lockbox") or lockbox, day), [])
    stub = Stub(said["reference"], amount)
    number, payor = said.get("check", ""), said.get("payor", "")
    if number and checks and (checks[-1].number, checks[-1].payor) == (number, payor):
        last = checks.pop()
        checks.append(Check(last.line, last.amount_minor + amount, number, payor, (*last.stubs, stub)))
    else:
        checks.append(Check(line, amount, number, payor, (stub,)))


def _lines(content: bytes, problems: Problems) -> list[str]:
    if len(content) > MAX_BYTES:
        problems.add(1, 1, "too_large", f"The file has {len(content)} bytes; at most {MAX_BYTES} are read.")
        return []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.add(line, 1, "not_text", "The file holds bytes that are no text.")
        return []
    return text.replace("\r\n", "\n").split("\n")


def _finished(deposits: tuple[BoxDeposit, ...], problems: Problems) -> LockboxFile:
    for check in (check for deposit in deposits for check in deposit.checks):
        said = (check.number, check.payor, *(stub.reference for stub in check.stubs))
        if any(card_numbers.find(text) is not None for text in said):
            problems.add(check.line, 1, "card_number", "This looks like a card number, which never belongs here.")
    if not deposits and not problems:
        problems.add(1, 1, "no_checks", "The file holds no check.")
    return LockboxFile(deposits, problems.all())


def _is_number(value: str, width: int) -> bool:
    return len(value) == width and value.isascii() and value.isdecimal()


def _decimal(text: str) -> int | None:
    """Minor units of an amount with two places, above zero."""
    whole, point, cents = text.replace("$", "").replace(",", "").partition(".")
    digits = whole + cents
    if not digits.isascii() or not digits.isdecimal() or (point and len(cents) != 2) or not whole or len(digits) > 15:
        return None
    minor = int(whole) * 100 + int(cents or 0)
    return minor if 0 < minor <= MAX_MINOR else None


def _date(text: str) -> dt.date | None:
    """YYMMDD of this century."""
    if not (len(text) == 6 and text.isascii() and text.isdecimal()):
        return None
    return _iso(f"20{text[:2]}-{text[2:4]}-{text[4:]}")


def _iso(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _shown(minor: int) -> str:
    return f"{minor // 100:,}.{minor % 100:02d}"
