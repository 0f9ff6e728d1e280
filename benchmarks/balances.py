"""The balance of one account while its ledger grows from 10,000 lines to 10,000,000, now and at a day long past.

A book is posted into for years and sealed each week, as a close does. The first read is of a ledger that holds one open
week of 10,000 lines; then the years before are written past triggers, as a restore does, every entry whole and
balanced, and each week is sealed by the ledger's own command. Beside every read, in turns, one row is found by its key.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import connection

from benchmarks import book
from benchmarks.measure import percentile, table
from compliance.permissions import Permission
from coverpay.kernel import actors, clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from reconciliation.ledger import accounts, balances
from reconciliation.ledger.models import Account, Book, Line

WEEK_LINES = 10_000
LINES = 10_000_000
AN_ENTRY = 4
OWNERS = 100
READS = 400
WARM_UP = 40
SMALL_SHARE = 100
TARGET = 2.0
BENCH = actors.system("bench")
HOT, SPREAD = "every entry has a line there", "one entry in 100 has a line there"
BALANCES = """## Balances

The balance of one account by `balances.balance`: of one that every entry touches, and of one that each {owners}th does.
The ledger has one open week of {week:,} lines, then {lines:,} lines: the same week after {weeks:,} weeks, each of them
sealed by the ledger's own command. At a past day: three days into a week in the middle of the books. Medians of {reads}
reads; beside each, in turns, one row of the accounts by its key. Target: at most {target:g} times the read of {week:,}
lines. {filled}
"""
HEADINGS = ["Account", "Read", "Lines", "p50", "p95", "One row by key", "To that", "To 10,000 lines", "Held"]

_WEEK = """
CREATE TEMPORARY TABLE asked AS
    SELECT n, lpad(n::text, 26, '0') AS key, %(monday)s::date + (n %% 7)::int AS posted_on
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n;
INSERT INTO reconciliation_entry (id, book_id, posted_on, source_id, kind, subject_id, memo, created_at)
    SELECT 'ent_' || key, %(book)s, posted_on, 'src_' || key, 'bench', '', '', now() FROM asked;
INSERT INTO reconciliation_line (entry_id, account_id, posted_on, amount_minor, currency, reference)
    SELECT 'ent_' || key, side.account_id, posted_on, side.minor, 'USD', '' FROM asked,
           LATERAL (VALUES (%(hot)s::bigint, 100), (%(commission)s::bigint, -20), (%(tax)s::bigint, -10),
                           ((%(spread)s::bigint[])[1 + n %% %(owners)s], -70)) AS side (account_id, minor);
DROP TABLE asked;
"""


@dataclass(slots=True)
class Read:
    """One kind of read in a ledger of one size: seconds of each, and of the lookups beside it."""

    account: str
    when: str
    lines: int
    seconds: list[float] = field(default_factory=list)
    lookups: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return percentile(self.seconds, 0.5)

    def cells(self, small: Read) -> list[str]:
        lookup, ratio = percentile(self.lookups, 0.5), self.p50 / small.p50
        met = "" if self is small else "yes" if ratio <= TARGET else "NO"
        times = (f"{each * 1000:.2f} ms" for each in (self.p50, percentile(self.seconds, 0.95), lookup))
        return [self.account, self.when, f"{self.lines:,}", *times, f"{self.p50 / lookup:.1f}", f"{ratio:.2f}", met]


@dataclass(frozen=True, slots=True)
class _Ledger:
    """A book with its accounts, and the Monday of its open week."""

    book: Book
    hot: Account
    spread: list[Account]
    monday: dt.date


def measured(share: int = 1) -> tuple[str, bool]:
    """The part of the report, and whether the target is held; `share` 100 is a hundredth of the weeks."""
    weeks = LINES // WEEK_LINES // share
    ledger = _open()
    _write_week(ledger, 0)
    book.settle()
    small = _reads(ledger, weeks=1)
    began = time.perf_counter()
    _write_past(ledger, weeks)
    book.settle()
    filled = f"Written and sealed in {time.perf_counter() - began:,.0f} s."
    large = _reads(ledger, weeks=weeks)
    rows = [each.cells(before) for before, after in zip(small, large, strict=True) for each in (before, after)]
    about = BALANCES.format(
        week=WEEK_LINES, lines=weeks * WEEK_LINES, weeks=weeks - 1, owners=OWNERS, reads=READS, target=TARGET,
        filled=filled,
    )  # fmt: skip
    held = all(after.p50 <= TARGET * before.p50 for before, after in zip(small, large, strict=True))
    return about + "\n" + table(HEADINGS, rows), held


def _open() -> _Ledger:
    """A book with an account that every entry touches, and others for owners in turn."""
    print("measuring balances ...", file=sys.stderr, flush=True)
    house = book.open_house("bench-balances")
    found = Book.objects.get(organization=house.operator)
    _open_accounts(book_id=found.id, actor=BENCH)
    today = clock.today()
    monday = today - dt.timedelta(days=today.weekday() + 7)
    mine = Account.objects.filter(book=found)
    spread = list(mine.filter(code="premium_payable").order_by("id"))
    return _Ledger(found, mine.get(code="processor_clearing"), spread, monday)


@command
def _open_accounts(*, book_id: str, actor: Actor) -> None:
    commands.unchanged()
    owners = {("premium_payable", "USD", f"org_{number}") for number in range(OWNERS)}
    others = {(code, "USD", "bench") for code in ("processor_clearing", "commission_in_trust", "tax_payable")}
    accounts.open_accounts(book_id, owners | others)


def _write_week(ledger: _Ledger, back: int) -> None:
    """Write the entries of the week so many weeks before the open one."""
    mine = Account.objects.filter(book=ledger.book)
    entries = WEEK_LINES // AN_ENTRY
    values: dict[str, Any] = {
        "book": ledger.book.id,
        "monday": ledger.monday - dt.timedelta(weeks=back),
        "first": back * entries + 1,
        "last": (back + 1) * entries,
        "hot": ledger.hot.id,
        "commission": mine.get(code="commission_in_trust").id,
        "tax": mine.get(code="tax_payable").id,
        "spread": [account.id for account in ledger.spread],
        "owners": OWNERS,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(_WEEK, values)
        cursor.execute("SET session_replication_role = origin")


def _write_past(ledger: _Ledger, weeks: int) -> None:
    """Write and seal week after week, from the oldest to the one before the open week."""
    for back in range(weeks - 1, 0, -1):
        _write_week(ledger, back)
        sunday = ledger.monday - dt.timedelta(weeks=back) + dt.timedelta(days=6)
        balances.seal(book_id=ledger.book.id, as_of=sunday, actor=_closer(ledger))
        if back % 100 == 0:
            print(f"  {back:,} weeks to go", file=sys.stderr, flush=True)


def _closer(ledger: _Ledger) -> Actor:
    return Actor("user", "usr_bench", ledger.book.organization_id, frozenset(Permission))


def _reads(ledger: _Ledger, *, weeks: int) -> list[Read]:
    """Measure every kind of read in the ledger as it is, and check what they read against the lines themselves."""
    past = ledger.monday - dt.timedelta(weeks=weeks // 2) + dt.timedelta(days=3)
    found = []
    for name, account in ((HOT, ledger.hot), (SPREAD, ledger.spread[7])):
        for when, at in (("now", None), ("at a past day", past)):
            read = Read(name, when, weeks * WEEK_LINES)
            _measure(read, partial(balances.balance, ledger.book.id, account.id, at))
            if balances.balance(ledger.book.id, account.id, at) != _summed(account, at):
                raise RuntimeError(f"the balance of {account} at {at} is not the sum of its lines")
            found.append(read)
    return found


def _measure(read: Read, balance: Callable[[], int]) -> None:
    for number in range(WARM_UP + READS):
        for seconds, work in ((read.lookups, _lookup), (read.seconds, balance)):
            began = time.perf_counter()
            work()
            if number >= WARM_UP:
                seconds.append(time.perf_counter() - began)


def _lookup() -> int:
    """Find one row by its key: no read of a table can take less."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM reconciliation_account WHERE id = %s", [1])
        return len(cursor.fetchall())


def _summed(account: Account, at: dt.date | None) -> int:
    lines = Line.objects.filter(account=account, posted_on__lte=at or dt.date.max)
    return sum(lines.values_list("amount_minor", flat=True).iterator(chunk_size=50_000))
