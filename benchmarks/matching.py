"""Matching of made worlds whose truth is known, beside a hash join in SQL and a library for linking records.

Each size runs in a process of its own, so that the memory is its own: `python -m benchmarks.matching 10000`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from benchmarks.measure import table
from reconciliation.matching import match
from reconciliation.matching.names import normal, normal_name
from tests.support import match_world
from tests.support.match_world import MATCHED, RULES, World

SIZES = (10_000, 100_000, 1_000_000)
SAMPLE = 20_000
ROUNDS = 3
GOAL = 60_000
MAX_GROWTH = 1.6
"""How much longer a line may take among a million than among ten thousand: near-linear."""
MIN_RECALL = 0.95
HEADINGS = ["What", "Bank lines", "Book lines", "Seconds", "Bank lines/s", "Precision", "Recall", "Memory"]

ABOUT = f"""## Matching

Made worlds of bank lines and book lines (`tests/support/match_world.py`): nine lines of ten carry their reference, the
rest are netted payouts, deposits of many checks, wires, slips in references, doubles, and lines of one side only. All
stages of `matching.match`, median of {ROUNDS} rounds. Seconds are those of the processor, since other work ran on the
machine; it uses one core. Only the join's are by the clock. A match is right only when it is exactly one true group;
recall counts the groups that have one answer. Memory is what the process needed on top of the world itself. Targets:
{GOAL:,} bank lines a second with a million, precision 1, recall {MIN_RECALL}, and a line among a million takes at most
{MAX_GROWTH} times as long as one among ten thousand.

Beside it, on the same lines in the same run: PostgreSQL's hash join on account, currency, amount and reference, tables
loaded and analyzed beforehand, pairs written to a table; and on a sample recordlinkage, with candidates of the same
account, currency and amount, paired where two of reference, date and name agree.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One run: what, over how many lines, in what time, how well."""

    what: str
    bank_lines: int
    book_lines: int
    seconds: float
    precision: float
    recall: float
    memory_mb: int | None = None

    @property
    def rate(self) -> float:
        return self.bank_lines / self.seconds

    def cells(self) -> list[str]:
        memory = "" if self.memory_mb is None else f"{self.memory_mb:,} MB"
        return [
            self.what, f"{self.bank_lines:,}", f"{self.book_lines:,}", f"{self.seconds:.2f}", f"{self.rate:,.0f}/s",
            f"{self.precision:.5f}", f"{self.recall:.5f}", memory,
        ]  # fmt: skip


def measured() -> tuple[str, bool]:
    """The part of the report, and whether its targets are held."""
    figures = [figure for size in SIZES for figure in _in_own_process(size)]
    figures += _in_own_process(SAMPLE, "linked")
    ours = [figure for figure in figures if figure.what == "CoverPay"]
    growth = ours[0].rate / ours[len(SIZES) - 1].rate
    holds = (
        all(figure.precision == 1 and figure.recall >= MIN_RECALL for figure in ours)
        and ours[len(SIZES) - 1].rate >= GOAL
        and growth <= MAX_GROWTH
    )
    said = f"A line among {SIZES[-1]:,} takes {growth:.2f} times as long as one among {SIZES[0]:,}. "
    said += f"Targets {'held' if holds else 'MISSED'}."
    return "\n".join([ABOUT, table(HEADINGS, [figure.cells() for figure in figures]), "", said]), holds


def _in_own_process(size: int, *options: str) -> list[Figure]:
    command = [sys.executable, "-m", "benchmarks.matching", str(size), *options]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Figure(**figure) for figure in json.loads(said.splitlines()[-1])]


def _matched(world: World) -> Figure:
    rounds: list[float] = []
    memory = 0
    for _ in range(ROUNDS):
        _forget_peak()
        before, began = _memory_mb("VmRSS"), time.process_time()
        result = match(world.banks, world.books, RULES)
        rounds.append(time.process_time() - began)
        memory = max(memory, _memory_mb("VmHWM") - before)
        found = match_world.score(world, result)
        del result
    return _figure("CoverPay", world, statistics.median(rounds), found.precision, found.recall, memory)


def _figure(
    what: str, world: World, seconds: float, precision: float, recall: float, memory_mb: int | None = None
) -> Figure:
    return Figure(what, len(world.banks), len(world.books), seconds, precision, recall, memory_mb)


def _forget_peak() -> None:
    """Let the kernel begin anew with the most memory this process ever had."""
    Path("/proc/self/clear_refs").write_text("5")


def _memory_mb(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(what))


def _joined(world: World) -> Figure:
    """The hash join: equal account, currency, amount and reference, whatever else claims them."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        for side, lines in (
            ("bank", ((b.id, b.account_id, b.currency, b.amount_minor, normal(b.references[-1])) for b in world.banks)),
            ("book", ((k.id, k.account_id, k.currency, k.amount_minor, normal(k.reference)) for k in world.books)),
        ):
            cursor.execute(
                f"CREATE TEMP TABLE {side} (id text, account text, currency text, amount bigint, reference text)"
            )
            with cursor.copy(f"COPY {side} FROM STDIN") as copy:
                for line in lines:
                    copy.write_row(line)
            cursor.execute(f"ANALYZE {side}")
        cursor.execute("SET enable_mergejoin = off; SET enable_nestloop = off; SET work_mem = '1GB'")
        began = time.perf_counter()
        cursor.execute(
            "CREATE TEMP TABLE pair AS SELECT bank.id AS bank, book.id AS book FROM bank JOIN book "
            "USING (account, currency, amount, reference) WHERE reference <> ''"
        )
        seconds = time.perf_counter() - began
        precision, recall = _of_pairs(world, cursor.execute("SELECT bank, book FROM pair").fetchall())
    return _figure("SQL hash join", world, seconds, precision, recall)


def _of_pairs(world: World, pairs: Iterable[tuple[str, str]]) -> tuple[float, float]:
    true = {(truth.banks, truth.books) for truth in world.truths if truth.answer == MATCHED}
    made = {(frozenset((bank,)), frozenset((book,))) for bank, book in pairs}
    hits = len(made & true)
    return hits / max(len(made), 1), hits / len(true)


def _linked(world: World) -> Figure:
    """The library's way: block, compare, and pair what agrees in two of three."""
    import pandas
    import recordlinkage

    bank, book = (
        pandas.DataFrame.from_records(rows, columns=["id", "account", "amount", "reference", "day", "name"], index="id")
        for rows in (
            [
                (b.id, b.account_id + b.currency, b.amount_minor, normal(b.references[-1]), b.posted_on.toordinal(),
                 normal_name(b.payer))
                for b in world.banks
            ],
            [
                (k.id, k.account_id + k.currency, k.amount_minor, normal(k.reference), k.posted_on.toordinal(),
                 normal_name(k.party))
                for k in world.books
            ],
        )
    )  # fmt: skip
    began = time.process_time()
    candidates = recordlinkage.Index().block(["account", "amount"]).index(bank, book)
    compare = recordlinkage.Compare()
    compare.exact("reference", "reference", label="reference")
    compare.numeric("day", "day", method="step", offset=RULES.date_window_days, label="day")
    compare.string("name", "name", method="jarowinkler", threshold=0.85, label="name")
    features = compare.compute(candidates, bank, book)
    pairs = features[features.sum(axis=1) >= 2].index
    seconds = time.process_time() - began
    return _figure(f"recordlinkage {recordlinkage.__version__}", world, seconds, *_of_pairs(world, pairs))


def main() -> None:
    world = match_world.make(int(sys.argv[1]), seed=1)
    figures = [_matched(world), _linked(world) if "linked" in sys.argv else _joined(world)]
    print(json.dumps([asdict(figure) for figure in figures]))


if __name__ == "__main__":
    main()
