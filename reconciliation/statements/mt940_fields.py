"""MT940 fields: messages cut from the file, balances and movements, each read once and each checked.

Source: SWIFT Standards, Category 9, MT940 field specifications: 60a and 62a are `1!a6!n3!a15d`, 61 is
`6!n[4!n]2a[1!a]15d1!a3!c16x[//16x]` with supplementary details `[34x]` on a line of their own.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from coverpay.kernel.money import EXPONENTS
from reconciliation.statements.base import ParsedLine, Problems
from reconciliation.statements.figures import BadFigure, minor

_FIELD = re.compile(r":([0-9]{2}[A-Z]?):")
_SENDER = re.compile(r"\{1:[FAL][0-9]{2}([A-Z0-9]{8})[A-Z0-9]{4}")
_OUTPUT = re.compile(r"\{2:O[0-9]{3}[0-9]{10}([A-Z0-9]{8})")
_BLOCK = r"\{[1235S]:(?:[^{}]|\{[^{}]*\})*\}"
_ENVELOPE = re.compile(rf"(?:-\}}|-$)?(?:{_BLOCK})+(?:\{{4:)?|-\}}|-$|\{{4:")
_ENVELOPE_STARTS = ("{", "-")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BALANCE = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9]{1,15},[0-9]{0,14})")
_MOVEMENT = re.compile(r"([0-9]{6})([0-9]{4})?(R?[CD])([A-Z])?([0-9]{1,15},[0-9]{0,14})([NSF][A-Z0-9]{3})(.*)")
SIGNS = {"C": 1, "D": -1, "RC": -1, "RD": 1}
NO_REFERENCE = "NONREF"


class Field(NamedTuple):
    """One field: its tag, its rows, and where its content starts."""

    tag: str
    line: int
    column: int
    rows: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.rows[0].strip()

    @property
    def last_line(self) -> int:
        return self.line + len(self.rows) - 1


@dataclass(frozen=True, slots=True)
class Message:
    """The fields from one 20 to the next, and the bank its envelope names."""

    sender: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance with its day; `is_final` is false for those that only hand over to the next page."""

    line: int
    amount_minor: int
    currency: str
    on: dt.date
    is_final: bool


def fields(content: bytes, problems: Problems) -> Iterator[tuple[str, Field]]:
    """Give the fields in order, each with the sender of its envelope. Lines that belong to none are reported."""
    sender, tag, line, column = "", "", 0, 0
    opened_at = 0  # the line whose envelope is still open
    rows: list[str] = []
    file = _decode(content).rstrip("\x1a\x00 \r\n").replace("\r\n", "\n").replace("\r", "\n")
    is_clean = _CONTROL.search(file) is None
    for number, whole in enumerate(file.split("\n"), start=1):
        control = None if is_clean else _CONTROL.search(whole)
        if control:
            message = f"Character {ord(control[0])} does not belong in a statement."
            problems.add(number, control.start() + 1, "control_character", message)
            continue
        envelope = _ENVELOPE.match(whole) if whole.startswith(_ENVELOPE_STARTS) else None
        text = whole[envelope.end() :] if envelope else whole
        opened = _FIELD.match(text) if text.startswith(":") else None
        if (opened or envelope) and tag:
            yield sender, Field(tag, line, column, tuple(rows))
            tag = ""
        if envelope:
            sender = _sender(whole) or sender
            opened_at = _envelope(envelope[0], opened_at, number, problems)
        if opened:
            tag, line, column = opened[1], number, len(whole) - len(text) + opened.end() + 1
            rows = [text[opened.end() :].rstrip()]
        elif tag:
            rows.append(text.rstrip())
        elif text.strip():
            problems.add(number, 1, "unknown_line", f"The line starts with {text[:10]!r}, which belongs to no field.")
    if tag:
        yield sender, Field(tag, line, column, tuple(rows))
    if opened_at:
        problems.add(opened_at, 1, "message_cut", "The message that starts here has no end (-}).")


def _envelope(text: str, opened_at: int, number: int, problems: Problems) -> int:
    """Follow the envelopes: each text block that opens ({4:) must close (-}) before the next one opens."""
    if text.startswith("-"):
        opened_at = 0
    if not text.endswith("{4:"):
        return opened_at
    if opened_at:
        problems.add(opened_at, 1, "message_cut", "The message that starts here has no end (-}).")
    return number


def _sender(text: str) -> str:
    found = _OUTPUT.search(text) or _SENDER.search(text)
    return found[1] if found else ""


def pages_of(found: Iterator[tuple[str, Field]], problems: Problems) -> Iterator[Message]:
    """Group fields into messages, each from its 20 on."""
    held: list[Field] = []
    named = ""
    for sender, one in found:
        if one.tag == "20":
            if held:
                yield Message(named, tuple(held))
            held, named = [one], sender
        elif held:
            held.append(one)
        else:
            problems.add(one.line, 1, "out_of_order", f"Field {one.tag} stands before any message (20).")
    if held:
        yield Message(named, tuple(held))


def balance(one: Field, problems: Problems) -> Balance | None:
    """Read a balance; None when it cannot be read (then reported)."""
    read = _BALANCE.fullmatch(one.text)
    if read is None or len(one.rows) > 1:
        message = f"{one.text[:40]!r} is no balance; it is written like C260104USD1234,56."
        problems.add(one.line, one.column, "bad_balance", message)
        return None
    mark, shown, currency, figure = read.groups()
    if currency not in EXPONENTS:
        message = f"{currency!r} is no currency we keep books in; its decimals are unknown."
        problems.add(one.line, one.column + 7, "unknown_currency", message)
        return None
    value, on = _figure(figure, currency, one, 10, problems), _day(shown)
    if on is None:
        problems.add(one.line, one.column + 1, "bad_date", f"{shown} is no date; dates are written YYMMDD.")
    if value is None or on is None:
        return None
    return Balance(one.line, SIGNS[mark] * value, currency, on, one.tag.endswith("F"))


def movement(one: Field, said: Sequence[str], currency: str, problems: Problems) -> ParsedLine | None:
    """Read a movement (61) with the rows of the 86 behind it; None when it cannot be read (then reported)."""
    read = _MOVEMENT.fullmatch(one.text)
    if read is None:
        message = f"{one.text[:40]!r} is no movement; it is written like 2601040104C1234,56NTRFREFERENCE."
        problems.add(one.line, one.column, "bad_movement", message)
        return None
    valued, entered, mark, funds, figure, kind, references = read.groups()
    reference, _, bank_reference = references.partition("//")
    if funds and currency and funds != currency[2]:
        message = f"The funds code {funds!r} is not the third letter of {currency}."
        problems.add(one.line, one.column + read.start(4), "bad_funds_code", message)
    value_date = _day(valued)
    if value_date is None:
        problems.add(one.line, one.column, "bad_date", f"{valued} is no date; dates are written YYMMDD.")
        return None
    posted = value_date if entered in (None, valued[2:]) else _near(value_date, entered)
    if posted is None:
        problems.add(one.line, one.column + 6, "bad_date", f"{entered} is no entry date; it is written MMDD.")
        return None
    value = _figure(figure, currency, one, read.start(5), problems) if currency else None
    if value is None:
        return None
    reference = reference.strip()
    return ParsedLine(
        line=one.line,
        posted_on=posted,
        value_date=value_date,
        amount_minor=SIGNS[mark] * value,
        type_code=kind,
        bank_reference=bank_reference.strip(),
        customer_reference="" if reference == NO_REFERENCE else reference,
        text=_text(mark, (*one.rows[1:], *said)),
    )


def has_entry_date(one: Field) -> bool:
    """Tell whether a movement says when it was entered: ten digits before its mark instead of six."""
    return one.rows[0].lstrip()[:10].isdigit()


def _text(mark: str, rows: Sequence[str]) -> str:
    if len(rows) == 1 and mark in ("C", "D"):
        return rows[0].strip()
    said = ["Reversal"] if mark.startswith("R") else []
    return "\n".join(part for part in (*said, *(row.strip() for row in rows)) if part)


def _figure(figure: str, currency: str, one: Field, offset: int, problems: Problems) -> int | None:
    try:
        return minor(figure.replace(",", "."), currency)
    except BadFigure as refused:
        problems.add(one.line, one.column + offset, refused.code, str(refused))
        return None


@functools.lru_cache(maxsize=1024)
def _day(shown: str) -> dt.date | None:
    """Read YYMMDD; 00-79 are 2000-2079 and 80-99 are 1980-1999."""
    year = int(shown[:2])
    return _date(year + (2000 if year < 80 else 1900), shown[2:])


@functools.lru_cache(maxsize=1024)
def _near(value_date: dt.date, entered: str) -> dt.date | None:
    """Find the year of an entry date: the one that puts it nearest to the value date, also over the year's end."""
    years = (value_date.year - 1, value_date.year, value_date.year + 1)
    found = [date for year in years if (date := _date(year, entered)) is not None]
    return min(found, key=lambda date: abs(date - value_date), default=None)


def _date(year: int, month_day: str) -> dt.date | None:
    try:
        return dt.date(year, int(month_day[:2]), int(month_day[2:]))
    except ValueError:
        return None


def _decode(content: bytes) -> str:
    """SWIFT text is ASCII; some banks write UTF-8 or Latin-1 in their texts, which never touches a figure."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1").removeprefix("\xef\xbb\xbf")
