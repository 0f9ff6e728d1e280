"""BAI2 physical records: from bytes to records, their continuations joined and every field's place known.

Source: Cash Management Balance Reporting Specifications Version 2 (BAI, 2005), sections "File Structure" and
"Record Formats"; the same rules stand in ANSI X9.121-2012. A comma delimits fields, a slash ends a record that does
not end in text, record 88 continues the record before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from reconciliation.statements.base import Problems

CONTINUATION = "88"
RECORD_CODES = frozenset({"01", "02", "03", "16", "49", "88", "98", "99"})

_DECLARED_LENGTH = re.compile(r"\s*01(?:,[^,/]*){5},\s*([0-9]{1,5})\s*,")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_DETAIL = re.compile(
    r"16,([0-9]{3}),([0-9]{1,12}),([Z012]?),([^,/\x00-\x1f\x7f]*),([^,/\x00-\x1f\x7f]*),([^\x00-\x08\x0b-\x1f\x7f]*)"
)
_END_OF_MEDIA = "\x1a\x00 \r\n"
_FIRST_FIELD = 4  # "16," comes before it


@dataclass(frozen=True, slots=True)
class Row:
    """One physical record: its fields as written, the ending slash taken off."""

    line: int
    fields: tuple[str, ...]
    terminated: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One logical record: a physical record and the 88 records that continue it."""

    code: str
    rows: tuple[Row, ...]

    @property
    def line(self) -> int:
        return self.rows[0].line

    @property
    def last_line(self) -> int:
        return self.rows[-1].line

    @property
    def values(self) -> list[str]:
        """All fields in order, without surrounding blanks; a continuation starts a new field."""
        return [value.strip() for row in self.rows for value in row.fields]

    def place(self, index: int) -> tuple[int, int]:
        """Tell the line and column of a field; of the record's end when it has fewer fields."""
        for row in self.rows:
            if index < len(row.fields):
                before = row.fields[:index]
                return row.line, _FIRST_FIELD + sum(len(value) + 1 for value in before)
            index -= len(row.fields)
        last = self.rows[-1]
        return last.line, _FIRST_FIELD + sum(len(value) + 1 for value in last.fields)

    def ends_row(self, index: int) -> bool:
        """Tell whether a field is the last of its physical record."""
        for row in self.rows:
            if index < len(row.fields):
                return index == len(row.fields) - 1
            index -= len(row.fields)
        return True

    def text_from(self, index: int) -> str:
        """Join what stands from a field on, commas included; one line for each physical record."""
        parts = []
        for row in self.rows:
            if index < len(row.fields):
                parts.append(",".join(row.fields[max(index, 0) :]).strip())
            index -= len(row.fields)
        return "\n".join(part for part in parts if part)


class Details(NamedTuple):
    """Details (16) that follow each other, each of one physical record with plain fields, as nearly all are."""

    lines: list[tuple[int, str]]
    found: list[re.Match[str]]
    """For each: type code, amount, funds type, bank reference, customer reference, text."""

    def records(self) -> Iterator[Record]:
        """Give them field by field, as any other record."""
        for line, text in self.lines:
            body = text[3:]
            yield Record("16", (Row(line, tuple(body.removesuffix("/").split(",")), body.endswith("/")),))


def read(content: bytes, problems: Problems) -> Iterator[Record | Details]:
    """Give the logical records in order, plain details in runs. Lines that are no record are reported and left out."""
    lines = _physical(content)
    plain = [_DETAIL.fullmatch(text) for _, text in lines]
    rows: list[Row] = []
    code, at = "", 0
    for stop in [*(number for number, found in enumerate(plain) if found is None), len(lines)]:
        goes_on = stop < len(lines) and lines[stop][1].startswith(CONTINUATION)
        end = stop - 1 if goes_on and stop > at else stop  # a detail that is continued is not plain
        if end > at and rows:
            yield Record(code, tuple(rows))
            rows = []
        if end > at:
            yield Details(lines[at:end], [found for found in plain[at:end] if found is not None])
        for line, text in lines[end : stop + 1]:
            found = _row(line, text, problems)
            if found is None:
                continue
            row_code, row = found
            if row_code == CONTINUATION and not rows:
                problems.add(line, 1, "nothing_to_continue", "Record 88 continues nothing: no record stands before it.")
            elif row_code == CONTINUATION:
                rows.append(row)
            else:
                if rows:
                    yield Record(code, tuple(rows))
                code, rows = row_code, [row]
        at = stop + 1
    if rows:
        yield Record(code, tuple(rows))


def check_plain(record: Record, upto: int | None, problems: Problems) -> None:
    """Report what breaks the delimiter rules before field `upto` (None: in the whole record, which has no text).

    Every physical record that ends before free text needs its slash, and a slash stands nowhere else.
    """
    left = upto if upto is not None else sum(len(row.fields) for row in record.rows)
    position = 0
    for row in record.rows:
        if left >= len(row.fields) and not row.terminated:
            end = _FIRST_FIELD + sum(len(value) + 1 for value in row.fields) - 1
            problems.add(row.line, end, "missing_slash", f"Record {record.code} must end with a slash here.")
        for offset, value in enumerate(row.fields[: max(left, 0)]):
            if "/" in value:
                line, column = record.place(position + offset)
                problems.add(
                    line,
                    column + value.index("/"),
                    "stray_slash",
                    f"A slash ends record {record.code} here, but more follows on the line.",
                )
        left -= len(row.fields)
        position += len(row.fields)


def _physical(content: bytes) -> list[tuple[int, str]]:
    """Cut the file into physical records, numbered from 1; blank ones are skipped.

    Records end with CR LF, LF or CR. A file without any line end is cut by the physical record length that its 01
    record declares (fixed-length blocking).
    """
    text = _decode(content).rstrip(_END_OF_MEDIA)
    pieces = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    declared = _DECLARED_LENGTH.match(text)
    if len(pieces) == 1 and declared and int(declared[1]) > 0:
        length = int(declared[1])
        pieces = [text[start : start + length] for start in range(0, len(text), length)]
    return [(number, kept) for number, piece in enumerate(pieces, start=1) if (kept := piece.rstrip())]


def _decode(content: bytes) -> str:
    """BAI2 is ASCII; text fields sometimes hold UTF-8 or Latin-1, which never touches a figure."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1").removeprefix("\xef\xbb\xbf")


def _row(line: int, text: str, problems: Problems) -> tuple[str, Row] | None:
    control = _CONTROL.search(text)
    if control:
        column = control.start() + 1
        problems.add(line, column, "control_character", f"Character {ord(control[0])} does not belong in a statement.")
        return None
    code, comma, body = text[:2], text[2:3], text[3:]
    if code not in RECORD_CODES or comma != ",":
        problems.add(line, 1, "unknown_record", f"The line starts with {text[:3]!r}, which is no BAI2 record.")
        return None
    terminated = body.endswith("/")
    return code, Row(line, tuple(body.removesuffix("/").split(",")), terminated)
