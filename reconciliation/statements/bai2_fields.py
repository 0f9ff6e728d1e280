"""BAI2 fields: dates, times, amounts, type codes and funds types, each read once and each checked.

Source: Cash Management Balance Reporting Specifications Version 2 (BAI, 2005), section "Data Elements" and
Appendix A (type codes). Where a bank may leave a field out, the default is the specification's.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from coverpay.kernel.money import MAX_MINOR
from reconciliation.statements.bai2_records import Record
from reconciliation.statements.base import Availability, Problems

_SIGNED = re.compile(r"[+-]?[0-9]{1,18}")
_COUNT = re.compile(r"[0-9]{1,9}")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3])[0-5][0-9]|2400|9999|(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){1,2}")
_DATE = re.compile(r"[0-9]{6}")
_TYPE_CODE = re.compile(r"[0-9]{3}")

TOTAL_CREDITS, TOTAL_DEBITS, INFORMATION_ONLY = "100", "400", "890"


class Fields:
    """One record's fields with a cursor; a field past the end is the default, as the specification allows."""

    def __init__(self, record: Record, problems: Problems) -> None:
        self.record = record
        self.values: Sequence[str] = record.values
        self.at = 0
        self._problems = problems

    @property
    def is_done(self) -> bool:
        return self.at >= len(self.values)

    def peek(self) -> str:
        return self.values[self.at] if self.at < len(self.values) else ""

    def next(self) -> str:
        value = self.peek()
        self.at += 1
        return value

    def report(self, code: str, message: str, *, back: int = 1) -> None:
        """Report a problem at the field just read (`back` fields before the cursor)."""
        line, column = self.record.place(max(self.at - back, 0))
        self._problems.add(line, column, code, message)

    def required(self, name: str) -> str:
        value = self.next()
        if not value:
            self.report("field_missing", f"Record {self.record.code} has no {name}.")
        return value

    def amount(self, name: str, *, signed: bool = True) -> int | None:
        """Read an amount in minor units; None when it is defaulted or unreadable (then reported)."""
        value = self.next()
        if not value:
            return None
        if not _SIGNED.fullmatch(value):
            self.report("bad_amount", f"{value[:30]!r} is no {name}; amounts are whole minor units without a point.")
            return None
        number = int(value)
        if not signed and value.startswith("-"):
            self.report("signed_amount", f"The {name} {value} has a sign; the type code alone says which way it goes.")
            return None
        if abs(number) > MAX_MINOR:
            self.report("amount_too_large", f"The {name} {value} is larger than any amount we accept.")
            return None
        return number

    def count(self, name: str) -> int | None:
        """Read a count that must be there; None when it is not (then reported)."""
        value = self.next()
        if not _COUNT.fullmatch(value):
            self.report("bad_count", f"{value[:30]!r} is no {name}.")
            return None
        return int(value)

    def optional_count(self, name: str) -> None:
        if self.peek():
            self.count(name)
        else:
            self.at += 1

    def date(self, name: str, *, required: bool = True) -> dt.date | None:
        """Read YYMMDD; 00-68 are 2000-2068 and 69-99 are 1969-1999."""
        value = self.next()
        if not value and not required:
            return None
        if _DATE.fullmatch(value):
            year = int(value[:2])
            try:
                return dt.date(year + (2000 if year < 69 else 1900), int(value[2:4]), int(value[4:]))
            except ValueError:
                pass
        self.report("bad_date", f"{value[:30]!r} is no {name}; dates are written YYMMDD.")
        return None

    def time(self, name: str) -> str:
        """Read an optional time, HHMM up to 2400; 9999 is the end of the day. Only shown, never reckoned with."""
        value = self.next()
        if value and not _TIME.fullmatch(value):
            self.report("bad_time", f"{value[:30]!r} is no {name}; times are written HHMM.")
            return ""
        return value

    def end(self) -> None:
        """Report fields after the last one of the record; empty ones are a habit of some banks and harmless."""
        while not self.is_done:
            if self.next():
                self.report("extra_field", f"Record {self.record.code} has more fields than its format.")
                return


def type_code(fields: Fields) -> str:
    """Read a type code; empty, with the problem reported, where there is none."""
    value = fields.next()
    if _TYPE_CODE.fullmatch(value):
        return value
    fields.report("bad_type_code", f"{value[:30]!r} is no type code; type codes have three digits.")
    return ""


def direction(code: str) -> int | None:
    """Tell the sign of a detail: 1 for a credit, -1 for a debit, 0 for information, None where a detail cannot be.

    Appendix A: 101-399 credits, 401-699 debits, 890 non-monetary; customs 920-959 credits, 960-999 debits. Status
    codes, the totals 100 and 400 and loan codes (700-799) never move money on the account.
    """
    number = int(code)
    if 101 <= number <= 399 or 920 <= number <= 959:
        return 1
    if 401 <= number <= 699 or 960 <= number <= 999:
        return -1
    return 0 if code == INFORMATION_ONLY else None


def availability(fields: Fields, amount_minor: int | None) -> Availability:
    """Read a funds type and the fields it brings: none for Z 0 1 2, three for S, two for V, 2n + 1 for D.

    A distribution (S, D) must add up to the amount it distributes.
    """
    kind = fields.next()
    if kind in ("", "Z"):
        return Availability(kind)
    if kind in ("0", "1", "2"):
        return Availability(kind, distribution=((int(kind), amount_minor or 0),))
    if kind == "V":
        return Availability(kind, fields.date("value date", required=False), fields.time("value time"))
    distribution: tuple[tuple[int, int], ...] | None
    if kind == "S":
        distribution = _simple(fields)
    elif kind == "D":
        distribution = _distributed(fields)
    else:
        fields.report("bad_funds_type", f"{kind[:30]!r} is no funds type; known are Z, 0, 1, 2, S, V and D.")
        return Availability()
    if distribution is not None and sum(part for _, part in distribution) != (amount_minor or 0):
        fields.report("availability_differs", f"The availability of {kind} does not add up to the amount.")
    return Availability(kind, distribution=distribution or ())


def _simple(fields: Fields) -> tuple[tuple[int, int], ...]:
    parts = [(days, fields.amount("availability amount") or 0) for days in (0, 1, 2)]
    return tuple((days, part) for days, part in parts if part)


def _distributed(fields: Fields) -> tuple[tuple[int, int], ...] | None:
    number = fields.count("number of distributions")
    if number is None or number * 2 > len(fields.values) - fields.at:
        if number is not None:
            fields.report("bad_count", f"The record is too short for {number} distributions.")
        return None
    parts = [(fields.count("days of a distribution"), fields.amount("availability amount")) for _ in range(number)]
    return tuple((days or 0, part or 0) for days, part in parts)
