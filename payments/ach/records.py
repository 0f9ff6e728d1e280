"""Pure: every record of the ACH operator's file format that we write or read, as a tuple; `columns` lays them out.

1 file header, 5 batch header, 6 entry detail (PPD, CCD, WEB, TEL and their returns share its columns), 7 addenda of the
types 05 (text), 98 (notification of change, and its refusal), 99 (return, dishonored, contested), 8 batch control,
9 file control. Files are filled up to whole blocks of ten records with rows of nines.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from payments.ach.layouts import WIDTH

BLOCKING = 10
FILLER = "9" * WIDTH
MOST_SEQUENCE = 9_999_999
HASH_DIGITS = 10**10

MIXED, CREDITS, DEBITS = "200", "220", "225"
SERVICE_CLASSES = frozenset({MIXED, CREDITS, DEBITS})
WRITTEN_SEC = frozenset({"PPD", "CCD", "WEB", "TEL"})
READ_SEC = WRITTEN_SEC | {"COR", "ACK"}
"""Returns come under the code of their entry, changes under COR, acknowledgements of CCD credits under ACK."""

DEBIT_CODES = frozenset(kind + what for kind in "234" for what in "6789") | {"55", "56"}
"""First digit: 2 checking, 3 savings, 4 general ledger, 5 loan. Second, for credits and debits: 1 and 6 returns and
changes, 2 and 7 live entries, 3 and 8 prenotes, 4 and 9 entries of nothing but an addenda; loans differ."""
TRANSACTION_CODES = DEBIT_CODES | frozenset(kind + what for kind in "2345" for what in "1234")
RETURN_CODES = frozenset(["21", "26", "31", "36", "41", "46", "51", "56"])
PRENOTE_CODES = frozenset(["23", "28", "33", "38", "43", "48", "53"])

_CHECKING, _SAVINGS = "checking", "savings"
LIVE = {
    (_CHECKING, "credit"): "22", (_CHECKING, "debit"): "27", (_SAVINGS, "credit"): "32", (_SAVINGS, "debit"): "37",
}  # fmt: skip
PRENOTE = {
    (_CHECKING, "credit"): "23", (_CHECKING, "debit"): "28", (_SAVINGS, "credit"): "33", (_SAVINGS, "debit"): "38",
}  # fmt: skip
ACCOUNT_TYPES = {code: kind for table in (LIVE, PRENOTE) for (kind, _), code in table.items()}


class FileHeader(NamedTuple):
    """Record 1. Destination is the bank's routing number, origin the number it knows us by."""

    immediate_destination: str
    immediate_origin: str
    created_on: dt.date
    created_at: str
    modifier: str
    destination_name: str
    origin_name: str
    reference: str


class BatchHeader(NamedTuple):
    """Record 5. `settlement_day` (day of the year) is filled in by the operator."""

    service_class: str
    company_name: str
    company_discretionary: str
    company_id: str
    sec_code: str
    description: str
    descriptive_date: str
    effective_on: dt.date | None
    settlement_day: str
    originator_status: str
    odfi: str
    batch_number: int


class EntryDetail(NamedTuple):
    """Record 6. The routing number is the receiving bank's eight digits and their check digit."""

    transaction_code: str
    routing_number: str
    account_number: str
    amount_minor: int
    receiver_id: str
    receiver_name: str
    discretionary: str
    has_addenda: int
    trace_number: str


class Addenda05(NamedTuple):
    """Record 7, type 05: text for the receiver."""

    text: str
    sequence: int
    entry_sequence: int


class Change(NamedTuple):
    """Record 7, type 98: what the receiving bank wants written otherwise from now on."""

    code: str
    original_trace: str
    original_rdfi: str
    corrected: str
    trace_number: str


class RefusedChange(NamedTuple):
    """Record 7, type 98: a notification of change goes back, with the reason C61 to C69."""

    code: str
    original_trace: str
    original_rdfi: str
    corrected: str
    change_code: str
    trace_sequence: str
    trace_number: str


class Return(NamedTuple):
    """Record 7, type 99: the entry comes back."""

    code: str
    original_trace: str
    died_on: dt.date | None
    original_rdfi: str
    information: str
    trace_number: str


class Dishonored(NamedTuple):
    """Record 7, type 99: the originating bank does not take a return."""

    code: str
    original_trace: str
    original_rdfi: str
    return_trace: str
    return_settlement_day: str
    return_code: str
    information: str
    trace_number: str


class Contested(NamedTuple):
    """Record 7, type 99: the receiving bank insists on its return."""

    code: str
    original_trace: str
    returned_on: dt.date | None
    original_rdfi: str
    original_settlement_day: str
    return_trace: str
    return_settlement_day: str
    return_code: str
    dishonored_trace: str
    dishonored_settlement_day: str
    dishonored_code: str
    trace_number: str


class BatchControl(NamedTuple):
    """Record 8."""

    service_class: str
    entry_count: int
    entry_hash: int
    debit_minor: int
    credit_minor: int
    company_id: str
    authentication: str
    odfi: str
    batch_number: int


class FileControl(NamedTuple):
    """Record 9."""

    batch_count: int
    block_count: int
    entry_count: int
    entry_hash: int
    debit_minor: int
    credit_minor: int


def trace_number(odfi: str, sequence: int) -> str:
    """Our trace number: the eight digits of our bank and seven that rise within a file."""
    return f"{odfi}{sequence:07}"


def is_debit(transaction_code: str) -> bool:
    """Whether a transaction code takes money from the receiver (or returns such an entry)."""
    return transaction_code in DEBIT_CODES
