"""Payments end to end with the sandbox: planned, sent, answered, in the books; queries of each step.

What a worker does for one payment is three transactions: the plan, the note that it is about to be sent, the outcome.
Beside it, in turns, three transactions that insert one row each by psycopg: no payment that survives a crash at any
moment can take less. Workers are processes.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from django.db import connection

from benchmarks import book, owed
from benchmarks.measure import Comparison
from coverpay.kernel import jobs
from payments import attempts, collection
from payments.models import Attempt, Payment

WORKERS = (1, 2)
ROUNDS = 5
A_ROUND = 100
WARM_UP = 20
COMMITS = 3
TOKEN = "tok_ok"


@dataclass(slots=True)
class Paid:
    """One number of workers: attempts a second and the limit, round by round."""

    workers: int
    rates: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    @property
    def comparison(self) -> Comparison:
        what = f"attempts, {self.workers} worker{'s' if self.workers > 1 else ''}"
        return Comparison(what, self.rates, f"{COMMITS} one-row commits", self.limits)


@dataclass(frozen=True, slots=True)
class Measured:
    """Every number of workers, the queries of each step, and whether each payment ended in the books."""

    paid: list[Paid]
    queries: dict[str, int]
    complete: bool

    @property
    def holds(self) -> bool:
        return self.complete


def run() -> Measured:
    """Seed invoices, pay one by one counting queries, then pay the rest in rounds."""
    print("measuring attempts with the sandbox ...", file=sys.stderr, flush=True)
    jobs.use(None)  # the measuring process is the worker
    count = WARM_UP + ROUNDS * A_ROUND * len(WORKERS)
    seeded = owed.open_book("bench-attempts", count, first=710_000_000)
    book.settle()
    left = iter([(invoice_id, seeded.house.actor) for _, invoice_id, _ in owed.invoices(seeded)])
    for _ in range(WARM_UP - 1):
        _pay(next(left))
    queries = _counted(next(left))
    paid = []
    for workers in WORKERS:
        measured = Paid(workers)
        for _ in range(ROUNDS):
            measured.limits.append(_rate(workers, _limit, list(range(A_ROUND))))
            measured.rates.append(_rate(workers, _pay, [next(left) for _ in range(A_ROUND)]))
        paid.append(measured)
    succeeded = Attempt.objects.filter(account=seeded.account, state=Attempt.State.SUCCEEDED).count()
    settled = Payment.objects.filter(policy__operator=seeded.house.operator, state=Payment.State.SUCCEEDED).count()
    return Measured(paid, queries, succeeded == settled == count)


def _pay(what: tuple[str, object]) -> None:
    """All of one payment: plan it, send it, let the outcome take effect."""
    invoice_id, actor = what
    payment = collection.collect(invoice_id=invoice_id, method="card", token=TOKEN, actor=actor)  # type: ignore[arg-type]
    attempts.submit(payment.attempts.values_list("id", flat=True)[0])


def _limit(number: object) -> None:
    """Three transactions of one row each, by a connection kept open."""
    for _ in range(COMMITS):
        _plain().execute("INSERT INTO benchmark_limit (at) VALUES (clock_timestamp())")


_connections: dict[int, psycopg.Connection] = {}


def _plain() -> psycopg.Connection:
    """This process's own connection past Django."""
    if os.getpid() not in _connections:
        _connections[os.getpid()] = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    return _connections[os.getpid()]


def _rate(workers: int, work: Callable[..., None], asked: list[object]) -> float:
    """How many a second so many processes do, once each is connected."""
    connection.close()
    with multiprocessing.get_context("fork").Pool(workers, initializer=_connect) as pool:
        pool.map(_ready, range(workers), chunksize=1)
        began = time.perf_counter()
        pool.map(work, asked, chunksize=len(asked) // workers)
        return len(asked) / (time.perf_counter() - began)


def _connect() -> None:
    connection.ensure_connection()
    _plain()


def _ready(number: int) -> None:
    time.sleep(0.2)


def _counted(what: tuple[str, object]) -> dict[str, int]:
    """Queries of planning, of noting that it is sent, and of the outcome; BEGIN and COMMIT are not counted."""
    invoice_id, actor = what
    with _counting() as planning:
        payment = collection.collect(invoice_id=invoice_id, method="card", token=TOKEN, actor=actor)  # type: ignore[arg-type]
    attempt_id = payment.attempts.values_list("id", flat=True)[0]
    with _counting() as sending:
        attempts.submit(attempt_id)
    return {"planned": len(planning), "sent and answered": len(sending)}


@contextmanager
def _counting() -> Iterator[list[str]]:
    seen: list[str] = []

    def counted(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(counted):
        yield seen
