"""Statement files read by each parser with every check, beside an independent library that reads the same file."""

from __future__ import annotations

import csv
import datetime as dt
import gc
import io
import time
from collections.abc import Callable
from decimal import Decimal
from xml.etree import ElementTree

import mt940
from bai2 import bai2
from ofxtools.Parser import OFXTree

from benchmarks.measure import HEADINGS, Comparison, table
from reconciliation.statements import csv_file, parse
from reconciliation.statements.base import ParsedFile
from tests.support import bai2_writer, camt_writer, csv_writer, mt940_writer, ofx_writer

ROUNDS = 5
LINES = 10_000
GOAL = 3
DAY = dt.date(2026, 1, 5)

MAP = csv_file.ColumnMap(
    "4470001", "USD", "Date", amount="Amount", balance="Balance", reference="Reference", description=("Text",)
)

ABOUT = f"""## Statement files

Lines a second read from one statement of {LINES:,} lines, with balances, totals and every other check. Beside it, in
the same rounds, an independent library reads the same file and keeps its own objects (medians of {ROUNDS} rounds,
ratios taken within a round). The goal is a ratio of {GOAL} to a library; a run does not fail below it. No library reads
CAMT.053 here: beside it stands the XML parser of the standard library in C, which builds a tree and reads nothing from
it: a limit, not a contender. Beside the mapped CSV stands the usual script, without a check.
"""


def measured() -> tuple[str, bool]:
    """The part of the report, and that no target of it is missed: it has none."""
    return ABOUT + "\n" + table(HEADINGS, [one.cells() for one in compare()]), True


def compare(lines: int = LINES) -> list[Comparison]:
    """Read the same lines in each format by us and by the library, in turns."""
    files: list[tuple[str, bytes, str, Callable[[bytes], int]]] = [
        ("BAI2", _bai2(lines), "bai2", _read_bai2),
        ("MT940", _mt940(lines), "mt-940", _read_mt940),
        ("OFX 1", _ofx(lines), "ofxtools", _read_ofx),
        ("CAMT.053", _camt(lines), "ElementTree, nothing read", _read_tree),
        ("CSV by a map", _csv(lines), "csv, strptime, Decimal", _read_rows),
    ]
    return [_compared(*one, lines) for one in files]


def _compared(name: str, content: bytes, library: str, read: Callable[[bytes], int], lines: int) -> Comparison:
    ours, theirs = [], []
    own = _read_mapped if name.startswith("CSV") else _read
    for _ in range(ROUNDS):
        seconds, found = _timed(lambda: own(content))
        ours.append(lines / seconds)
        seconds, other = _timed(lambda: read(content))
        theirs.append(lines / seconds)
        if (found, other) != (lines, lines):
            raise RuntimeError(f"{name}: {found} of {lines} lines read, {other} by {library}")
    return Comparison(f"{name}, {lines:,} lines", ours, library, theirs)


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    gc.collect()  # nobody sweeps up after the other
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def _read(content: bytes) -> int:
    return _lines_of(parse(content))


def _read_mapped(content: bytes) -> int:
    return _lines_of(csv_file.parse(content, MAP))


def _lines_of(parsed: ParsedFile) -> int:
    if parsed.problems:
        raise RuntimeError(f"the file has problems: {parsed.problems[:3]}")
    return sum(len(statement.lines) for statement in parsed.statements)


def _amount(number: int) -> int:
    return (1_000 + number) * (1 if number % 3 else -1)


def _bai2(lines: int) -> bytes:
    details = tuple(
        bai2_writer.Detail("165" if _amount(n) > 0 else "495", abs(_amount(n)), ("0",), f"BK{n}", f"R{n}", "PREMIUM")
        for n in range(lines)
    )
    return bai2_writer.write([bai2_writer.Group(DAY, (bai2_writer.Account("4470001", 0, details, "USD"),))])


def _read_bai2(content: bytes) -> int:
    read = bai2.parse_from_string(content.decode())
    return sum(len(account.children) for group in read.children for account in group.children)


def _mt940(lines: int) -> bytes:
    moves = tuple(
        mt940_writer.Movement(_amount(n), reference=f"R{n}", bank_reference=f"BK{n}", text=("PREMIUM",))
        for n in range(lines)
    )
    return mt940_writer.write([mt940_writer.Day("4470001", DAY, 0, moves)], mt940_writer.Layout(page=lines))


def _read_mt940(content: bytes) -> int:
    return len(mt940.parse(content.decode()).transactions)


def _ofx(lines: int) -> bytes:
    listed = tuple(ofx_writer.Transaction(_amount(n), str(n), f"NAME {n}", "PREMIUM") for n in range(lines))
    return ofx_writer.write(ofx_writer.Period("4470001", DAY, 0, listed), ofx_writer.Layout(zone="[0:GMT]"))


def _read_ofx(content: bytes) -> int:
    tree = OFXTree()
    tree.parse(io.BytesIO(content))
    return sum(len(statement.transactions) for statement in tree.convert().statements)


def _camt(lines: int) -> bytes:
    entries = tuple(camt_writer.Entry((_amount(n),), f"R{n}", "PREMIUM") for n in range(lines))
    return camt_writer.write([camt_writer.Day("4470001", DAY, 0, entries)], camt_writer.Layout())


def _read_tree(content: bytes) -> int:
    return sum(1 for _ in ElementTree.fromstring(content).iter(camt_writer.ENTRY_TAG))


def _csv(lines: int) -> bytes:
    rows = tuple(csv_writer.Row(_amount(n), f"R{n}", "PREMIUM") for n in range(lines))
    return csv_writer.write(rows, 0, DAY, csv_writer.Layout())


def _read_rows(content: bytes) -> int:
    rows = csv.DictReader(io.StringIO(content.decode()))
    found = [
        (
            dt.datetime.strptime(row["Date"], MAP.date_format),  # noqa: DTZ007  # a day has no zone
            Decimal(row["Amount"]),
            Decimal(row["Balance"]),
            row["Text"],
        )
        for row in rows
    ]
    return len(found)
