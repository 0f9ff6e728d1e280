"""Webhooks through gunicorn while nothing processes them, then the processing of all that was stored.

Every request is a fresh event about a fresh pending payment, signed by the account's secret. Rounds alternate with a
view that inserts one row through the same server. The load comes from threads of this process over kept-alive
connections.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.api import Load, Request, load_round, server
from benchmarks.measure import Comparison, percentile

if TYPE_CHECKING:
    from benchmarks import owed

EVENTS = 20_000
ROUNDS = 10
CLIENTS = 8
PROCESSES = 2
MAX_P95_MS = 50
WARM_UP = 200


@dataclass(slots=True)
class Intake:
    """Webhooks and the one-insert view, in turns; then how the stored events were processed."""

    stored: Load = field(default_factory=Load)
    limit: Load = field(default_factory=Load)
    processed: int = 0
    seconds: float = 0.0
    succeeded: int = 0
    events: int = 0
    receipts: int = 0

    @property
    def comparison(self) -> Comparison:
        return Comparison("POST /hooks/", self.stored.rates, "one insert", self.limit.rates)

    @property
    def p95_ms(self) -> float:
        return percentile(self.stored.seconds, 0.95) * 1000

    @property
    def complete(self) -> bool:
        """Whether each event took effect exactly once."""
        return self.events == self.processed == self.succeeded == self.receipts

    @property
    def holds(self) -> bool:
        return self.p95_ms <= MAX_P95_MS and self.complete

    @property
    def figure(self) -> str:
        return f"{statistics.median(self.stored.rates):,.0f}/s"


def run(*, events: int = EVENTS) -> Intake:
    """Seed pending payments, take the news of each in, then process them."""
    print(f"measuring the intake of {events:,} webhooks ...", file=sys.stderr, flush=True)
    from benchmarks import owed
    from benchmarks.book import settle

    book = owed.open_book("bench-intake", events, first=700_000_000)
    attempts = owed.await_processor(book)
    settle()
    requests = (_webhook(book, *attempt) for attempt in attempts)
    measured = Intake(events=events)
    a_round = events // ROUNDS
    insert: Request = ("/benchmark-limit", b"", {})
    with server() as port:
        load_round(port, [insert] * WARM_UP, Load(), clients=CLIENTS)
        for _ in range(ROUNDS):
            load_round(port, [insert] * (a_round // 2), measured.limit, clients=CLIENTS)
            load_round(port, [next(requests) for _ in range(a_round)], measured.stored, clients=CLIENTS)
    _process(measured, book)
    return measured


def _webhook(book: owed.Owed, attempt_id: str, minor: int) -> Request:
    from payments import sandbox_webhooks

    charge = {"reference": attempt_id, "gateway_reference": f"sbx_{attempt_id[-8:]}", "status": "succeeded", "code": "",
              "amount": minor, "currency": "USD"}  # fmt: skip
    event = f"evt_{attempt_id}"
    body = json.dumps({"id": event, "charge": charge})
    return f"/hooks/{book.account.id}/", body.encode(), sandbox_webhooks.signed(book.account, event, body)


def _process(measured: Intake, book: owed.Owed) -> None:
    """Sweep with as many processes as the installation has workers, until nothing waits."""
    from django.db import connection

    print("processing what was stored ...", file=sys.stderr, flush=True)
    connection.close()
    began = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES) as pool:
        list(pool.map(_sweep, range(PROCESSES)))
    measured.seconds = time.perf_counter() - began
    with connection.cursor() as cursor:
        for name, query in (
            ("processed", "SELECT count(*) FROM payments_inboundevent WHERE account_id = %s AND state = 'processed'"),
            ("succeeded", "SELECT count(*) FROM payments_attempt WHERE account_id = %s AND state = 'succeeded'"),
            (
                "receipts",
                "SELECT count(*) FROM billing_receipt r JOIN payments_attempt a ON a.payment_id = r.source_id"
                " WHERE a.account_id = %s",
            ),
        ):
            cursor.execute(query, [book.account.id])
            row = cursor.fetchone()
            setattr(measured, name, int(row[0]))


def _sweep(number: int) -> int:
    """One worker's part: sweep until nothing is left."""
    from payments import inbound

    done = 0
    while swept := inbound.sweep():
        done += swept
    return done
