"""Pure: read a file of the ACH operator's format, row by row, without ever guessing.

Every row ends in exactly one event: understood, or refused with its text and every reason, each with line and column.
A batch is proved by its control record: count, hash and both sums. What stands in a proved batch is safe, whatever else
is wrong with the file; what stands in another is told apart by `BATCH_CLOSED` with problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, NamedTuple

from payments.ach import codes, columns, records
from payments.ach.columns import bank_of, read_entry
from payments.ach.layouts import WIDTH, Layout
from payments.ach.proofs import Problem, Sums, of_batch, of_file
from payments.ach.records import DEBIT_CODES, FILLER, BatchHeader, EntryDetail
from payments.ach.rows import chunks_of, cut

_END_OF_FILE = "\x1a"
_MOST_RAW = 1_000


class What(Enum):
    """What a row turned out to be. ENTRY comes with its addenda; NOTE has no row of its own."""

    FILE_OPENED = "file header"
    BATCH_OPENED = "batch header"
    ENTRY = "entry"
    BATCH_CLOSED = "batch control"
    FILE_CLOSED = "file control"
    FILLER = "filler"
    REFUSED = "refused"
    NOTE = "note"


class Event(NamedTuple):
    """One step through the file: `rows` rows from `line` on, the record when it was understood, the raw text if not.

    BATCH_CLOSED without problems proves every ENTRY since BATCH_OPENED. With rows 0 the control record never came.
    """

    what: What
    line: int
    rows: int
    record: Any = None
    addenda: tuple[Any, ...] = ()
    problems: tuple[Problem, ...] = ()
    raw: str = ""


def events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Read a file as it comes, in the memory of one entry and the sums of one batch."""
    reader = _Reader()
    for line, row in cut(chunks):
        if row[:1] == "6" and reader.takes_entries and len(row) == WIDTH:
            entry = read_entry(row)
            if entry is not None and not entry.has_addenda:
                sums = reader.sums
                sums.count += 1
                sums.hash += bank_of(entry.routing_number) or 0
                if entry.transaction_code in DEBIT_CODES:
                    sums.debit += entry.amount_minor
                else:
                    sums.credit += entry.amount_minor
                reader.last_line = line
                yield Event(What.ENTRY, line, 1, entry)
                continue
        yield from reader.take(line, row)
    yield from reader.end()


def read(content: bytes) -> list[Event]:
    """Read a content that is at hand."""
    return list(events(chunks_of(content)))


class _Pending:
    """An entry whose addenda are still to come."""

    __slots__ = ("addenda", "entry", "line", "problems", "raw", "wants")

    def __init__(self, line: int, raw: str, entry: EntryDetail | None, problems: list[Problem]) -> None:
        self.line, self.raw, self.entry, self.problems = line, [raw], entry, problems
        self.addenda: list[Any] = []
        self.wants = raw[78:79] == "1"


class _Reader:
    """Walks the rows and keeps what is open: file, batch, entry."""

    def __init__(self) -> None:
        self.in_file = self.is_closed = self.in_batch = False
        self.pending: _Pending | None = None
        self.header: BatchHeader | None = None
        self.batch_problems: list[Problem] = []
        self.sums = Sums()
        self.total = Sums()
        self.batches = 0
        self.first_line = self.last_line = 0
        self.rows = 0

    @property
    def takes_entries(self) -> bool:
        return self.in_batch and self.pending is None

    # -- rows ----------------------------------------------------------------------------------------------------------

    def take(self, line: int, row: str) -> Iterator[Event]:
        """Understand one row, or refuse it."""
        self.last_line = line
        kind = row[:1]
        if self.is_closed and (row == FILLER or not row.strip(" " + _END_OF_FILE)):
            self.rows = line - self.first_line + 1 if row == FILLER else self.rows
            yield Event(What.FILLER, line, 1)
            return
        row, wrong = _whole(line, row)
        if kind != "7":
            yield from self._flush()
        if wrong is None:
            taker = getattr(self, f"_take_{_NAMES[kind]}") if kind in _NAMES else self._take_unknown
            yield from taker(line, row)
        elif kind == "7" and self.pending is not None:
            self.pending.raw.append(row)
            self.pending.problems.append(wrong)
            self.sums.count += 1
        else:
            if kind in "67":
                self._unread(line)
            yield self._refuse(line, row, [wrong])

    def end(self) -> Iterator[Event]:
        """Say what never came."""
        yield from self._flush()
        yield from self._leave_batch(self.last_line)
        if not self.last_line:
            yield _note(1, "empty", "The file holds nothing.")
        elif not self.is_closed:
            yield _note(self.last_line, "file_not_closed", "The file ends without its file control: it was cut off.")
        elif self.rows % records.BLOCKING:
            yield _note(self.last_line, "not_blocked", "The file is not filled up to whole blocks of ten records.")

    def _take_file_header(self, line: int, row: str) -> Iterator[Event]:
        yield from self._leave_batch(line)
        if self.in_file and not self.is_closed:
            yield _note(line, "file_not_closed", "Another file begins before the file control of the one above.")
        self.in_file, self.is_closed = True, False
        self.total, self.batches, self.first_line = Sums(), 0, line
        record, problems = _parsed(columns.FILE_HEADER, line, row)
        yield Event(What.FILE_OPENED if record else What.REFUSED, line, 1, record, (), problems, "" if record else row)

    def _take_batch_header(self, line: int, row: str) -> Iterator[Event]:
        yield from self._leave_batch(line)
        if not self.in_file or self.is_closed:
            yield _note(line, "no_file_header", "A batch stands outside a file: no file header is before it.")
            if not self.in_file:
                self.in_file, self.first_line = True, line
            self.is_closed = False
        record, problems = _parsed(columns.BATCH_HEADER, line, row)
        self.in_batch, self.header, self.sums = True, record, Sums()
        self.batches += 1
        if record is not None and record.sec_code not in records.READ_SEC:
            message = f"Entries of class {record.sec_code} have columns of their own, which are not read here."
            problems = (Problem(line, 51, "unknown_class", message),)
        self.batch_problems = list(problems)
        what = What.REFUSED if record is None else What.BATCH_OPENED
        yield Event(what, line, 1, record, (), problems, "" if record else row)

    def _take_entry(self, line: int, row: str) -> Iterator[Event]:
        if not self.in_batch:
            problem = Problem(line, 1, "outside_batch", "An entry stands outside a batch.")
            yield self._refuse(line, row, [problem])
            return
        entry, problems = _parsed(columns.ENTRY, line, row)
        if entry is not None and entry.has_addenda > 1:
            entry, problems = None, (Problem(line, 79, "bad_has_addenda", "The addenda indicator is 0 or 1."),)
        self._sum_up(line, row)
        self.pending = _Pending(line, row, entry, list(problems))
        if not self.pending.wants:
            yield from self._flush()

    def _take_addenda(self, line: int, row: str) -> Iterator[Event]:
        pending = self.pending
        if pending is None:
            self.sums.count += self.in_batch
            problem = Problem(line, 1, "addenda_without_entry", "An addenda record follows no entry that announces it.")
            yield self._refuse(line, row, [problem])
            return
        self.sums.count += 1
        record, problems = _addenda(line, row, pending)
        pending.raw.append(row)
        pending.problems.extend(problems)
        if record is not None:
            pending.addenda.append(record)

    def _take_batch_control(self, line: int, row: str) -> Iterator[Event]:
        if not self.in_batch:
            problem = Problem(line, 1, "control_without_batch", "A batch control stands outside a batch.")
            yield self._refuse(line, row, [problem])
            return
        record, problems = _parsed(columns.BATCH_CONTROL, line, row)
        found = [*self.batch_problems, *problems]
        if record is not None:
            found += of_batch(line, record, self.header, self.sums)
        self.total.add(self.sums)
        self.in_batch = False
        yield Event(What.BATCH_CLOSED, line, 1, record, (), tuple(found), "" if record else row)

    def _take_file_control(self, line: int, row: str) -> Iterator[Event]:
        if row == FILLER:
            problem = Problem(line, 1, "filler_too_early", "A row of nines stands before the file control.")
            yield self._refuse(line, row, [problem])
            return
        yield from self._leave_batch(line)
        if not self.in_file or self.is_closed:
            problem = Problem(line, 1, "control_without_file", "A file control stands outside a file.")
            yield self._refuse(line, row, [problem])
            return
        record, problems = _parsed(columns.FILE_CONTROL, line, row)
        if record is not None:
            problems = tuple(of_file(line, record, self.total, self.batches, line - self.first_line + 1))
        self.is_closed, self.rows = True, line - self.first_line + 1
        what = What.REFUSED if record is None else What.FILE_CLOSED
        yield Event(what, line, 1, record, (), problems, "" if record else row)

    def _take_unknown(self, line: int, row: str) -> Iterator[Event]:
        if row.strip():
            problem = Problem(line, 1, "unknown_record", f"No record begins with {row[:1]!r}.")
        else:
            problem = Problem(line, 1, "blank_line", "An empty line stands between records.")
        yield self._refuse(line, row, [problem])

    # -- what is open --------------------------------------------------------------------------------------------------

    def _flush(self) -> Iterator[Event]:
        """Give the entry that waited for its addenda."""
        pending, self.pending = self.pending, None
        if pending is None:
            return
        if pending.wants and len(pending.raw) == 1:
            pending.problems.append(
                Problem(pending.line, 79, "addenda_missing", "The entry announces an addenda record, and none follows.")
            )
        if pending.problems:
            raw = "\n".join(pending.raw)[:_MOST_RAW]
            yield Event(
                What.REFUSED, pending.line, len(pending.raw), pending.entry, tuple(pending.addenda),
                tuple(pending.problems), raw,
            )  # fmt: skip
        else:
            yield Event(What.ENTRY, pending.line, len(pending.raw), pending.entry, tuple(pending.addenda))

    def _leave_batch(self, line: int) -> Iterator[Event]:
        """Close a batch whose control record never came: nothing proves it."""
        if self.in_batch:
            self.in_batch = False
            self.total.add(self.sums)
            missing = Problem(line, 1, "batch_not_closed", "The batch above has no batch control.")
            yield Event(What.BATCH_CLOSED, line, 0, None, (), (*self.batch_problems, missing))

    def _refuse(self, line: int, row: str, problems: list[Problem]) -> Event:
        return Event(What.REFUSED, line, 1, None, (), tuple(problems), row[:_MOST_RAW])

    def _unread(self, line: int) -> None:
        self.sums.count += 1
        self.sums.unread = self.sums.unread or line

    def _sum_up(self, line: int, row: str) -> None:
        """Count an entry in, as far as its bank and amount can be read, be the rest of it wrong."""
        self.sums.count += 1
        bank, amount, code = row[3:11], row[29:39], row[1:3]
        if not (bank.isdigit() and amount.isdigit() and code in records.TRANSACTION_CODES and row.isascii()):
            self.sums.unread = self.sums.unread or line
            return
        self.sums.hash += int(bank)
        if code in DEBIT_CODES:
            self.sums.debit += int(amount)
        else:
            self.sums.credit += int(amount)


_NAMES = {"1": "file_header", "5": "batch_header", "6": "entry", "7": "addenda", "8": "batch_control",
          "9": "file_control"}  # fmt: skip


def _whole(line: int, row: str) -> tuple[str, Problem | None]:
    """The row at its full width, if nothing but reserved columns can be missing from its end."""
    width = len(row)
    if width == WIDTH or not row.strip():
        return row, None
    if (row[:1] == "9" and 55 <= width < WIDTH and set(row) != {"9"}) or (row[:1] == "1" and width == 86):
        return row.ljust(WIDTH), None
    if width < WIDTH:
        return row, Problem(line, width + 1, "too_short", f"The record ends after {width} of {WIDTH} columns.")
    return row, Problem(line, WIDTH + 1, "too_long", f"The record has {width} columns; it may have {WIDTH}.")


def _parsed(layout: Layout, line: int, row: str) -> tuple[Any, tuple[Problem, ...]]:
    record, flaws = layout.read(row)
    return record, tuple(Problem(line, flaw.column, flaw.code, flaw.message) for flaw in flaws)


def _addenda(line: int, row: str, pending: _Pending) -> tuple[Any, tuple[Problem, ...]]:
    layout, problem = _layout_of(line, row)
    if layout is None:
        return None, (problem,) if problem else ()
    record, problems = _parsed(layout, line, row)
    if isinstance(record, records.Addenda05) and pending.entry is not None:
        expected = (len(pending.raw), int(pending.entry.trace_number[-7:]))
        if (record.sequence, record.entry_sequence) != expected:
            message = (
                f"Sequence {record.sequence} of entry {record.entry_sequence}; {expected[0]} of {expected[1]} is due."
            )
            return None, (Problem(line, 84, "addenda_out_of_order", message),)
    return record, problems


def _layout_of(line: int, row: str) -> tuple[Layout | None, Problem | None]:
    """Which addenda it is, by its type and code; an unknown code is a problem, not a guess."""
    kind, code = row[1:3], row[3:6]
    if kind == "05":
        return columns.ADDENDA_05, None
    if kind == "98":
        if code in codes.refusals():
            return columns.REFUSED_CHANGE, None
        if code in codes.changes():
            return columns.CHANGE, None
        return None, Problem(line, 4, "unknown_change_code", f"No change code {code!r} is known.")
    if kind == "99":
        known = codes.returns().get(code)
        if known is None:
            return None, Problem(line, 4, "unknown_return_code", f"No return code {code!r} is known.")
        if known.dishonors:
            return columns.DISHONORED, None
        return (columns.CONTESTED if known.contests else columns.RETURN), None
    return None, Problem(line, 2, "unknown_addenda", f"Addenda of type {kind!r} are not read here.")


def _note(line: int, code: str, message: str) -> Event:
    return Event(What.NOTE, line, 0, None, (), (Problem(line, 1, code, message),))
