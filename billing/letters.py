"""Letters as PDF: what every document of ours has in common, and the typesetting of it.

A letter is plain data, and the same data gives the same bytes: its date is the document's own, its fonts come with us,
and nothing is fetched. Texts are values to the typesetter, so markup in a customer's name prints as it stands.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import font_source_sans_pro
import typst

from coverpay.kernel.money import Money

TEMPLATE = Path(__file__).resolve().parent.parent / "templates" / "documents" / "letter.typ"
MINUS = "\u2212"


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a letter is for, and in which role."""

    name: str
    lines: list[str] = field(default_factory=list)
    role: str = "Bill to"


@dataclass(frozen=True, slots=True)
class Due:
    """The one amount a reader looks for."""

    label: str
    amount: str
    note: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: figures stand right, the wide one takes the room that is left."""

    title: str
    figure: bool = False
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with words, a table, or both; every row has a text for each column."""

    title: str
    paragraphs: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    totals: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reason:
    """How one figure came about; `of` is the line it belongs to."""

    of: str
    figure: str
    amount: str
    formula: str
    inputs: list[tuple[str, str]]
    rule: str


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything a letter shows, in the order it is read."""

    title: str
    number: str
    dated: dt.date
    sender: str
    recipient: Addressee
    facts: list[tuple[str, str]]
    due: Due | None = None
    paragraphs: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


def pdf(letter: Letter) -> bytes:
    """Typeset a letter as PDF."""
    return _joined(_compiler(letter).compile(format="pdf", timestamp=_midnight(letter)))


def pictures(letter: Letter, ppi: int = 110) -> list[bytes]:
    """Typeset a letter as one PNG a page."""
    made = _compiler(letter).compile(format="png", ppi=ppi)
    return [made] if isinstance(made, bytes) else list(made or [])


def inputs(letter: Letter) -> dict[str, str]:
    """What is handed to the typesetter: the letter as JSON, its date in parts."""
    day = letter.dated
    data = {**asdict(letter), "sender": {"name": letter.sender}, "year": day.year, "month": day.month, "day": day.day}
    return {"letter": json.dumps(_clean({**data, "dated": day.isoformat()}), ensure_ascii=False, sort_keys=True)}


def amount(minor: int, currency: str) -> str:
    """An amount without its currency, with a true minus sign."""
    figure = str(Money(abs(minor), currency)).partition(" ")[0]
    return f"{MINUS}{figure}" if minor < 0 else figure


def full(minor: int, currency: str) -> str:
    """An amount with its currency."""
    return f"{amount(minor, currency)} {currency}"


def day(on: dt.date) -> str:
    """A day as letters write it: February 2, 2026."""
    return f"{on:%B} {on.day}, {on.year}"


def table(title: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], *totals: Sequence[str]) -> Section:
    """A section that is a table."""
    return Section(
        title=title,
        columns=list(columns),
        rows=[list(row) for row in rows],
        totals=[list(row) for row in totals],
    )


def _compiler(letter: Letter) -> typst.Compiler:
    """A typesetter for one letter alone, so that no other request's letter can ever be in it."""
    return typst.Compiler(
        TEMPLATE, root=TEMPLATE.parent, font_paths=_fonts(), ignore_system_fonts=True, sys_inputs=inputs(letter)
    )


@cache
def _fonts() -> typst.Fonts:
    """Our typeface, read once; the machine's own fonts change nothing."""
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=True,
        font_paths=[Path(font_source_sans_pro.__file__).parent / "files"],
    )


def _midnight(letter: Letter) -> dt.datetime:
    return dt.datetime.combine(letter.dated, dt.time(), tzinfo=dt.UTC)


def _joined(made: bytes | list[bytes] | None) -> bytes:
    assert isinstance(made, bytes)
    return made


def _clean(value: object) -> object:
    """Leave out what no font can show and no reader means: control characters, lone surrogates."""
    if isinstance(value, str):
        text = value.encode("utf-8", "ignore").decode()
        return "".join(sign for sign in text if sign.isprintable() or sign in "\n\u200d")
    if isinstance(value, Mapping):
        return {key: _clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value
