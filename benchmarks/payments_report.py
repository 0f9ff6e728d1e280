"""The parts of the report about payments: webhooks, attempts, autopay."""

from __future__ import annotations

import statistics

from benchmarks.api import WORKERS, Load
from benchmarks.measure import HEADINGS, percentile, table

INTAKE = """## Webhooks of processors

{events:,} signed events, each about a payment of its own, through gunicorn with {workers} workers while nothing
processes them; {clients} clients on the same machine over kept-alive connections. Beside it a view that inserts one row
and commits, through the same gunicorn and middleware, in turns ({rounds} rounds). Then {processes} processes sweep what
was stored, the whole effect of each: outcome, receipt, application, postings, audit, events.
"""

ATTEMPTS = """## Payment attempts

Payments end to end with the sandbox, a process for a worker: planned, sent, answered, applied and posted, in three
transactions each. Beside it, in turns ({rounds} rounds of {each}), three transactions that insert one row each by
psycopg.
"""

AUTOPAY = """## Autopay

`autopay.collect_due` for {due:,} due invoices, by as many processes at once as there are workers, each number of
workers on a book of its own: a payment, a part, an attempt, an audit entry and an event for each. Beside it plain COPY,
by one connection, of the very rows it wrote into a copy of the database with the same constraints and triggers.
"""


def intake(share: int = 1) -> tuple[str, bool]:
    """Webhooks through gunicorn, and their processing; `share` 10 is a tenth of the size."""
    from benchmarks import intake as part

    measured = part.run(events=part.EVENTS // share)
    rows = [_load("POST /hooks/", measured.stored), _load("one insert", measured.limit)]
    rows.append(["ratio", f"{measured.comparison.ratio:.2f}", "", "", "", ""])
    shown = table(["What", "Requests/s", "p50", "p95", "p99", "Requests"], rows)
    p95 = "held" if measured.p95_ms <= part.MAX_P95_MS else "MISSED"
    all_in = "each took effect once" if measured.complete else "SOME ARE LOST OR DOUBLED"
    queries = statistics.median(measured.stored.queries)
    said = (
        f"SQL queries a webhook: {queries:.0f}. Target p95 ≤ {part.MAX_P95_MS} ms: {p95}.\n\n"
        f"Processed afterwards: {measured.processed:,} of {measured.events:,} in {measured.seconds:,.0f} s, "
        f"{measured.events / measured.seconds:,.0f}/s; {all_in}.\n"
    )
    about = INTAKE.format(
        events=measured.events, workers=WORKERS, clients=part.CLIENTS, rounds=part.ROUNDS, processes=part.PROCESSES
    )
    return "\n".join([about, shown, "", said]), measured.holds


def attempts() -> tuple[str, bool]:
    """Attempts with the sandbox."""
    from benchmarks import attempts as part

    measured = part.run()
    shown = table(HEADINGS, [paid.comparison.cells() for paid in measured.paid])
    queries = ", ".join(f"{what} {count}" for what, count in measured.queries.items())
    end = "every payment ended in the books" if measured.complete else "NOT EVERY PAYMENT ENDED IN THE BOOKS"
    said = f"SQL queries a payment: {queries}; {end}.\n"
    return "\n".join([ATTEMPTS.format(rounds=part.ROUNDS, each=part.A_ROUND), shown, "", said]), measured.holds


def autopay(share: int = 1) -> tuple[str, bool]:
    """Autopay by one, two and four workers; `share` 10 is a tenth of the size."""
    from benchmarks import autopay as part

    runs = part.run(due=part.DUE // share)
    shown = table(part.HEADINGS, [run.cells() for run in runs])
    return AUTOPAY.format(due=part.DUE // share) + "\n" + shown, all(run.charged_once for run in runs)


def _load(what: str, load: Load) -> list[str]:
    times = (f"{percentile(load.seconds, share) * 1000:.1f} ms" for share in (0.5, 0.95, 0.99))
    return [what, f"{statistics.median(load.rates):,.0f}/s", *times, f"{len(load.seconds):,}"]
