"""Pure: hold control records against what stands above them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from payments.ach import records
from payments.ach.records import HASH_DIGITS, BatchHeader


class Problem(NamedTuple):
    """One thing that is wrong, and where. `code` is stable."""

    line: int
    column: int
    code: str
    message: str


class Sums:
    """What a control record must repeat. `unread` is the first line whose amount or bank could not be read."""

    __slots__ = ("count", "credit", "debit", "hash", "unread")

    def __init__(self) -> None:
        self.count = self.hash = self.debit = self.credit = self.unread = 0

    def add(self, other: Sums) -> None:
        self.count += other.count
        self.hash += other.hash
        self.debit += other.debit
        self.credit += other.credit
        self.unread = self.unread or other.unread


def of_batch(line: int, control: records.BatchControl, header: BatchHeader | None, sums: Sums) -> Iterator[Problem]:
    """Where a batch control does not repeat what stands above it."""
    if header is not None:
        for column, name in ((2, "service_class"), (45, "company_id"), (80, "odfi"), (88, "batch_number")):
            said, before = getattr(control, name), getattr(header, name)
            if said != before:
                yield Problem(line, column, f"wrong_{name}", f"The control says {said!r}, the batch header {before!r}.")
    if control.entry_count != sums.count:
        message = f"The control counts {control.entry_count} entries and addenda; there are {sums.count}."
        yield Problem(line, 5, "wrong_count", message)
    yield from _wrong_sums(line, (11, 21, 33), control, sums)


def of_file(line: int, control: records.FileControl, sums: Sums, batches: int, rows: int) -> Iterator[Problem]:
    """Where a file control does not repeat what stands above it."""
    blocks = -(-rows // records.BLOCKING)
    if control.batch_count != batches:
        yield Problem(line, 2, "wrong_count", f"The file control counts {control.batch_count} batches, not {batches}.")
    if control.block_count != blocks:
        yield Problem(line, 8, "wrong_count", f"The file control counts {control.block_count} blocks, not {blocks}.")
    if control.entry_count != sums.count:
        message = f"The file control counts {control.entry_count} entries and addenda; there are {sums.count}."
        yield Problem(line, 14, "wrong_count", message)
    yield from _wrong_sums(line, (22, 32, 44), control, sums)


def _wrong_sums(
    line: int, places: tuple[int, int, int], control: records.BatchControl | records.FileControl, sums: Sums
) -> Iterator[Problem]:
    if sums.unread:
        message = f"The sums cannot be proved: line {sums.unread} above is not readable."
        yield Problem(line, places[0], "not_proved", message)
        return
    found = (sums.hash % HASH_DIGITS, sums.debit, sums.credit)
    said = (control.entry_hash, control.debit_minor, control.credit_minor)
    names = ("entry hash", "debit total", "credit total")
    for column, name, have, claim in zip(places, names, found, said, strict=True):
        if have != claim:
            code = "wrong_hash" if name == "entry hash" else "wrong_total"
            yield Problem(line, column, code, f"The control says {claim} for the {name}; it is {have}.")
