"""Rows of CSV files whose layout a map names: bytes in, rows with their places out. Pure.

Source: RFC 4180 for records, fields and quotes; everything else is the sender's choice, and therefore in the map.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from reconciliation.statements.base import Problems
from reconciliation.statements.csv_columns import Row

ENCODINGS = ("utf-8", "cp1252", "latin-1", "utf-16")
DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")
THOUSANDS = ("", ",", ".", " ", "'", "\u00a0", "\u202f")
DATE_FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%d/%m/%Y", "%d.%m.%Y", "%d.%m.%y", "%d-%b-%Y", "%Y%m%d")
MOST_ROWS = 500_000
MOST_SKIPPED = 100
LONGEST_FIELD = 10_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Column = str | int
"""A column by its heading, or by its number from 1."""


class Layout(Protocol):
    """How a file is written: what every map of columns says, whatever its columns mean."""

    @property
    def date_format(self) -> str: ...
    @property
    def delimiter(self) -> str: ...
    @property
    def decimal(self) -> str: ...
    @property
    def thousands(self) -> str: ...
    @property
    def encoding(self) -> str: ...
    @property
    def headings(self) -> bool: ...
    @property
    def skip(self) -> int: ...


def faults(layout: Layout) -> list[tuple[str, str]]:
    """What no file could be read with: the name of the layout's field, and why."""
    wrong = []
    if layout.delimiter not in DELIMITERS:
        wrong.append(("delimiter", "The map's delimiter is none of those we read."))
    if layout.encoding not in ENCODINGS:
        wrong.append(("encoding", "The map's encoding is none of those we read."))
    if layout.decimal not in DECIMALS:
        wrong.append(("decimal", "The map's decimal sign is none of those we read."))
    if layout.thousands not in THOUSANDS:
        wrong.append(("thousands", "The map's thousands sign is none of those we read."))
    if layout.decimal == layout.thousands:
        wrong.append(("thousands", "The decimal and the thousands sign are the same."))
    if layout.date_format not in DATE_FORMATS:
        wrong.append(("date_format", "The map's date format is none of those we read."))
    if not 0 <= layout.skip <= MOST_SKIPPED:
        wrong.append(("skip", f"Between 0 and {MOST_SKIPPED} rows can be skipped."))
    return wrong


def decode(content: bytes, encoding: str, problems: Problems) -> str | None:
    """Decode a file; None, with the problem reported, for what is no text of the map's encoding."""
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as refused:
        line = content.count(b"\n", 0, refused.start) + 1
        problems.add(line, 1, "bad_encoding", f"The file is not {encoding} text; choose another encoding in the map.")
        return None
    control = _CONTROL.search(text)
    if control:
        before = text[: control.start()]
        column = control.start() - before.rfind("\n")
        message = f"Character {ord(control[0])} does not belong in such a file."
        problems.add(before.count("\n") + 1, column, "control_character", message)
        return None
    return text


def rows(text: str, layout: Layout, problems: Problems) -> Iterator[Row]:
    """Cut the text into rows with their lines; blank ones and those to skip are left out."""
    reader = csv.reader(text.splitlines(keepends=True), delimiter=layout.delimiter, strict=True)
    seen, began, width = 0, 1, 0
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as refused:
            problems.add(began, 1, "bad_csv", f"The row cannot be cut into cells: {refused}.")
            return
        line, began = began, reader.line_num + 1
        seen += 1
        if seen <= layout.skip or not any(map(str.strip, values)):
            continue
        if seen > MOST_ROWS or max(map(len, values)) > LONGEST_FIELD:
            problems.add(line, 1, "csv_too_large", "The file has more rows or longer cells than a statement may have.")
            return
        width = width or len(values)
        if len(values) != width:
            problems.add(line, 1, "row_width", f"The row has {len(values)} cells, the first one has {width}.")
            continue
        yield Row(line, [value.strip() for value in values])


def places(wanted: Iterable[Column | None], headings: Sequence[str], problems: Problems) -> dict[Column, int] | None:
    """Find every mapped column; None, with the missing ones reported, when one is not there."""
    found: dict[Column, int] = {}
    for column in wanted:
        if column is None:
            continue
        if isinstance(column, int):
            known = column >= 1 and (not headings or column <= len(headings))
            found[column] = column - 1
        else:
            known = headings.count(column) == 1
            found[column] = headings.index(column) if known else 0
        if not known:
            problems.add(1, 1, "no_column", f"There is not exactly one column {column!r} in the file.")
    return None if problems else found
