"""Pure: the columns of every record, and the quick way for entries, of which a file may hold half a million."""

from __future__ import annotations

import re
from functools import lru_cache

from payments.ach.layouts import Field, Kind, Layout, is_routing
from payments.ach.records import (
    SERVICE_CLASSES,
    TRANSACTION_CODES,
    Addenda05,
    BatchControl,
    BatchHeader,
    Change,
    Contested,
    Dishonored,
    EntryDetail,
    FileControl,
    FileHeader,
    RefusedChange,
    Return,
)

_SECRET = frozenset({"account_number", "corrected"})


def _fixed(name: str, column: int, text: str) -> Field:
    return Field(name, column, len(text), Kind.FIXED, fixed=text)


def _blank(column: int, length: int) -> Field:
    return Field("reserved", column, length, Kind.BLANK)


def _text(name: str, column: int, length: int, *, blank: bool = False, among: frozenset[str] = frozenset()) -> Field:
    return Field(name, column, length, Kind.TEXT, blank=blank, among=among, secret=name in _SECRET)


def _digits(name: str, column: int, length: int, *, blank: bool = False, among: frozenset[str] = frozenset()) -> Field:
    return Field(name, column, length, Kind.DIGITS, blank=blank, among=among)


def _number(name: str, column: int, length: int) -> Field:
    return Field(name, column, length, Kind.NUMBER)


def _day(name: str, column: int) -> Field:
    return Field(name, column, 6, Kind.DAY, blank=True)


_MODIFIERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")

FILE_HEADER = Layout(
    "file header",
    FileHeader,
    (
        _fixed("record_type", 1, "1"),
        _fixed("priority", 2, "01"),
        Field("immediate_destination", 4, 10, Kind.RIGHT),
        Field("immediate_origin", 14, 10, Kind.RIGHT),
        Field("created_on", 24, 6, Kind.DAY),
        _digits("created_at", 30, 4, blank=True),
        _text("modifier", 34, 1, among=_MODIFIERS),
        _fixed("record_size", 35, "094"),
        _fixed("blocking_factor", 38, "10"),
        _fixed("format_code", 40, "1"),
        _text("destination_name", 41, 23, blank=True),
        _text("origin_name", 64, 23, blank=True),
        _text("reference", 87, 8, blank=True),
    ),
)

BATCH_HEADER = Layout(
    "batch header",
    BatchHeader,
    (
        _fixed("record_type", 1, "5"),
        _digits("service_class", 2, 3, among=SERVICE_CLASSES),
        _text("company_name", 5, 16),
        _text("company_discretionary", 21, 20, blank=True),
        _text("company_id", 41, 10),
        _text("sec_code", 51, 3),
        _text("description", 54, 10),
        _text("descriptive_date", 64, 6, blank=True),
        _day("effective_on", 70),
        _digits("settlement_day", 76, 3, blank=True),
        _text("originator_status", 79, 1),
        _digits("odfi", 80, 8),
        _number("batch_number", 88, 7),
    ),
)

ENTRY = Layout(
    "entry detail",
    EntryDetail,
    (
        _fixed("record_type", 1, "6"),
        _digits("transaction_code", 2, 2, among=TRANSACTION_CODES),
        Field("routing_number", 4, 9, Kind.ROUTING),
        _text("account_number", 13, 17),
        _number("amount_minor", 30, 10),
        _text("receiver_id", 40, 15, blank=True),
        _text("receiver_name", 55, 22, blank=True),
        _text("discretionary", 77, 2, blank=True),
        _number("has_addenda", 79, 1),
        _digits("trace_number", 80, 15),
    ),
)

ADDENDA_05 = Layout(
    "addenda 05",
    Addenda05,
    (
        _fixed("record_type", 1, "7"),
        _fixed("addenda_type", 2, "05"),
        _text("text", 4, 80, blank=True),
        _number("sequence", 84, 4),
        _number("entry_sequence", 88, 7),
    ),
)

CHANGE = Layout(
    "addenda 98",
    Change,
    (
        _fixed("record_type", 1, "7"),
        _fixed("addenda_type", 2, "98"),
        _text("code", 4, 3),
        _digits("original_trace", 7, 15),
        _blank(22, 6),
        _digits("original_rdfi", 28, 8),
        _text("corrected", 36, 29, blank=True),
        _blank(65, 15),
        _digits("trace_number", 80, 15),
    ),
)

REFUSED_CHANGE = Layout(
    "addenda 98 (refused)",
    RefusedChange,
    (
        _fixed("record_type", 1, "7"),
        _fixed("addenda_type", 2, "98"),
        _text("code", 4, 3),
        _digits("original_trace", 7, 15),
        _blank(22, 6),
        _digits("original_rdfi", 28, 8),
        _text("corrected", 36, 29, blank=True),
        _text("change_code", 65, 3),
        _digits("trace_sequence", 68, 7),
        _blank(75, 5),
        _digits("trace_number", 80, 15),
    ),
)

RETURN = Layout(
    "addenda 99",
    Return,
    (
        _fixed("record_type", 1, "7"),
        _fixed("addenda_type", 2, "99"),
        _text("code", 4, 3),
        _digits("original_trace", 7, 15),
        _day("died_on", 22),
        _digits("original_rdfi", 28, 8),
        _text("information", 36, 44, blank=True),
        _digits("trace_number", 80, 15),
    ),
)

DISHONORED = Layout(
    "addenda 99 (dishonored)",
    Dishonored,
    (
        _fixed("record_type", 1, "7"),
        _fixed("addenda_type", 2, "99"),
        _text("code", 4, 3),
        _digits("original_trace", 7, 15),
        _blank(22, 6),
        _digits("original_rdfi", 28, 8),
        _blank(36, 3),
        _digits("return_trace", 39, 15),
        _digits("return_settlement_day", 54, 3, blank=True),
        _text("return_code", 57, 2),
        _text("information", 59, 21, blank=True),
        _digits("trace_number", 80, 15),
    ),
)

CONTESTED = Layout(
    "addenda 99 (contested)",
    Contested,
    (
        _fixed("record_type", 1, "7"),
        _fixed("addenda_type", 2, "99"),
        _text("code", 4, 3),
        _digits("original_trace", 7, 15),
        _day("returned_on", 22),
        _digits("original_rdfi", 28, 8),
        _digits("original_settlement_day", 36, 3, blank=True),
        _digits("return_trace", 39, 15),
        _digits("return_settlement_day", 54, 3, blank=True),
        _text("return_code", 57, 2),
        _digits("dishonored_trace", 59, 15),
        _digits("dishonored_settlement_day", 74, 3, blank=True),
        _text("dishonored_code", 77, 2),
        _blank(79, 1),
        _digits("trace_number", 80, 15),
    ),
)

BATCH_CONTROL = Layout(
    "batch control",
    BatchControl,
    (
        _fixed("record_type", 1, "8"),
        _digits("service_class", 2, 3, among=SERVICE_CLASSES),
        _number("entry_count", 5, 6),
        _number("entry_hash", 11, 10),
        _number("debit_minor", 21, 12),
        _number("credit_minor", 33, 12),
        _text("company_id", 45, 10),
        _text("authentication", 55, 19, blank=True),
        _blank(74, 6),
        _digits("odfi", 80, 8),
        _number("batch_number", 88, 7),
    ),
)

FILE_CONTROL = Layout(
    "file control",
    FileControl,
    (
        _fixed("record_type", 1, "9"),
        _number("batch_count", 2, 6),
        _number("block_count", 8, 6),
        _number("entry_count", 14, 8),
        _number("entry_hash", 22, 10),
        _number("debit_minor", 32, 12),
        _number("credit_minor", 44, 12),
        _blank(56, 39),
    ),
)

LAYOUTS = (
    FILE_HEADER, BATCH_HEADER, ENTRY, ADDENDA_05, CHANGE, REFUSED_CHANGE, RETURN, DISHONORED, CONTESTED,
    BATCH_CONTROL, FILE_CONTROL,
)  # fmt: skip

_HOLDS_ENTRY = re.compile(r"6[0-9]{11}[ -~]{17}[0-9]{10}[ -~]{39}[01][0-9]{15}").fullmatch


@lru_cache(maxsize=1 << 15)
def bank_of(routing_number: str) -> int | None:
    """What a routing number adds to an entry hash (its first eight digits); None when it is no routing number."""
    return int(routing_number[:8]) if is_routing(routing_number) else None


def write_entry(entry: EntryDetail) -> str:
    """Write record 6; the same as `ENTRY.write`, which says what does not fit. Raises: FieldRefused."""
    bank = bank_of(entry.routing_number)
    return (quick_entry(*entry) if bank is not None else "") or ENTRY.write(entry)


def quick_entry(
    code: str,
    routing: str,
    account: str,
    amount: int,
    receiver_id: str,
    name: str,
    discretionary: str,
    addenda: int,
    trace: str,
) -> str:
    """Write record 6 of a routing number that is one; empty when something does not fit."""
    if type(amount) is int and code in TRANSACTION_CODES:
        line = f"6{code}{routing}{account:<17}{amount:010}{receiver_id:<15}{name:<22}{discretionary:<2}{addenda}{trace}"
        if _HOLDS_ENTRY(line) and len(trace) == 15 and account and not account.isspace():
            return line
    return ""


def read_entry(line: str) -> EntryDetail | None:
    """Read record 6 when nothing is wrong with it; else None, and `ENTRY.read` says what is."""
    code, routing, account = line[1:3], line[3:12], line[12:29].rstrip()
    if not _HOLDS_ENTRY(line) or code not in TRANSACTION_CODES or bank_of(routing) is None or not account:
        return None
    return EntryDetail(
        code,
        routing,
        account,
        int(line[29:39]),
        line[39:54].rstrip(),
        line[54:76].rstrip(),
        line[76:78].rstrip(),
        1 if line[78] == "1" else 0,
        line[79:],
    )
