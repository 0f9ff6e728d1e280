"""Pure: write a file of the ACH operator's format, entry by entry, in the memory that one batch's totals take.

Hashes, totals, counts, trace and batch numbers come of themselves; a batch that grows beyond what its control record
can say is closed and another opened. Nothing that does not fit is ever cut: it is refused with its field.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from coverpay.kernel.errors import Invalid
from payments.ach import columns, records
from payments.ach.records import CREDITS, DEBIT_CODES, DEBITS, HASH_DIGITS, MOST_SEQUENCE, EntryDetail

MOST_BATCH_ENTRIES = 10**6 - 1
MOST_BATCH_MINOR = 10**12 - 1
MOST_FILE_ENTRIES = 10**8 - 1
_LINES_AT_ONCE = 1_000


class FileFull(Invalid):
    """More than one ACH file can say in its control record; send the rest in the next."""

    code = "ach_file_full"


class WrongDirection(Invalid):
    """A credit in a batch of debits, or the other way round."""

    code = "ach_wrong_direction"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends to whom: the bank's routing number and name, ours there, and the bank's eight digits in traces."""

    immediate_destination: str
    immediate_origin: str
    destination_name: str
    origin_name: str
    odfi: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the entries of a batch have in common."""

    company_name: str
    company_id: str
    sec_code: str
    description: str
    effective_on: dt.date
    service_class: str = DEBITS
    company_discretionary: str = ""
    descriptive_date: str = ""


class Item(NamedTuple):
    """One entry to write; `text` goes into an addenda record of type 05."""

    transaction_code: str
    routing_number: str
    account_number: str
    amount_minor: int
    receiver_id: str
    receiver_name: str
    discretionary: str = ""
    text: str = ""


@dataclass(slots=True)
class Totals:
    """What a control record says of the records above it. `entries` counts addenda too, as the format does."""

    entries: int = 0
    entry_hash: int = 0
    debit_minor: int = 0
    credit_minor: int = 0
    batches: int = 0

    def add(self, other: Totals) -> None:
        self.entries += other.entries
        self.entry_hash += other.entry_hash
        self.debit_minor += other.debit_minor
        self.credit_minor += other.credit_minor
        self.batches += 1


class Writer:
    """Writes one file to `put`, which takes text. Call `batch` as often as needed, then `close`.

    Takes:  `created_at`, the local time in the header; `modifier` A-Z, 0-9; `first_sequence` of the trace numbers.
    """

    def __init__(
        self,
        put: Callable[[str], object],
        sender: Sender,
        *,
        created_at: dt.datetime,
        modifier: str,
        first_sequence: int = 1,
    ) -> None:
        self._put = put
        self._sender = sender
        self._sequence = first_sequence
        self._rows = 1
        self.totals = Totals()
        header = records.FileHeader(
            immediate_destination=sender.immediate_destination,
            immediate_origin=sender.immediate_origin,
            created_on=created_at.date(),
            created_at=created_at.strftime("%H%M"),
            modifier=modifier,
            destination_name=sender.destination_name,
            origin_name=sender.origin_name,
            reference=sender.reference,
        )
        put(columns.FILE_HEADER.write(header) + "\n")

    def batch(self, batch: Batch, items: Iterable[Item]) -> range:
        """Write a batch; none at all when there are no items. Gives: the sequences of the trace numbers it used.

        Raises: FieldRefused, WrongDirection, FileFull.
        """
        first = self._sequence
        rest = iter(items)
        following = next(rest, None)
        while following is not None:
            following = self._one_batch(batch, following, rest)
        return range(first, self._sequence)

    def close(self) -> Totals:
        """Write the file control and fill the last block. Gives: what the control says. Raises: FileFull."""
        totals = self.totals
        if max(totals.debit_minor, totals.credit_minor) > MOST_BATCH_MINOR or totals.entries > MOST_FILE_ENTRIES:
            raise FileFull("The file holds more than its control record can say; send the rest in another.")
        rows = self._rows + 1
        blocks = -(-rows // records.BLOCKING)
        control = records.FileControl(
            totals.batches,
            blocks,
            totals.entries,
            totals.entry_hash % HASH_DIGITS,
            totals.debit_minor,
            totals.credit_minor,
        )
        filler = (records.FILLER + "\n") * (blocks * records.BLOCKING - rows)
        self._put(columns.FILE_CONTROL.write(control) + "\n" + filler)
        return totals

    def _one_batch(self, batch: Batch, first: Item, rest: Iterable[Item]) -> Item | None:
        """Write items until they end or the batch is full. Gives: the item that did not fit any more."""
        number = self.totals.batches + 1
        header = records.BatchHeader(
            service_class=batch.service_class,
            company_name=batch.company_name,
            company_discretionary=batch.company_discretionary,
            company_id=batch.company_id,
            sec_code=batch.sec_code,
            description=batch.description,
            descriptive_date=batch.descriptive_date,
            effective_on=batch.effective_on,
            settlement_day="",
            originator_status="1",
            odfi=self._sender.odfi,
            batch_number=number,
        )
        self._put(columns.BATCH_HEADER.write(header) + "\n")
        totals, left = self._entries(batch, first, rest)
        control = records.BatchControl(
            batch.service_class,
            totals.entries,
            totals.entry_hash % HASH_DIGITS,
            totals.debit_minor,
            totals.credit_minor,
            batch.company_id,
            "",
            self._sender.odfi,
            number,
        )
        self._put(columns.BATCH_CONTROL.write(control) + "\n")
        self._rows += totals.entries + 2
        self.totals.add(totals)
        return left

    def _entries(self, batch: Batch, first: Item, rest: Iterable[Item]) -> tuple[Totals, Item | None]:
        odfi, sequence, lines = self._sender.odfi, self._sequence, list[str]()
        wanted = {DEBITS: True, CREDITS: False}.get(batch.service_class)
        count = summed = debits = credits = 0
        quick, bank_of = columns.quick_entry, columns.bank_of
        left: Item | None = None
        for item in _first_and(first, rest):
            code, routing, _, amount, _, _, _, text = item
            is_debit = code in DEBIT_CODES
            room = MOST_BATCH_MINOR - (debits if is_debit else credits)
            if count >= MOST_BATCH_ENTRIES - 1 or amount > room:
                left = item
                break
            if wanted is not None and is_debit is not wanted:
                raise WrongDirection(f"Code {code} does not belong in a batch {batch.service_class}.", field="batch")
            if sequence > MOST_SEQUENCE:
                raise FileFull("The trace numbers of this file are used up; send the rest in another.")
            addenda = 1 if text else 0
            trace = f"{odfi}{sequence:07}"
            bank = bank_of(routing)
            line = "" if bank is None else quick(*item[:7], addenda, trace)
            if bank is None or not line:
                line = columns.ENTRY.write(EntryDetail(*item[:7], addenda, trace))
            lines.append(line)
            if text:
                lines.append(columns.ADDENDA_05.write(records.Addenda05(text, 1, sequence)))
            summed += bank or 0
            debits, credits = (debits + amount, credits) if is_debit else (debits, credits + amount)
            count += 1 + addenda
            sequence += 1
            if len(lines) >= _LINES_AT_ONCE:
                self._put("\n".join(lines) + "\n")
                lines.clear()
        if lines:
            self._put("\n".join(lines) + "\n")
        self._sequence = sequence
        return Totals(count, summed, debits, credits), left


def _first_and(first: Item, rest: Iterable[Item]) -> Iterable[Item]:
    yield first
    yield from rest
