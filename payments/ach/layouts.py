"""Pure: how a record of 94 columns is laid out: fields with place, kind and filling, written and read by one table.

A writer refuses what does not fit and names record, field and columns; a reader reports it with its column and guesses
nothing. The format holds printable ASCII only.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from coverpay.kernel.errors import Invalid

WIDTH = 94
_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7, 1)
_LAST_OF_CENTURY = 99


class FieldRefused(Invalid):
    """A value that its place in an ACH record cannot hold; the message names record, field and columns."""

    code = "ach_field_refused"


class Flaw(NamedTuple):
    """What is wrong at a column of a record."""

    column: int
    code: str
    message: str


class Kind(Enum):
    """How a field is filled, and what it is read into."""

    FIXED = "the same in every record"
    BLANK = "reserved: spaces"
    DIGITS = "digits kept as text, leading zeros and all"
    NUMBER = "a whole number, filled with zeros on the left"
    TEXT = "text, filled with spaces on the right"
    RIGHT = "text, filled with spaces on the left"
    ROUTING = "eight digits of a bank and the check digit"
    DAY = "YYMMDD"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, first column and length.

    `among` limits its words, `blank` says that it may be left out, `secret` that no message may show what it holds.
    """

    name: str
    column: int
    length: int
    kind: Kind
    fixed: str = ""
    among: frozenset[str] = field(default_factory=frozenset)
    blank: bool = False
    secret: bool = False

    def shown(self, value: Any) -> str:
        """A value as a message may show it."""
        return "what it is given" if self.secret else repr(value)

    @property
    def columns(self) -> str:
        last = self.column + self.length - 1
        return f"column {last}" if self.length == 1 else f"columns {self.column}-{last}"


@dataclass(frozen=True)
class Layout:
    """A record: its name, the tuple it is read into, and its fields, which fill the 94 columns without a gap."""

    name: str
    record: Callable[..., Any]
    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        column = 1
        for one in self.fields:
            if one.column != column:
                raise ValueError(f"{self.name}: {one.name} must begin in column {column}, not {one.column}")
            column += one.length
        if column != WIDTH + 1:
            raise ValueError(f"{self.name} ends in column {column - 1}, not {WIDTH}")

    @property
    def valued(self) -> tuple[Field, ...]:
        """The fields that hold something, in the order of the record's tuple."""
        return tuple(one for one in self.fields if one.kind not in (Kind.FIXED, Kind.BLANK))

    def write(self, values: Sequence[Any]) -> str:
        """Write a record's tuple as 94 columns. Raises: FieldRefused, naming record, field and columns."""
        given = iter(values)
        parts = []
        for one in self.fields:
            if one.kind is Kind.FIXED:
                parts.append(one.fixed)
            elif one.kind is Kind.BLANK:
                parts.append(" " * one.length)
            else:
                parts.append(self._written(one, next(given)))
        return "".join(parts)

    def read(self, line: str) -> tuple[Any | None, tuple[Flaw, ...]]:
        """Read 94 columns: the record's tuple, or None and every flaw of it."""
        values: list[Any] = []
        flaws: list[Flaw] = []
        for one in self.fields:
            text = line[one.column - 1 : one.column - 1 + one.length]
            value, wrong = _READERS[one.kind](one, text)
            if wrong:
                flaws.append(Flaw(one.column, f"bad_{one.name}", f"{self.name}: {one.name} ({one.columns}) {wrong}"))
            elif one.kind not in (Kind.FIXED, Kind.BLANK):
                values.append(value)
        return (None if flaws else self.record(*values)), tuple(flaws)

    def _written(self, one: Field, value: Any) -> str:
        text, wrong = _WRITERS[one.kind](one, value)
        if wrong:
            raise FieldRefused(f"{self.name}: {one.name} ({one.columns}) {wrong}", field=one.name)
        return text


def is_plain(text: str) -> bool:
    """Whether a text is made of what the format holds: printable ASCII."""
    return text.isascii() and text.isprintable()


def fold(text: str, at_most: int) -> str:
    """A name as the format can hold it: accents fall away, what has no plain letter becomes a space, the end is cut."""
    bare = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o").replace("Ø", "O"))
    kept = "".join(c if is_plain(c) else " " for c in bare if not unicodedata.combining(c))
    return " ".join(kept.split())[:at_most].strip()


def check_digit(bank: str) -> str:
    """The ninth digit of a routing number, from its first eight."""
    return str(-sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, bank, strict=False)) % 10)


def is_routing(text: str) -> bool:
    """Whether a text is nine digits whose check digit holds."""
    return len(text) == 9 and _are_digits(text) and check_digit(text[:8]) == text[8]


def _are_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


# -- writing: the filled text, or why not ------------------------------------------------------------------------------


def _write_text(one: Field, value: Any) -> tuple[str, str]:
    if not isinstance(value, str):
        return "", f"takes text, not {one.shown(value)}."
    if len(value) > one.length:
        return "", f"holds {one.length} characters, and {one.shown(value)} has {len(value)}."
    if not is_plain(value):
        return "", f"holds printable ASCII only, not {one.shown(value)}."
    wrong = _misses(one, value.strip())
    return (value.rjust(one.length) if one.kind is Kind.RIGHT else value.ljust(one.length)), wrong


def _write_digits(one: Field, value: Any) -> tuple[str, str]:
    if not isinstance(value, str):
        return "", f"takes text of digits, not {one.shown(value)}."
    if one.blank and not value:
        return " " * one.length, ""
    if len(value) != one.length or not _are_digits(value):
        return "", f"takes exactly {one.length} digits, not {one.shown(value)}."
    return value, _misses(one, value)


def _write_number(one: Field, value: Any) -> tuple[str, str]:
    if type(value) is not int or value < 0:
        return "", f"takes a whole number from zero on, not {one.shown(value)}."
    text = str(value).zfill(one.length)
    return text, "" if len(text) == one.length else f"holds {one.length} digits, and {value} has {len(text)}."


def _write_routing(one: Field, value: Any) -> tuple[str, str]:
    if not isinstance(value, str) or not is_routing(value):
        return "", f"takes nine digits with their check digit, not {one.shown(value)}."
    return value, ""


def _write_day(one: Field, value: Any) -> tuple[str, str]:
    if value is None and one.blank:
        return " " * one.length, ""
    if not isinstance(value, dt.date) or not 2000 <= value.year <= 2000 + _LAST_OF_CENTURY:
        return "", f"takes a day from 2000 to 2099, not {one.shown(value)}."
    return value.strftime("%y%m%d"), ""


def _misses(one: Field, value: str) -> str:
    if not value and not one.blank:
        return "must not be blank."
    if one.among and value and value not in one.among:
        return f"must be one of {', '.join(sorted(one.among))}, not {one.shown(value)}."
    return ""


_WRITERS: dict[Kind, Callable[[Field, Any], tuple[str, str]]] = {
    Kind.TEXT: _write_text,
    Kind.RIGHT: _write_text,
    Kind.DIGITS: _write_digits,
    Kind.NUMBER: _write_number,
    Kind.ROUTING: _write_routing,
    Kind.DAY: _write_day,
}


# -- reading: the value, or why not ------------------------------------------------------------------------------------


def _read_fixed(one: Field, text: str) -> tuple[Any, str]:
    return None, "" if text == one.fixed else f"is {one.fixed!r}, not {one.shown(text)}."


def _read_blank(one: Field, text: str) -> tuple[Any, str]:
    """What others put into reserved columns means nothing, as long as it can be printed."""
    return None, "" if is_plain(text) else f"holds {one.shown(text)}, which is no printable ASCII."


def _read_text(one: Field, text: str) -> tuple[Any, str]:
    if not is_plain(text):
        return None, f"holds {one.shown(text)}, which is no printable ASCII."
    value = text.strip() if one.kind is Kind.RIGHT else text.rstrip()
    return value, _misses(one, value.strip())


def _read_digits(one: Field, text: str) -> tuple[Any, str]:
    if one.blank and not text.strip():
        return "", ""
    if not _are_digits(text):
        return None, f"takes {one.length} digits, not {one.shown(text)}."
    return text, _misses(one, text)


def _read_number(one: Field, text: str) -> tuple[Any, str]:
    return (int(text), "") if _are_digits(text) else (None, f"takes {one.length} digits, not {one.shown(text)}.")


def _read_routing(one: Field, text: str) -> tuple[Any, str]:
    if not _are_digits(text):
        return None, f"takes nine digits, not {one.shown(text)}."
    right = check_digit(text[:8])
    return text, "" if right == text[8] else f"ends with the check digit {text[8]}; that of {text[:8]} is {right}."


def _read_day(one: Field, text: str) -> tuple[Any, str]:
    if one.blank and (not text.strip() or text == "0" * one.length):
        return None, ""
    try:
        day = dt.date(2000 + int(text[:2]), int(text[2:4]), int(text[4:])) if _are_digits(text) else None
    except ValueError:
        day = None
    return day, "" if day else f"takes a day as YYMMDD, not {one.shown(text)}."


_READERS: dict[Kind, Callable[[Field, str], tuple[Any, str]]] = {
    Kind.FIXED: _read_fixed,
    Kind.BLANK: _read_blank,
    Kind.TEXT: _read_text,
    Kind.RIGHT: _read_text,
    Kind.DIGITS: _read_digits,
    Kind.NUMBER: _read_number,
    Kind.ROUTING: _read_routing,
    Kind.DAY: _read_day,
}
