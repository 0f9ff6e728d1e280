"""`POST /v1/payments` through gunicorn with two workers, beside a view that inserts one row through the same server.

Every request pays a fresh invoice under a fresh Idempotency-Key. Rounds of the two alternate, so that a busy machine
slows both. The load comes from threads of this process over kept-alive connections.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.counting import HEADER
from benchmarks.measure import Comparison

CLIENTS = 4
ROUNDS = 5
REQUESTS = 60
WARM_UP = 20
WORKERS = 2
MAX_QUERIES = 20
COLUMNS = "policy_number,program,insured_reference,insured_name,state,effective_on,expires_on,premium,plan,bind"


@dataclass(slots=True)
class Load:
    """What one kind of request took, over every round."""

    seconds: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Served:
    """The payments route and its limit, measured in turns."""

    payments: Load
    limit: Load

    @property
    def comparison(self) -> Comparison:
        return Comparison("POST /v1/payments", self.payments.rates, "one insert", self.limit.rates)

    @property
    def holds(self) -> bool:
        return max(self.payments.queries) <= MAX_QUERIES


Request = tuple[str, bytes, dict[str, str]]


def run() -> Served:
    """Seed invoices, serve, and load both addresses in turns."""
    print("measuring POST /v1/payments ...", file=sys.stderr, flush=True)
    token, invoices = _book((ROUNDS * REQUESTS) + WARM_UP)
    with server() as port:
        pays = iter([_payment(token, invoice) for invoice in invoices])
        inserts = ("/benchmark-limit", b"", {"Authorization": f"Bearer {token}"})
        load_round(port, [next(pays) for _ in range(WARM_UP)], Load())
        payment, limit = Load(), Load()
        for _ in range(ROUNDS):
            load_round(port, [inserts] * REQUESTS * 2, limit)
            load_round(port, [next(pays) for _ in range(REQUESTS)], payment)
    return Served(payment, limit)


def _payment(token: str, invoice: str) -> Request:
    body = json.dumps({"invoice": invoice, "method": "card", "token": "tok_ok"}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": invoice}
    return "/v1/payments", body, headers


def load_round(port: int, requests: list[Request], load: Load, *, clients: int = CLIENTS) -> None:
    """Send requests from every client at once; keep how long each took and how many a second went through."""
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        for seconds, queries in pool.map(
            lambda part: _client(port, part), [requests[n::clients] for n in range(clients)]
        ):
            load.seconds += seconds
            load.queries += queries
    load.rates.append(len(requests) / (time.perf_counter() - started))


def _client(port: int, requests: list[Request]) -> tuple[list[float], list[int]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    seconds, queries = [], []
    for path, body, headers in requests:
        before = time.perf_counter()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        seconds.append(time.perf_counter() - before)
        if answer.status not in (200, 201):
            raise RuntimeError(f"{path} answered {answer.status}: {text[:300]!r}")
        queries.append(int(answer.headers[HEADER]))
    connection.close()
    return seconds, queries


def _book(count: int) -> tuple[str, list[str]]:
    """Load the demo book and give a key and that many open invoices, each of a policy of its own."""
    from billing import invoices
    from compliance.models import Organization
    from coverpay.demo import book
    from policies import imports
    from policies.models import Policy

    told = book.load()
    operator = Organization.objects.get(code=book.OPERATOR[2])
    actor = book.administrator(operator)
    rows = [
        f"BENCH-{n:05d},{book.PROGRAM},BENCH-{n:05d},Insured {n},HI,2026-01-31,2027-01-31,10000.00,full,yes"
        for n in range(count)
    ]
    file = io.BytesIO("\n".join([COLUMNS, *rows]).encode())
    imports.import_policies(file=file, file_name="bench.csv", actor=actor)
    bound = Policy.objects.filter(operator=operator, number__startswith="BENCH-").values_list("id", flat=True)
    return str(told["api_key"]), [invoices.issue(policy_id=policy_id, actor=actor).id for policy_id in bound]


@contextmanager
def server() -> Iterator[int]:
    """Run gunicorn with the benchmark's settings on a port of its own."""
    port = _free_port()
    command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", f"--workers={WORKERS}", "--keep-alive=30",
               "--worker-class=gthread", "--threads=2", "--log-level=error", "coverpay.wsgi"]  # fmt: skip
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", "PYTHONWARNINGS": "ignore"}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(lambda: _answers(port))
        yield port
    finally:
        server.terminate()
        server.wait(20)


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def _wait_for(ready: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError("the server did not answer within 60 s")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
