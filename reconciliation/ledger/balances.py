"""Read balances: from the last sealed snapshot, plus the lines after it. Reads stay cheap however old the books are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import connection

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from reconciliation.ledger.models import Book, Snapshot

_BALANCES = """
WITH sealed AS (
    SELECT id, as_of FROM reconciliation_snapshot
     WHERE book_id = %(book)s AND lifted_at IS NULL AND as_of <= %(at)s ORDER BY as_of DESC LIMIT 1
)
SELECT account.id, account.code, account.owner, account.type, account.fund, account.currency,
       COALESCE((SELECT balance_minor FROM reconciliation_snapshotbalance
                  WHERE account_id = account.id AND snapshot_id = (SELECT id FROM sealed)), 0)
     + COALESCE((SELECT SUM(amount_minor) FROM reconciliation_line
                  WHERE account_id = account.id AND posted_on <= %(at)s
                    AND posted_on > COALESCE((SELECT as_of FROM sealed), '-infinity'::date)), 0)
  FROM reconciliation_account account
 WHERE account.book_id = %(book)s AND (%(account)s::bigint IS NULL OR account.id = %(account)s)
 ORDER BY account.fund DESC, account.code, account.owner, account.currency
"""

_SEAL = """
INSERT INTO reconciliation_snapshotbalance (snapshot_id, account_id, balance_minor)
SELECT %(snapshot)s, account.id,
       COALESCE((SELECT balance_minor FROM reconciliation_snapshotbalance
                  WHERE account_id = account.id AND snapshot_id = %(before)s), 0)
     + COALESCE((SELECT SUM(amount_minor) FROM reconciliation_line
                  WHERE account_id = account.id AND posted_on <= %(as_of)s
                    AND posted_on > COALESCE(%(before_day)s, '-infinity'::date)), 0)
  FROM reconciliation_account account WHERE account.book_id = %(book)s
"""


class AlreadySealed(Conflict):
    """The books are sealed through that day, or a later one."""

    code = "already_sealed"


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """One account at the end of a day; debit positive, minor units."""

    account_id: int
    code: str
    owner: str
    type: str
    fund: str
    currency: str
    balance_minor: int


def trial_balance(book_id: str, at: dt.date | None = None) -> list[AccountBalance]:
    """Every account of a book at the end of a day (now: everything posted, whatever its date)."""
    return _read(book_id, at, None)


def balance(book_id: str, account_id: int, at: dt.date | None = None) -> int:
    """One account at the end of a day, debit positive, minor units; 0 for an account of another book."""
    found = _read(book_id, at, account_id)
    return found[0].balance_minor if found else 0


def _read(book_id: str, at: dt.date | None, account_id: int | None) -> list[AccountBalance]:
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES, {"book": book_id, "at": at or dt.date.max, "account": account_id})
        return [AccountBalance(*[*row[:-1], int(row[-1])]) for row in cursor.fetchall()]


@command
def seal(*, book_id: str, as_of: dt.date, actor: Actor) -> Snapshot:
    """Seal a book through a day that is over: its balances are kept and nothing may be posted into it any more.

    Raises: AlreadySealed for a day on or before the last seal, Invalid for a day that is not over.
    """
    access.get_operable(actor, Book.objects.all(), book_id, permission=Permission.RECONCILIATION_WRITE)
    return seal_locked(Book.objects.select_for_update(no_key=True).get(pk=book_id), as_of)


@step
def seal_locked(book: Book, as_of: dt.date) -> Snapshot:
    """Seal a locked book through a day. Raises: as `seal`."""
    if as_of >= clock.today():
        raise Invalid("Only a day that is over can be sealed.", field="as_of")
    before = Snapshot.objects.filter(book=book, lifted_at__isnull=True).order_by("-as_of").first()
    if before is not None and before.as_of >= as_of:
        raise AlreadySealed(f"The books are sealed through {before.as_of}.", field="as_of")
    snapshot = Snapshot.objects.create(book=book, as_of=as_of)
    with connection.cursor() as cursor:
        cursor.execute(
            _SEAL,
            {
                "snapshot": snapshot.id,
                "before": before.id if before else None,
                "before_day": before.as_of if before else None,
                "as_of": as_of,
                "book": book.id,
            },
        )
    audit.record(
        action="book.seal",
        object_id=book.id,
        organization_id=snapshot.book.organization_id,
        after={"as_of": as_of.isoformat(), "snapshot": snapshot.id},
    )
    return snapshot


@step
def lift_locked(snapshot: Snapshot) -> None:
    """Lift the last seal of a locked book: its days take entries again, and balances no longer start from it."""
    snapshot.lifted_at = clock.now()
    snapshot.save(update_fields=["lifted_at"])
    audit.record(
        action="book.lift_seal",
        object_id=snapshot.book_id,
        organization_id=snapshot.book.organization_id,
        before={"as_of": snapshot.as_of.isoformat(), "snapshot": snapshot.id},
    )
