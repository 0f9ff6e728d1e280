"""The report of a run."""

from __future__ import annotations

import os
import statistics
from importlib import metadata

import psycopg

from benchmarks import api, ledger
from benchmarks.api import Load, Served
from benchmarks.contenders import OWNERS
from benchmarks.measure import HEADINGS, Comparison, machine, percentile, table
from coverpay.kernel import clock

LEDGER = """## Ledger

Postings of four lines per second, each through `posting.post` in a command's own transaction, or 1,000 at once through
`posting.post_many`, with every guarantee on. Hot: always the same four accounts. Spread: the accounts of {owners}
owners. Beside it, in the same rounds on the same durable server (medians of {rounds} rounds, ratios taken within a
round):

- plain statements: the same rows by psycopg, an INSERT for the entry and one for its lines in one transaction, into
  tables of the same columns and indexes without triggers and constraints;
- one statement, own commit: the same rows by a single statement that commits itself: nothing can be shorter;
- COPY: the same 1,000 entries and 4,000 lines by binary COPY into those tables, in one transaction;
- django-hordak {hordak}: a Transaction with four legs as its documentation writes them; 1,000 by `bulk_create`.
"""

API = """## API

`POST /v1/payments` through gunicorn with {workers} workers; {clients} clients on the same machine over kept-alive
connections, each request a fresh invoice and Idempotency-Key. Beside it a view that inserts one row and commits,
through the same gunicorn and middleware, in turns ({rounds} rounds).
"""


def render(comparisons: list[Comparison], served: Served | None) -> str:
    """The whole report as Markdown."""
    parts = [f"# Benchmarks\n\n{clock.today()}, `make bench`, on {machine()}, {_server()}.\n"]
    if comparisons:
        about = LEDGER.format(owners=f"{OWNERS:,}", rounds=ledger.ROUNDS, hordak=metadata.version("django-hordak"))
        parts += [about, table(HEADINGS, [comparison.cells() for comparison in comparisons]) + "\n"]
    if served is not None:
        parts += [
            API.format(workers=api.WORKERS, clients=api.CLIENTS, rounds=api.ROUNDS),
            _api_table(served) + "\n",
            _queries(served),
        ]
    return "\n".join(parts)


def _api_table(served: Served) -> str:
    rows = [_api_row("POST /v1/payments", served.payments), _api_row("one insert", served.limit)]
    rows.append(["ratio", f"{served.comparison.ratio:.2f}", "", "", ""])
    return table(["What", "Requests/s", "p50", "p99", "Requests"], rows)


def _api_row(what: str, load: Load) -> list[str]:
    half, most = (f"{percentile(load.seconds, share) * 1000:.1f} ms" for share in (0.5, 0.99))
    return [what, f"{statistics.median(load.rates):.0f}/s", half, most, f"{len(load.seconds):,}"]


def _queries(served: Served) -> str:
    queries = served.payments.queries
    held = "held" if served.holds else "MISSED"
    return (
        f"SQL queries a request: {statistics.median(queries):.0f}, at most {max(queries)} "
        f"(target ≤ {api.MAX_QUERIES}: {held}), counted by a wrapper on the connection;\n"
        "BEGIN, COMMIT and the connection's health check do not pass there.\n"
    )


def _server() -> str:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        version = connection.info.server_version
    return f"PostgreSQL {version // 10000}.{version % 10000}, fsync on"
