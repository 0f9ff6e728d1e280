"""Write into a ledger of its own, and around its guards by raw SQL."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any

from django.db import connection

from coverpay.kernel import commands
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from reconciliation.ledger import accounts, posting
from reconciliation.ledger.posting import Posting, credit, debit
from tests.support import world

DAY = dt.date(2026, 2, 2)
TESTER = system("test")
_number = itertools.count(1)


@command
def _open_book(*, organization_id: str, actor: Actor) -> str:
    commands.unchanged()
    return accounts.open_book(organization_id).id


def open_book() -> str:
    """The book of a new organization."""
    return _open_book(organization_id=world.organization().id, actor=TESTER)


def asked(book_id: str, amount_minor: int = 1_000, **changes: Any) -> Posting:
    """A posting of cash that waits for a tax, of a source of its own, with changes."""
    amount = Money(amount_minor)
    fields: dict[str, Any] = {
        "book_id": book_id,
        "posted_on": DAY,
        "source_id": f"src_{next(_number)}",
        "kind": "test",
        "sides": (debit("unapplied_cash", amount), credit("tax_payable", amount, owner="HI")),
    }
    return Posting(**{**fields, **changes})


@command
def _write(*, postings: Sequence[Posting], actor: Actor) -> list[str]:
    commands.unchanged()
    return posting.post_many(postings)


def write(*postings: Posting) -> list[str]:
    """Post in a transaction of its own."""
    return _write(postings=postings, actor=TESTER)


@command
def _turn_back(*, entry_id: str, source_id: str, posted_on: dt.date, actor: Actor) -> str:
    commands.unchanged()
    return posting.reverse(entry_id=entry_id, source_id=source_id, kind="undone", posted_on=posted_on, memo="")


def turn_back(entry_id: str, source_id: str, posted_on: dt.date = DAY) -> str:
    """Reverse in a transaction of its own."""
    return _turn_back(entry_id=entry_id, source_id=source_id, posted_on=posted_on, actor=TESTER)


@command
def _account(*, book_id: str, code: str, currency: str, owner: str, actor: Actor) -> int:
    commands.unchanged()
    return accounts.open_account(book_id, code, currency, owner).id


def account(book_id: str, code: str, currency: str = "USD", owner: str = "") -> int:
    """An account of the book, opened if need be."""
    return _account(book_id=book_id, code=code, currency=currency, owner=owner, actor=TESTER)


def raw_entry(book_id: str, posted_on: dt.date = DAY) -> str:
    """Insert an entry without lines by raw SQL."""
    number = next(_number)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reconciliation_entry (id, book_id, posted_on, source_id, kind, subject_id, memo, created_at) "
            "VALUES (%s, %s, %s, %s, 'raw', '', '', now())",
            [f"ent_raw{number}", book_id, posted_on, f"raw_{number}"],
        )
    return f"ent_raw{number}"


def raw_lines(entry_id: str, *lines: tuple[Any, ...], posted_on: dt.date = DAY) -> None:
    """Insert lines (account, amount, and the currency if not USD) by one raw statement."""
    rows = ", ".join(["(%s, %s, %s, %s, %s, '')"] * len(lines))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reconciliation_line (entry_id, account_id, posted_on, amount_minor, currency, reference) "
            f"VALUES {rows}",
            [value for to, amount, *in_ in lines for value in (entry_id, to, posted_on, amount, *(in_ or ["USD"]))],
        )


def sqlstate(error: BaseException) -> str:
    """The code the database refused with."""
    return str(getattr(error.__cause__, "sqlstate", ""))
