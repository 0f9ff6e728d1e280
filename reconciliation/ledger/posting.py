"""Write postings: one SQL statement for one or many, idempotent on (source, kind), checked by the database.

Only `billing/journal.py` and `payments/journal.py` may import this module: whoever reads those two knows every posting.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, LiteralString

import psycopg
from django.db import IntegrityError, connection, transaction

from coverpay.kernel import clock, ids
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict, Invalid, NotFound
from coverpay.kernel.money import Money
from reconciliation.ledger import accounts
from reconciliation.ledger.models import Entry, Line, Snapshot

# The whole posting in one statement. Nothing at all is written unless every account is there and no new entry falls
# into a sealed period. An entry that is there already, or would be a second reversal, is left out and brings no lines.
# Tables are looked up by scalar queries: whatever the planner believes of their size, each is one index probe.
_POST = """
WITH asked AS (
    SELECT a.*, (SELECT max(s.as_of) FROM reconciliation_snapshot s
                  WHERE s.book_id = a.book_id AND s.lifted_at IS NULL AND s.as_of >= a.posted_on
                    AND CASE WHEN s.as_of IS NOT NULL THEN NOT EXISTS (
                            SELECT FROM reconciliation_entry e WHERE e.source_id = a.source_id AND e.kind = a.kind
                        ) END) AS sealed_through
      FROM ROWS FROM (json_to_recordset(%(postings)s::json) AS (
               id text, book_id text, posted_on date, source_id text, kind text, subject_id text, memo text,
               reverses_id text, sides json
           )) WITH ORDINALITY
           AS a(id, book_id, posted_on, source_id, kind, subject_id, memo, reverses_id, sides, number)
), side AS (
    SELECT asked.id AS entry_id, posted_on, s.currency, amount_minor, reference, number, position,
           (SELECT a.id FROM reconciliation_account a
             WHERE a.book_id = asked.book_id AND a.code = s.code AND a.currency = s.currency AND a.owner = s.owner
           ) AS account_id
      FROM asked CROSS JOIN ROWS FROM (json_to_recordset(sides) AS (
               code text, currency text, owner text, amount_minor bigint, reference text
           )) WITH ORDINALITY AS s(code, currency, owner, amount_minor, reference, position)
), refused AS (
    SELECT EXISTS (SELECT FROM side WHERE account_id IS NULL) AS accounts_missing,
           (SELECT max(sealed_through) FROM asked) AS sealed_through
), entry AS (
    INSERT INTO reconciliation_entry
           (id, book_id, posted_on, source_id, kind, subject_id, memo, reverses_id, created_at)
    SELECT id, book_id, posted_on, source_id, kind, subject_id, memo, reverses_id, %(now)s
      FROM asked
     WHERE (SELECT NOT accounts_missing AND sealed_through IS NULL FROM refused)
    ON CONFLICT DO NOTHING
    RETURNING id
), line AS (
    INSERT INTO reconciliation_line (entry_id, account_id, posted_on, amount_minor, currency, reference)
    SELECT entry_id, account_id, posted_on, amount_minor, currency, reference
      FROM side JOIN entry ON entry.id = side.entry_id
     ORDER BY number, position
)
SELECT accounts_missing, sealed_through, ARRAY(SELECT id FROM entry) FROM refused
"""


_ACCOUNT_IDS = """
SELECT (SELECT a.id FROM reconciliation_account a
         WHERE a.book_id = k.book_id AND a.code = k.code AND a.currency = k.currency AND a.owner = k.owner)
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
       AS k(book_id, code, currency, owner, number)
 ORDER BY number
"""
_COPY_ENTRIES: LiteralString = """
COPY reconciliation_entry (id, book_id, posted_on, source_id, kind, subject_id, memo, reverses_id, created_at)
FROM STDIN (FORMAT BINARY)
"""
_COPY_LINES: LiteralString = """
COPY reconciliation_line (entry_id, account_id, posted_on, amount_minor, currency, reference)
FROM STDIN (FORMAT BINARY)
"""
COPY_FROM = 50
"""From this many on, postings go by COPY, which is faster; what COPY cannot sort out is left to the statement."""

AccountKey = tuple[str, str, str, str]


class Unbalanced(Invalid):
    """The sides of a posting do not sum to zero in every currency and fund."""

    code = "unbalanced_posting"


class PostingDiffers(Conflict):
    """The same source and kind was posted before with other lines."""

    code = "posting_differs"


class PeriodSealed(Conflict):
    """The books are sealed through that day."""

    code = "period_sealed"


class AlreadyReversed(Conflict):
    """Another entry reverses it; an entry is reversed once."""

    code = "already_reversed"


@dataclass(frozen=True, slots=True)
class Side:
    """One line to write: signed minor units, debit positive. `reference` is what a bank statement would show."""

    code: str
    amount: Money
    owner: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Posting:
    """One entry to write. (source_id, kind) is its identity: posting it again changes nothing."""

    book_id: str
    posted_on: dt.date
    source_id: str
    kind: str
    sides: tuple[Side, ...]
    subject_id: str = ""
    memo: str = ""
    reverses_id: str | None = None
    id: str = field(default_factory=lambda: ids.new("ent"))


def debit(code: str, amount: Money, *, owner: str = "", reference: str = "") -> Side:
    return Side(code, amount, owner, reference)


def credit(code: str, amount: Money, *, owner: str = "", reference: str = "") -> Side:
    return Side(code, -amount, owner, reference)


@step
def post(posting: Posting) -> str:
    """Write one posting; see `post_many`. Gives: the entry's id, also when it was written before."""
    return post_many([posting])[0]


@step
def post_many(postings: Sequence[Posting]) -> list[str]:
    """Write postings in one statement; many new ones by COPY.

    Takes:  sides in minor units; zero sides are dropped; each posting balances per currency and per fund.
    Gives:  the entries' ids in order; for a posting made before, the id it had then.
    Raises: Unbalanced, UnknownAccount, PeriodSealed, PostingDiffers, AlreadyReversed.
    """
    if not postings:
        return []
    postings = [_checked(posting) for posting in postings]
    if len(postings) >= COPY_FROM and _copied(postings):
        return [posting.id for posting in postings]
    accounts_missing, written = _run(postings)
    if accounts_missing:
        _open_missing(postings)
        _, written = _run(postings)
    if len(written) == len(postings):
        return [posting.id for posting in postings]
    before = _before([posting for posting in postings if posting.id not in written])
    return [before.get((posting.source_id, posting.kind), posting.id) for posting in postings]


@step
def reverse(*, entry_id: str, source_id: str, kind: str, posted_on: dt.date, memo: str) -> str:
    """Write the exact opposite of an entry, naming it.

    Gives:  the reversal's id; the one it had when the same source and kind reversed it before.
    Raises: NotFound, AlreadyReversed when another source did, PeriodSealed.
    """
    entry = Entry.objects.filter(pk=entry_id).first()
    if entry is None:
        raise NotFound(f"No ledger entry {entry_id}.", field="entry")
    sides = tuple(
        Side(
            line.account.code,
            Money(-line.amount_minor, line.currency),
            line.account.owner,
            line.reference,
        )
        for line in entry.lines.select_related("account").order_by("id")
    )
    return post(
        Posting(
            book_id=entry.book_id,
            posted_on=posted_on,
            source_id=source_id,
            kind=kind,
            sides=sides,
            subject_id=entry.subject_id,
            memo=memo,
            reverses_id=entry.id,
        )
    )


def _checked(posting: Posting) -> Posting:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for side in posting.sides:
        sums[side.amount.currency, accounts.chart_line(side.code).fund] += side.amount.amount_minor
    for (currency, fund), amount_minor in sums.items():
        if amount_minor:
            raise Unbalanced(
                f"{posting.kind} for {posting.source_id} is off by {Money(amount_minor, currency)} in the {fund} fund.",
                field="lines",
            )
    if all(side.amount for side in posting.sides) and posting.sides:
        return posting
    sides = tuple(side for side in posting.sides if side.amount)
    if not sides:
        raise Unbalanced(f"{posting.kind} for {posting.source_id} moves nothing.", field="lines")
    return replace(posting, sides=sides)


def _run(postings: Sequence[Posting]) -> tuple[bool, set[str]]:
    """Write what can be written. Gives: whether accounts are missing, and the ids written. Raises: PeriodSealed."""
    parameters: dict[str, str | dt.datetime] = {
        "postings": json.dumps([_as_json(posting) for posting in postings]),
        "now": clock.now(),
    }
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    # This cursor binds on the server, so that it keeps the plan: making it takes longer than carrying it out.
    with wrap(psycopg.Cursor(connection.connection)) as cursor:  # type: ignore[arg-type]
        cursor.execute(_POST, parameters)
        accounts_missing, sealed_through, written = cursor.fetchone()
    if sealed_through is not None:
        raise PeriodSealed(
            f"The books are sealed through {sealed_through}; post into the open period.", field="posted_on"
        )
    return accounts_missing, set(written)


def _as_json(posting: Posting) -> dict[str, object]:
    return {
        "id": posting.id,
        "book_id": posting.book_id,
        "posted_on": posting.posted_on.isoformat(),
        "source_id": posting.source_id,
        "kind": posting.kind,
        "subject_id": posting.subject_id,
        "memo": posting.memo,
        "reverses_id": posting.reverses_id,
        "sides": [
            {
                "code": side.code,
                "currency": side.amount.currency,
                "owner": side.owner,
                "amount_minor": side.amount.amount_minor,
                "reference": side.reference,
            }
            for side in posting.sides
        ],
    }


def _copied(postings: Sequence[Posting]) -> bool:
    """Write postings by COPY. Gives: False, with nothing written, when one is there already or may not be written."""
    account_ids = _account_ids(postings)
    if None in account_ids.values() or _any_sealed(postings):
        return False
    now = clock.now()
    entries = [
        (p.id, p.book_id, p.posted_on, p.source_id, p.kind, p.subject_id, p.memo, p.reverses_id, now) for p in postings
    ]
    lines = [
        (p.id, account_ids[_key(p, s)], p.posted_on, s.amount.amount_minor, s.amount.currency, s.reference)
        for p in postings
        for s in p.sides
    ]
    try:
        with transaction.atomic():
            _copy(_COPY_ENTRIES, "text text date text text text text text timestamptz", entries)
            _copy(_COPY_LINES, "text int8 date int8 text text", lines)
    except IntegrityError:
        return False
    return True


def _copy(statement: LiteralString, types: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(statement) as copy,
    ):
        copy.set_types(types.split())
        for row in rows:
            copy.write_row(row)


def _key(posting: Posting, side: Side) -> AccountKey:
    return posting.book_id, side.code, side.amount.currency, side.owner


def _account_ids(postings: Sequence[Posting]) -> dict[AccountKey, int | None]:
    """Look up the account of every side, all at once; None where it is not open yet."""
    keys = sorted({_key(posting, side) for posting in postings for side in posting.sides})
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNT_IDS, [list(column) for column in zip(*keys, strict=True)])
        return {key: account_id for key, (account_id,) in zip(keys, cursor.fetchall(), strict=True)}


def _any_sealed(postings: Sequence[Posting]) -> bool:
    first_days: dict[str, dt.date] = {}
    for posting in postings:
        first_days[posting.book_id] = min(posting.posted_on, first_days.get(posting.book_id, posting.posted_on))
    seals = Snapshot.objects.filter(book_id__in=first_days, lifted_at__isnull=True).values_list("book_id", "as_of")
    return any(as_of >= first_days[book_id] for book_id, as_of in seals)


def _open_missing(postings: Sequence[Posting]) -> None:
    wanted: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for posting in postings:
        for side in posting.sides:
            wanted[posting.book_id].add((side.code, side.amount.currency, side.owner))
    for book_id, keys in sorted(wanted.items()):
        accounts.open_accounts(book_id, keys)


def _before(postings: Sequence[Posting]) -> dict[tuple[str, str], str]:
    """The entries written earlier for these postings, by source and kind, if they say the same.

    Raises: PostingDiffers, AlreadyReversed.
    """
    sources = {posting.source_id for posting in postings}
    entries = {(entry.source_id, entry.kind): entry for entry in Entry.objects.filter(source_id__in=sources)}
    lines: dict[str, list[tuple[str, str, str, int, str]]] = defaultdict(list)
    for line in Line.objects.filter(entry__in=entries.values()).select_related("account"):
        lines[line.entry_id].append(
            (line.account.code, line.currency, line.account.owner, line.amount_minor, line.reference)
        )
    for posting in postings:
        entry = entries.get((posting.source_id, posting.kind))
        if entry is None:
            raise AlreadyReversed(f"Ledger entry {posting.reverses_id} is reversed already.", field="entry")
        asked = [(s.code, s.amount.currency, s.owner, s.amount.amount_minor, s.reference) for s in posting.sides]
        if entry.book_id != posting.book_id or sorted(lines[entry.id]) != sorted(asked):
            raise PostingDiffers(f"{posting.kind} for {posting.source_id} was posted before with other lines.")
    return {key: entry.id for key, entry in entries.items()}
