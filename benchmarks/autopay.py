"""Autopay of 50,000 due invoices with one, two and four workers, beside plain COPY of the very same rows.

Each number of workers has a book of its own, of the same size. Workers are processes that run `autopay.collect_due` at
the same time for the same day, as several machines would; they share the work by passing by what another has in hand.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import sys
import time
from dataclasses import dataclass

from django.db import connection

from benchmarks import book, owed
from coverpay.kernel import ids
from payments import autopay
from payments.models import Attempt, Payment

DUE = 50_000
WORKERS = (1, 2, 4)
ON = dt.date(2026, 1, 31)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: how many workers, how long it took, and how long plain COPY of its rows took."""

    workers: int
    payments: int
    rows: int
    seconds: float
    plain: float
    planned: tuple[int, ...]
    charged_once: bool

    @property
    def ratio(self) -> float:
        return self.plain / self.seconds

    def cells(self) -> list[str]:
        return [
            f"{self.workers}",
            f"{self.payments:,}",
            f"{self.seconds:.1f} s",
            f"{self.payments / self.seconds:,.0f}/s",
            f"{self.payments / self.plain:,.0f}/s",
            f"{self.ratio:.2f}",
            "yes" if self.charged_once else "NO",
        ]


HEADINGS = ["Workers", "Payments", "Took", "Payments/s", "COPY of the same rows", "Ratio", "Each invoice once"]


def run(*, due: int = DUE) -> list[Run]:
    """Seed a book for each number of workers, then run each."""
    warm = owed.enrolled_book("bench-autopay-warm", 1_000, first=720_000_000)
    books = {
        workers: owed.enrolled_book(f"bench-autopay-{workers}", due, first=720_000_000 + 10_000_000 * workers)
        for workers in WORKERS
    }
    book.settle()
    autopay.collect_due(warm.house.operator.id, ON)
    mirror = book.Mirror("mirror_autopay")
    runs = [_measure(seeded, workers, mirror) for workers, seeded in books.items()]
    mirror.close()
    return runs


def _measure(seeded: owed.Owed, workers: int, mirror: book.Mirror) -> Run:
    print(f"autopay with {workers} worker(s) ...", file=sys.stderr, flush=True)
    operator_id = seeded.house.operator.id
    mark = ids.new("mrk").removeprefix("mrk_")
    connection.close()
    context = multiprocessing.get_context("fork")
    with context.Pool(workers) as pool:
        pool.map(_connect, range(workers), chunksize=1)
        began = time.perf_counter()
        planned = pool.map(_collect, [operator_id] * workers, chunksize=1)
        seconds = time.perf_counter() - began
    payments = Payment.objects.filter(policy__operator_id=operator_id)
    invoices = payments.values("invoice_id").distinct().count()
    attempts = Attempt.objects.filter(account=seeded.account).count()
    rows, taken = mirror.take(mark)
    began = time.perf_counter()
    mirror.write(taken)
    plain = time.perf_counter() - began
    once = invoices == payments.count() == attempts == len(seeded.numbers) == sum(planned)
    return Run(workers, payments.count(), rows, seconds, plain, tuple(planned), once)


def _connect(number: int) -> None:
    """Be ready before the clock starts."""
    connection.ensure_connection()
    time.sleep(0.2)


def _collect(operator_id: str) -> int:
    """One worker's part of the day. Gives how many payments it planned."""
    done = autopay.collect_due(operator_id, ON)
    if done.failures:
        raise RuntimeError(f"autopay did not go through: {done.failures[:3]}")
    return len(done.payments)
