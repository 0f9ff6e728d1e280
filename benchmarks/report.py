"""The report of a run."""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

import psycopg

from benchmarks import api, ledger, payments_report
from benchmarks.api import Load, Served
from benchmarks.contenders import OWNERS
from benchmarks.measure import HEADINGS, machine, percentile, table
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


BILLING = """## Schedules and invoices

Schedules (12 installments of 3 components) and first invoices, chunks of {chunk:,} policies, a command each, by
`billing.bulk` with every guarantee on. Beside it, in turns with the chunks (every {sample}th of a large book), plain
binary COPY of the very rows it wrote into a copy of the database with the same tables, constraints, indexes and
triggers (a table each, one transaction a chunk). Memory is the most that the process ever had (target < {rss} MB).
"""

NIGHTLY = """## Nightly run

`coverpay.nightly.run`, every step of it, on a book of which 1/30 is due, single process. Beside it one scan for what is
due and plain COPY of the night's output into a copy of the database. Young: the first terms began {young} days before;
old: {old} days, so that most of the schedule is billed.
"""

PAGES = """## Pages

{requests} requests each by an administrator through the whole of Django (its test client: no network), in a book of
{small:,} policies and then, in the same database, in a large one.
"""

IMPORTS = """## Imports

Files of policies by `imports.import_policies`: checked whole, then written by COPY in chunks; all in one transaction.
Memory is the most that the process ever had (target < {rss} MB, whatever the size of the file).
"""

NACHA = """## ACH files

Entries written to and read from a file of the ACH operator's format, every field, hash, total and count checked. Beside
it, in the same rounds, plain loops that only fill or cut the same columns (medians of {rounds} rounds, ratios taken
within a round). Then one file of {large:,} entries, written and read as it comes in a process of its own; memory is the
most that it ever had (target < {rss} MB).
"""

PARTS = (
    "ledger",
    "api",
    "billing",
    "nightly",
    "pages",
    "imports",
    "nacha",
    "intake",
    "attempts",
    "autopay",
    "parsing",
    "matching",
    "balances",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the report, measured: its heading and text, and whether its targets are held."""

    text: str
    holds: bool

    @property
    def heading(self) -> str:
        return self.text.splitlines()[0]


def measure(parts: Sequence[str], *, large: bool, small: bool = False) -> list[Part]:
    """Measure parts one after the other, in the order of the report; `small` cuts webhooks and autopay to a tenth.

    A small ledger for balances has a hundredth of the lines.
    """
    share = 10 if small else 1
    measurers = {
        "ledger": _ledger,
        "api": _api,
        "billing": _billing,
        "nightly": _nightly,
        "pages": _pages,
        "imports": _imports,
        "nacha": _nacha,
        "intake": lambda large: Part(*payments_report.intake(share)),
        "attempts": lambda large: Part(*payments_report.attempts()),
        "autopay": lambda large: Part(*payments_report.autopay(share)),
        "parsing": _parsing,
        "matching": _matching,
        "balances": lambda large: _balances(small),
    }
    return [measurers[part](large) for part in PARTS if part in parts]


def render(measured: Sequence[Part], *, before: str = "") -> str:
    """The whole report as Markdown. Parts of `before` that were not measured now stay as they were."""
    kept = {section.splitlines()[0]: section for section in re.split(r"^(?=## )", before, flags=re.MULTILINE)[1:]}
    where = f"{clock.today()}, `make bench`, on {machine()}, {_server()}."
    for part in measured:
        title, _, rest = part.text.partition("\n")
        kept[part.heading] = f"{title}\n\n{where}\n{rest.rstrip()}\n\n"
    if before and not re.search(r"^# Benchmarks\n\nEach part", before):
        first = re.split(r"^(?=## )", before, flags=re.MULTILINE)[0].strip().splitlines()[-1]
        old = [heading for heading in kept if heading not in {part.heading for part in measured}]
        for heading in old:
            title, _, rest = kept[heading].partition("\n")
            kept[heading] = f"{title}\n\n{first}\n{rest}"
    head = "# Benchmarks\n\nEach part says when and where it was measured.\n\n"
    return head + "".join(section.rstrip() + "\n\n" for section in kept.values()).rstrip() + "\n"


def _ledger(large: bool) -> Part:
    comparisons = ledger.run()
    about = LEDGER.format(owners=f"{OWNERS:,}", rounds=ledger.ROUNDS, hordak=metadata.version("django-hordak"))
    rows = [comparison.cells() for comparison in comparisons]
    return Part(about + "\n" + table(HEADINGS, rows), all(comparison.holds for comparison in comparisons))


def _api(large: bool) -> Part:
    served = api.run()
    about = API.format(workers=api.WORKERS, clients=api.CLIENTS, rounds=api.ROUNDS)
    return Part("\n".join([about, _api_table(served) + "\n", _queries(served)]), served.holds)


def _billing(large: bool) -> Part:
    from benchmarks import billing

    built = billing.run(large=large)
    about = BILLING.format(chunk=billing.CHUNK, sample=billing.SAMPLE, rss=billing.MAX_RSS_MB)
    costs = table(
        ["Policies", "Compared chunks", "A policy", "Policies/s", "Memory"],
        [
            [f"{b.policies:,}", f"{len(b.rounds):,}", f"{b.milliseconds:.2f} ms", f"{1000 / b.milliseconds:,.0f}/s",
             f"{b.rss_mb} MB"]
            for b in built
        ],
    )  # fmt: skip
    compared = table(HEADINGS, [b.comparison.cells() for b in built])
    return Part("\n".join([about, compared + "\n", costs]), all(b.holds for b in built))


def _nightly(large: bool) -> Part:
    from benchmarks import nightly

    nights = nightly.run(large=large)
    shown = table(nightly.HEADINGS, [night.cells() for night in nights])
    return Part(NIGHTLY.format(**nightly.AGES) + "\n" + shown, True)


def _pages(large: bool) -> Part:
    from benchmarks import pages

    found = pages.run(large=large)
    shown = table(pages.HEADINGS, [page.cells() for page in found])
    counts = {what: {q for page in found if page.what == what for q in page.queries} for what in ("list", "one policy")}
    constant = all(len(each) == 1 for each in counts.values())
    said = f"Queries a page are {'the same in both books' if constant else 'NOT constant'}."
    return Part("\n".join([PAGES.format(requests=pages.REQUESTS, small=pages.SMALL), shown, "", said]), constant)


def _imports(large: bool) -> Part:
    from benchmarks import imports

    brought = imports.run(large=large)
    shown = table(imports.HEADINGS, [each.cells() for each in brought])
    return Part(IMPORTS.format(rss=imports.MAX_RSS_MB) + "\n" + shown, all(each.holds for each in brought))


def _nacha(large: bool) -> Part:
    from benchmarks import nacha

    compared, streamed = nacha.compare(), nacha.stream()
    about = NACHA.format(rounds=nacha.ROUNDS, large=nacha.LARGE, rss=nacha.MAX_RSS_MB)
    shown = [about, table(HEADINGS, [each.cells() for each in compared]) + "\n"]
    shown.append(table(nacha.HEADINGS, [streamed.cells()]))
    return Part("\n".join(shown), streamed.holds and all(each.holds for each in compared))


def _parsing(large: bool) -> Part:
    from benchmarks import parsing

    return Part(*parsing.measured())


def _balances(small: bool) -> Part:
    from benchmarks import balances

    return Part(*balances.measured(balances.SMALL_SHARE if small else 1))


def _matching(large: bool) -> Part:
    from benchmarks import matching

    return Part(*matching.measured())


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
