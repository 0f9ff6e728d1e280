"""Cells of a CSV statement: dates and amounts as banks write them, each read once and each checked."""

from __future__ import annotations

import datetime as dt
import functools
import re
from dataclasses import dataclass

from reconciliation.statements.base import Problems
from reconciliation.statements.figures import BadFigure, minor

_CURRENCY_SIGN = re.compile(r"^(?:US)?\$|^[€£]|[€£]$|^(?:USD|EUR|GBP|CAD) | (?:USD|EUR|GBP|CAD)$")
_SIMPLE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
"""An amount without thousands, brackets or currency, as nearly all are where the point parts the decimals."""
_ASCII = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it starts on, its cells without surrounding blanks."""

    line: int
    values: list[str]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell and the place to report problems at: its row's line, its own number as the column."""

    row: Row
    index: int
    problems: Problems

    @property
    def text(self) -> str:
        return self.row.values[self.index] if self.index < len(self.row.values) else ""

    def report(self, code: str, message: str) -> None:
        self.problems.add(self.row.line, self.index + 1, code, message)


def date_of(cell: Cell, date_format: str) -> dt.date | None:
    """Read a date in the map's format; None for anything else (then reported)."""
    day = _day(cell.text, date_format)
    if day is None:
        cell.report("bad_date", f"{cell.text[:30]!r} is no date; the map says {date_format}.")
    return day


@functools.lru_cache(maxsize=1024)
def _day(text: str, date_format: str) -> dt.date | None:
    if _ASCII.fullmatch(text):
        try:
            return dt.datetime.strptime(text, date_format).date()  # noqa: DTZ007  # a day has no zone
        except ValueError:
            pass
    return None


def signed_of(cell: Cell, currency: str, signs: tuple[str, str]) -> int | None:
    """Read an amount with its sign: a minus before or behind it, or brackets around it, is out."""
    text = cell.text
    if signs[0] == "." and _SIMPLE.fullmatch(text):
        return _minor(cell, text, currency)
    bracketed = text.startswith("(") and text.endswith(")")
    if bracketed:
        text = text[1:-1].strip()
    negative = text.startswith("-") or (text.endswith("-") and len(text) > 1)
    text = text.removeprefix("-").removesuffix("-") if negative else text.removeprefix("+")
    text = _CURRENCY_SIGN.sub("", text.strip(), count=1).strip()
    if not negative and text.startswith("-"):
        negative, text = True, text[1:]
    plain = _plain(text, signs)
    if plain is None or (bracketed and negative):
        cell.report("bad_amount", f"{cell.text[:30]!r} is no amount as the map writes them.")
        return None
    value = _minor(cell, plain, currency)
    return -value if value is not None and (negative or bracketed) else value


def _minor(cell: Cell, text: str, currency: str) -> int | None:
    try:
        return minor(text, currency, signed=True)
    except BadFigure as refused:
        cell.report(refused.code, str(refused))
        return None


def amount_of(debit: Cell, credit: Cell, currency: str, signs: tuple[str, str]) -> int | None:
    """Read an amount from two columns, of which one is empty or zero; a debit is out whichever sign it has."""
    out = signed_of(debit, currency, signs) if debit.text else 0
    into = signed_of(credit, currency, signs) if credit.text else 0
    if out is None or into is None:
        return None
    if (out and into) or not (debit.text or credit.text):
        debit.report("two_amounts", "A row has either a debit or a credit.")
        return None
    if into < 0:
        credit.report("signed_amount", "A credit cannot be negative.")
        return None
    return into - abs(out)


def _plain(text: str, signs: tuple[str, str]) -> str | None:
    """Take the thousands out, where they stand in threes, and write the decimals behind a point."""
    decimal, thousands = signs
    whole, point, decimals = text.partition(decimal)
    if thousands and thousands in whole:
        first, *others = whole.split(thousands)
        if not 1 <= len(first) <= 3 or any(len(other) != 3 for other in others):
            return None
        whole = first + "".join(others)
    if not (whole + decimals).isascii() or not (whole + decimals).isdigit():
        return None
    return f"{whole or '0'}.{decimals}" if point else whole
