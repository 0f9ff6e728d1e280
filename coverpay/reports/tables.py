"""Pure: a report as a table, and how it is written as CSV and XLSX."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import xlsxwriter

from coverpay.kernel.money import EXPONENTS, Money

TEXT, MONEY, DAY, NUMBER, REFERENCE = "text", "money", "day", "number", "reference"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Money is in minor units of the row's `currency`; a reference is an object's id, which has a page."""

    key: str
    title: str
    kind: str = TEXT


@dataclass(frozen=True, slots=True)
class Proof:
    """Two ways to the same figure, in minor units; they tie or the difference is said."""

    words: str
    one_minor: int
    other_minor: int
    currency: str

    @property
    def difference_minor(self) -> int:
        return self.one_minor - self.other_minor

    @property
    def ties(self) -> bool:
        return self.difference_minor == 0


@dataclass(frozen=True, slots=True)
class Report:
    """A table: rows by column key, totals by currency, the proofs it must pass, and how its figures come about."""

    name: str
    title: str
    says: str
    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]
    formula: str
    totals: Sequence[dict[str, Any]] = field(default_factory=list)
    proofs: Sequence[Proof] = field(default_factory=list)
    citation: str = ""
    cut: bool = False

    @property
    def ties(self) -> bool:
        return all(proof.ties for proof in self.proofs)


def totals_of(rows: Iterable[dict[str, Any]], columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Sum the money columns for each currency."""
    sums: dict[str, dict[str, Any]] = {}
    for row in rows:
        total = sums.setdefault(row["currency"], {"currency": row["currency"]})
        for column in columns:
            if column.kind == MONEY:
                total[column.key] = total.get(column.key, 0) + (row.get(column.key) or 0)
    return [sums[currency] for currency in sorted(sums)]


def as_csv(report: Report) -> str:
    """The table as CSV: amounts as plain decimals, days in ISO 8601, nothing a spreadsheet takes for a formula."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow([column.title for column in report.columns])
    for row in report.rows:
        lines.writerow([_text(row, column) for column in report.columns])
    return out.getvalue()


def as_xlsx(report: Report) -> bytes:
    """The table as a workbook: amounts as numbers, a header that stays, totals, and a sheet that explains them."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        _sheet(book, report)
        _how(book, report)
    return out.getvalue()


def _sheet(book: Any, report: Report) -> None:
    bold = book.add_format({"bold": True, "bottom": 1})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    money = {
        places: book.add_format({"num_format": f"#,##0{'.' if places else ''}{'0' * places}"}) for places in range(4)
    }
    sheet = book.add_worksheet(report.title[:31])
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(report.columns):
        sheet.write_string(0, place, column.title, bold)
        sheet.set_column(place, place, 14 if column.kind in (MONEY, DAY, NUMBER) else 28)
    for line, row in enumerate([*report.rows, *report.totals], start=1):
        for place, column in enumerate(report.columns):
            value = row.get(column.key)
            if value is None:
                continue
            if column.kind == MONEY:
                currency = row.get("currency", "USD")
                shown = money[EXPONENTS.get(currency, 2)]
                sheet.write_number(line, place, Money(value, currency).decimal, shown)  # decimal: exact to 15 digits
            elif column.kind == DAY:
                sheet.write_datetime(line, place, dt.datetime.combine(value, dt.time()), day)
            elif column.kind == NUMBER:
                sheet.write_number(line, place, value)
            else:
                sheet.write_string(line, place, str(value))


def _how(book: Any, report: Report) -> None:
    sheet = book.add_worksheet("How")
    sheet.set_column(0, 0, 100)
    told = [report.says, report.formula, report.citation, *(_proved(proof) for proof in report.proofs)]
    for line, words in enumerate(filter(None, told)):
        sheet.write_string(line, 0, words)


def _proved(proof: Proof) -> str:
    said = "ties" if proof.ties else f"differs by {Money(proof.difference_minor, proof.currency)}"
    one, other = Money(proof.one_minor, proof.currency), Money(proof.other_minor, proof.currency)
    return f"{proof.words}: {one} and {other}; {said}."


def _text(row: dict[str, Any], column: Column) -> str:
    value = row.get(column.key)
    if value is None:
        return ""
    if column.kind == MONEY:
        return f"{Money(value, row.get('currency', 'USD')).decimal:f}"
    text = value.isoformat() if isinstance(value, dt.date) else str(value)
    return f"'{text}" if column.kind in (TEXT, REFERENCE) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
