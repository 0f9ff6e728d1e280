"""Three ways to write the same postings of four lines: CoverPay's, plain rows without any guarantee, django-hordak.

Each contender makes its input first, so that only writing is timed. An owner of 0 names the hot accounts.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import psycopg

OWNERS = 1000
DAY = dt.date(2026, 2, 2)
CODES = ("processor_clearing", "unapplied_cash", "premium_receivable", "billed_uncollected")
SIGNS = (1, -1, 1, -1)
AMOUNT = 535_900


class Contender(Protocol):
    """Writes postings; `make` prepares one for an owner, `single` writes one, `batch` many at once."""

    def make(self, owner: int) -> Any: ...
    def single(self, one: Any) -> None: ...
    def batch(self, many: Sequence[Any]) -> None: ...


def ours() -> Contender:
    """`posting.post` and `posting.post_many`, each in a command of its own, with every guarantee."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coverpay.settings")
    django.setup()
    from benchmarks.coverpay_ledger import CoverPay

    return CoverPay()


def hordak() -> Contender:
    """A transaction with four legs; many by `bulk_create`."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.hordak_settings"
    django.setup()
    from benchmarks.hordak_ledger import Hordak

    return Hordak()


class Rows:
    """The same rows into tables of the same columns and indexes, without triggers and constraints."""

    SETUP = """
    CREATE SCHEMA plain;
    CREATE TABLE plain.entry (LIKE reconciliation_entry INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES);
    CREATE TABLE plain.line (LIKE reconciliation_line INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES);
    """
    ENTRY_COLUMNS = "id, book_id, posted_on, source_id, kind, subject_id, memo, created_at"
    LINE_COLUMNS = "entry_id, account_id, posted_on, amount_minor, currency, reference"
    ENTRY = f"INSERT INTO plain.entry ({ENTRY_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    LINES = f"INSERT INTO plain.line ({LINE_COLUMNS}) VALUES " + ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(CODES))

    def __init__(self) -> None:
        from coverpay.kernel import clock, ids

        self.new_id, self.now = ids.new, clock.now
        self.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)

    def make(self, owner: int) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
        entry_id = self.new_id("ent")
        entry = (entry_id, "bok_plain", DAY, self.new_id("src"), "bench", "pol_bench", "benchmark", self.now())
        lines = [(entry_id, 4 * owner + position, DAY, sign * AMOUNT, "USD", "") for position, sign in enumerate(SIGNS)]
        return entry, lines

    def single(self, one: tuple[tuple[Any, ...], list[tuple[Any, ...]]]) -> None:
        entry, lines = one
        with self.connection.transaction():
            self.connection.execute(self.ENTRY, entry)
            self.connection.execute(self.LINES, [value for line in lines for value in line])

    def batch(self, many: Sequence[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]) -> None:
        with self.connection.transaction(), self.connection.cursor() as cursor:
            with cursor.copy(f"COPY plain.entry ({self.ENTRY_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["text", "text", "date", "text", "text", "text", "text", "timestamptz"])
                for entry, _ in many:
                    copy.write_row(entry)
            with cursor.copy(f"COPY plain.line ({self.LINE_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["text", "int8", "date", "int8", "text", "text"])
                for _, lines in many:
                    for line in lines:
                        copy.write_row(line)


class OneStatement(Rows):
    """The same rows by one statement that commits itself: no transaction could be shorter."""

    BOTH = f"WITH entry AS ({Rows.ENTRY}) {Rows.LINES}"

    def single(self, one: tuple[tuple[Any, ...], list[tuple[Any, ...]]]) -> None:
        entry, lines = one
        self.connection.execute(self.BOTH, [*entry, *(value for line in lines for value in line)])


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "ours": ours,
    "rows": Rows,
    "one": OneStatement,
    "hordak": hordak,
}
