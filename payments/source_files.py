"""Read others' statements about policies from CSV by a saved map. Pure.

A file proves itself by the total that the other side states beside it: its rows come to it, or nothing is kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coverpay.kernel.money import Money
from reconciliation.statements import csv_maps, csv_rows
from reconciliation.statements.base import Problem, Problems
from reconciliation.statements.csv_columns import Cell, date_of, signed_of
from reconciliation.statements.csv_maps import BadMap
from reconciliation.statements.csv_rows import Column

LONGEST_MARK = 60
LONGEST_REFERENCE = 120
MOST_ITEMS = 200
COLUMNS = ("policy", "amount", "item", "reference", "date")
LAYOUT = ("date_format", "delimiter", "decimal", "thousands", "encoding", "headings", "skip")


@dataclass(frozen=True, slots=True)
class SourceColumns:
    """Which column says what. `items` translates the other side's words; what it lacks must be one of `known`."""

    policy: Column
    amount: Column
    item: Column | None = None
    reference: Column | None = None
    date: Column | None = None
    items: Mapping[str, str] | None = None
    amount_is_negative: bool = False
    date_format: str = "%Y-%m-%d"
    delimiter: str = ","
    decimal: str = "."
    thousands: str = ","
    encoding: str = "utf-8"
    headings: bool = True
    skip: int = 0


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One line as the other side says it."""

    line: int
    policy: str
    amount_minor: int
    item: str = ""
    reference: str = ""
    dated_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What a file says. With even one problem nothing of it is kept."""

    rows: tuple[SourceRow, ...]
    problems: tuple[Problem, ...]

    @property
    def total_minor(self) -> int:
        return sum(row.amount_minor for row in self.rows)


def read_map(spec: Mapping[str, Any], known: Sequence[str]) -> SourceColumns:
    """Read a saved map. Takes: `known`, the items there are; none where any is one. Raises: BadMap."""
    csv_maps.only(spec, (*COLUMNS, *LAYOUT, "items", "amount_is_negative"))
    for name in ("policy", "amount"):
        if spec.get(name) is None:
            raise BadMap(name, f"Say which column holds the {name}.")
    named: dict[str, Any] = {name: csv_maps.column(spec[name], name) for name in COLUMNS if spec.get(name) is not None}
    negative = spec.get("amount_is_negative", False)
    if type(negative) is not bool:
        raise BadMap("amount_is_negative", "It is true or false.")
    said = SourceColumns(
        **named, items=_items(spec, known), amount_is_negative=negative, **csv_maps.layout(_only_layout(spec))
    )
    for field, words in csv_rows.faults(said):
        raise BadMap(field, words)
    return said


def read(content: bytes, columns: SourceColumns, currency: str, known: Sequence[str] = ()) -> SourceFile:
    """Read a file by a map. Never raises on content: what is wrong is a problem with its place."""
    problems = Problems()
    rows = tuple(_rows(content, columns, currency, known, problems))
    if not rows and not problems:
        problems.add(1, 1, "no_rows", "The file holds no row.")
    return SourceFile(rows, problems.all())


def check(rows: Sequence[SourceRow], total_minor: int, currency: str) -> list[Problem]:
    """Hold rows against the total stated beside them, and against the lengths we keep."""
    problems = Problems()
    found = sum(row.amount_minor for row in rows)
    if found != total_minor:
        shown, stated = Money(found, currency), Money(total_minor, currency)
        problems.add(1, 1, "does_not_tie", f"The rows come to {shown}, the total stated is {stated}.")
    for row in rows:
        if not row.policy or len(row.policy) > LONGEST_MARK or len(row.item) > LONGEST_MARK:
            problems.add(row.line, 1, "bad_mark", f"A policy and an item have 1 to {LONGEST_MARK} characters.")
        if len(row.reference) > LONGEST_REFERENCE:
            problems.add(row.line, 1, "reference_too_long", f"A reference has up to {LONGEST_REFERENCE} characters.")
    return list(problems.all())


def _rows(
    content: bytes, columns: SourceColumns, currency: str, known: Sequence[str], problems: Problems
) -> Iterator[SourceRow]:
    text = csv_rows.decode(content, columns.encoding, problems)
    if text is None:
        return
    rows = csv_rows.rows(text, columns, problems)
    top = next(rows, None) if columns.headings else None
    wanted = [columns.policy, columns.amount, columns.item, columns.reference, columns.date]
    at = csv_rows.places(wanted, top.values if top is not None else (), problems)
    if at is None:
        return
    for row in rows:
        cells = {name: Cell(row, at[column], problems) for name in COLUMNS if (column := getattr(columns, name))}
        amount = signed_of(cells["amount"], currency, (columns.decimal, columns.thousands))
        dated_on = date_of(cells["date"], columns.date_format) if "date" in cells and cells["date"].text else None
        if not cells["policy"].text:
            cells["policy"].report("no_policy", "The row names no policy.")
        if amount is not None and cells["policy"].text:
            yield SourceRow(
                line=row.line,
                policy=cells["policy"].text,
                amount_minor=-amount if columns.amount_is_negative else amount,
                item=_item(cells["item"], columns, known) if "item" in cells else "",
                reference=cells["reference"].text if "reference" in cells else "",
                dated_on=dated_on,
            )


def _item(cell: Cell, columns: SourceColumns, known: Sequence[str]) -> str:
    """Translate the other side's word. One that the map lacks is no guess but a problem."""
    said = cell.text
    meant = (columns.items or {}).get(said, said)
    if known and meant and meant not in known:
        cell.report("unknown_item", f"The map does not say what {said[:40]!r} is.")
    return meant


def _items(spec: Mapping[str, Any], known: Sequence[str]) -> dict[str, str]:
    said = spec.get("items") or {}
    if not isinstance(said, dict) or len(said) > MOST_ITEMS:
        raise BadMap("items", "The items are the other side's words, each with ours.")
    for word, meant in said.items():
        if not isinstance(meant, str) or (known and meant not in known):
            raise BadMap("items", f"{str(word)[:40]!r} must mean one of {', '.join(known)}.")
    return said


def _only_layout(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: spec[name] for name in LAYOUT if name in spec}
