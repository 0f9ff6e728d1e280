"""Postings per second: CoverPay's ledger beside plain rows and beside django-hordak, on one server in one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg

from benchmarks.contenders import CONTENDERS, Rows
from benchmarks.measure import Comparison

ROUNDS = 7
SINGLE_SECONDS, BATCH_SECONDS = 0.6, 0.4
SINGLES, BATCHES = 1500, 4000
"""Input made for a round; a round ends early when it is used up."""
CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is written and by how many connections."""

    kind: str
    accounts: str
    connections: int

    def __str__(self) -> str:
        how = "batches of 1,000" if self.kind == "batch" else "single"
        by = "1 connection" if self.connections == 1 else f"{self.connections} connections"
        return f"{how}, {self.accounts} accounts, {by}"


SCENARIOS = [
    Scenario("single", "hot", 1),
    Scenario("single", "spread", 1),
    Scenario("single", "hot", CONNECTIONS),
    Scenario("single", "spread", CONNECTIONS),
    Scenario("batch", "hot", 1),
    Scenario("batch", "spread", 1),
]
LIMITS = {
    "single": [
        ("rows", "plain statements", 0.5),
        ("one", "one statement, own commit", None),
        ("hordak", "django-hordak", 2),
    ],
    "batch": [("rows", "COPY", 0.25), ("hordak", "django-hordak", 2)],
}


class WriterProcess:
    """A writer in a process of its own, spoken to over its standard input and output."""

    def __init__(self, contender: str, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.writer", contender],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Self:
        self.answer()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def order(self, do: str, **what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a benchmark writer ended; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def run() -> list[Comparison]:
    """Set up the three ledgers, then measure every scenario in interleaved rounds."""
    environment = _set_up()
    with _writers(environment) as writers:
        for name in CONTENDERS:  # everyone warms up: connections, plans, caches
            _rate(writers[name], Scenario("single", "spread", CONNECTIONS), seconds=0.5)
            _rate(writers[name], Scenario("batch", "spread", 1), seconds=0.2)
        _analyze(environment)
        return [comparison for scenario in SCENARIOS for comparison in _compare(scenario, writers)]


def _compare(scenario: Scenario, writers: dict[str, list[WriterProcess]]) -> Iterator[Comparison]:
    print(f"measuring {scenario} ...", file=sys.stderr, flush=True)
    limits = LIMITS[scenario.kind]
    rates: dict[str, list[float]] = {name: [] for name in ("ours", *(name for name, _, _ in limits))}
    for number in range(ROUNDS):
        names = list(rates)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            rates[name].append(_rate(writers[name], scenario))
    for name, title, target in limits:
        yield Comparison(str(scenario), rates["ours"], title, rates[name], target)


def _rate(writers: Sequence[WriterProcess], scenario: Scenario, seconds: float = 0.0) -> float:
    """Postings per second of all connections of a scenario together."""
    batch = scenario.kind == "batch"
    asked = writers[: scenario.connections]
    for writer in asked:
        count = BATCHES if batch else SINGLES
        writer.order("prepare", kind=scenario.kind, accounts=scenario.accounts, count=count)
    for writer in asked:
        writer.answer()
    for writer in asked:
        writer.order("go", seconds=seconds or (BATCH_SECONDS if batch else SINGLE_SECONDS))
    answers = [writer.answer() for writer in asked]
    return sum(answer["written"] / answer["seconds"] for answer in answers)


@contextmanager
def _writers(environment: dict[str, str]) -> Iterator[dict[str, list[WriterProcess]]]:
    with ExitStack() as stack:
        yield {
            name: [stack.enter_context(WriterProcess(name, environment)) for _ in range(CONNECTIONS)]
            for name in CONTENDERS
        }


def _set_up() -> dict[str, str]:
    """Make the plain tables, our book, and hordak's database on the same server."""
    from benchmarks import coverpay_ledger

    url = urlsplit(os.environ["DATABASE_URL"])
    environment = {**os.environ, "HORDAK_DATABASE_URL": urlunsplit(url._replace(path="/hordak"))}
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(Rows.SETUP)
        connection.execute("CREATE DATABASE hordak")
    coverpay_ledger.open_books(actor=coverpay_ledger.BENCH)
    script = (
        "import django; django.setup(); from django.core.management import call_command; "
        "call_command('migrate', verbosity=0); from benchmarks import hordak_ledger; hordak_ledger.open_accounts()"
    )
    settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.hordak_settings"}
    subprocess.run([sys.executable, "-c", script], env={**environment, **settings}, check=True)
    return environment


def _analyze(environment: dict[str, str]) -> None:
    for url in (environment["DATABASE_URL"], environment["HORDAK_DATABASE_URL"]):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")
