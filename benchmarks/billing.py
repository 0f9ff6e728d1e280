"""Schedules and first invoices of many policies, beside plain COPY of the very same rows into the same tables."""

from __future__ import annotations

import datetime as dt
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks import book
from benchmarks.measure import Comparison
from billing import bulk
from coverpay.kernel import clock, ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from policies import locks
from policies.events import PolicyBound

SIZES = (10_000, 100_000)
LARGE = 1_000_000
CHUNK = 1000
SAMPLE = 10
"""In a larger book every so many chunks is compared; all are timed."""
TARGET = 0.3
MAX_RSS_MB = 500
FIRST_DAY = dt.date(2026, 1, 1)
THROUGH = dt.date(2026, 1, 31)


@dataclass(slots=True)
class Built:
    """A book of one size: seconds in all, and (rows, seconds, seconds of COPY) of every chunk that was compared."""

    policies: int
    seconds: float = 0.0
    rounds: list[tuple[int, float, float]] = field(default_factory=list)
    rss_mb: int = 0

    @property
    def comparison(self) -> Comparison:
        return Comparison(
            f"{self.policies:,} policies, rows",
            [rows / seconds for rows, seconds, _ in self.rounds],
            "COPY of the same rows",
            [rows / plain for rows, _, plain in self.rounds],
            TARGET,
        )

    @property
    def milliseconds(self) -> float:
        """What one policy costs."""
        return 1000 * self.seconds / self.policies

    @property
    def holds(self) -> bool:
        return self.comparison.holds and self.rss_mb < MAX_RSS_MB


def run(*, large: bool = False) -> list[Built]:
    """Seed the books, then build each chunk by chunk, in turns with the plain COPY of what was built."""
    sizes = [*SIZES, *([LARGE] if large else [])]
    house = book.open_house("bench-billing")
    warm_up = range(1, 2 * CHUNK + 1)
    book.seed(house, range(1, 2 * CHUNK + 1 + sum(sizes)), first_day=FIRST_DAY, days=28)
    book.settle()
    for numbers in book.chunks(warm_up, CHUNK):
        build(numbers=numbers, actor=house.actor)
    mirror = book.Mirror()
    built, start = [], warm_up[-1] + 1
    for size in sizes:
        print(f"building {size:,} policies ...", file=sys.stderr, flush=True)
        built.append(_measure(range(start, start + size), mirror, house.actor))
        start += size
    mirror.close()
    return built


def _measure(numbers: range, mirror: book.Mirror, actor: Actor) -> Built:
    built = Built(len(numbers))
    for number, chunk in enumerate(book.chunks(numbers, CHUNK)):
        compared = number % (1 if len(numbers) <= SIZES[0] else SAMPLE) == 0
        mark = ids.new("mrk").removeprefix("mrk_")
        began = time.perf_counter()
        build(numbers=chunk, actor=actor)
        seconds = time.perf_counter() - began
        built.seconds += seconds
        if compared:
            count, taken = mirror.take(mark)
            began = time.perf_counter()
            mirror.write(taken)
            built.rounds.append((count, seconds, time.perf_counter() - began))
        else:
            mirror.pass_over()
    built.rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return built


@command
def build(*, numbers: Sequence[int], actor: Actor) -> None:
    """Schedules and first invoices of a chunk, in one transaction as an import or a night does."""
    policies = locks.lock_many([book.policy_id(number) for number in numbers])
    bulk.create_schedules(
        [
            PolicyBound(book.policy_id(number), f"trm_{number:026d}", f"txn_{number:026d}", "twelve")
            for number in numbers
        ]
    )
    issued = bulk.issue_due(policies, THROUGH)
    if issued.count != len(numbers):
        raise RuntimeError(f"{issued.count} invoices for {len(numbers)} policies on {clock.today()}")
