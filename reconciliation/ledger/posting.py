"""Write postings: one SQL statement for one or many, idempotent on (source, kind), checked by the database.

Only `billing/journal.py` and `payments/journal.py` may import this module: whoever reads those two knows every posting.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connection

from coverpay.kernel import clock, ids
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict, Invalid, NotFound
from coverpay.kernel.money import Money
from reconciliation.ledger import accounts
from reconciliation.ledger.models import Entry, Line

# The whole posting in one statement. Nothing is written unless every account is there; an entry that is already
# written is left alone and brings no lines.
_POST = """
WITH side AS (
    SELECT * FROM unnest(%(line_entry)s::text[], %(line_book)s::text[], %(code)s::text[], %(currency)s::text[],
                         %(owner)s::text[], %(amount)s::bigint[], %(reference)s::text[])
        WITH ORDINALITY AS s(entry_id, book_id, code, currency, owner, amount_minor, reference, position)
), resolved AS (
    SELECT side.*, account.id AS account_id
      FROM side JOIN reconciliation_account account USING (book_id, code, currency, owner)
), entry AS (
    INSERT INTO reconciliation_entry
           (id, book_id, posted_on, source_id, kind, subject_id, memo, reverses_id, created_at)
    SELECT e.*, %(now)s
      FROM unnest(%(id)s::text[], %(book)s::text[], %(posted_on)s::date[], %(source)s::text[], %(kind)s::text[],
                  %(subject)s::text[], %(memo)s::text[], %(reverses)s::text[]) AS e
     WHERE (SELECT count(*) FROM resolved) = %(lines)s
    ON CONFLICT (source_id, kind) DO NOTHING
    RETURNING id, posted_on
), line AS (
    INSERT INTO reconciliation_line (entry_id, account_id, posted_on, amount_minor, currency, reference)
    SELECT entry.id, account_id, entry.posted_on, amount_minor, currency, reference
      FROM resolved JOIN entry ON entry.id = resolved.entry_id
     ORDER BY position
)
SELECT (SELECT count(*) FROM resolved), ARRAY(SELECT id FROM entry)
"""


class Unbalanced(Invalid):
    """The sides of a posting do not sum to zero in every currency and fund."""

    code = "unbalanced_posting"


class PostingDiffers(Conflict):
    """The same source and kind was posted before with other lines."""

    code = "posting_differs"


class PeriodSealed(Conflict):
    """The books are sealed through that day."""

    code = "period_sealed"


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
    """Write postings in one statement.

    Takes:  sides in minor units; zero sides are dropped; each posting balances per currency and per fund.
    Gives:  the entries' ids in order; for a posting made before, the id it had then.
    Raises: Unbalanced, UnknownAccount, PeriodSealed, PostingDiffers.
    """
    if not postings:
        return []
    postings = [_checked(posting) for posting in postings]
    count, written = _run(postings)
    if count < sum(len(posting.sides) for posting in postings):
        _open_missing(postings)
        _, written = _run(postings)
    return [posting.id if posting.id in written else _before(posting) for posting in postings]


@step
def reverse(*, entry_id: str, source_id: str, kind: str, posted_on: dt.date, memo: str) -> str:
    """Write the exact opposite of an entry, naming it. An entry is reversed once; doing it again changes nothing."""
    entry = Entry.objects.filter(pk=entry_id).first()
    if entry is None:
        raise NotFound(f"No ledger entry {entry_id}.", field="entry_id")
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
    sides = tuple(side for side in posting.sides if side.amount)
    if not sides:
        raise Unbalanced(f"{posting.kind} for {posting.source_id} moves nothing.", field="lines")
    return Posting(
        book_id=posting.book_id,
        posted_on=posting.posted_on,
        source_id=posting.source_id,
        kind=posting.kind,
        sides=sides,
        subject_id=posting.subject_id,
        memo=posting.memo,
        reverses_id=posting.reverses_id,
        id=posting.id,
    )


def _run(postings: Sequence[Posting]) -> tuple[int, set[str]]:
    sides = [(posting, side) for posting in postings for side in posting.sides]
    with connection.cursor() as cursor:
        cursor.execute(
            _POST,
            {
                "line_entry": [posting.id for posting, _ in sides],
                "line_book": [posting.book_id for posting, _ in sides],
                "code": [side.code for _, side in sides],
                "currency": [side.amount.currency for _, side in sides],
                "owner": [side.owner for _, side in sides],
                "amount": [side.amount.amount_minor for _, side in sides],
                "reference": [side.reference for _, side in sides],
                "lines": len(sides),
                "now": clock.now(),
                "id": [posting.id for posting in postings],
                "book": [posting.book_id for posting in postings],
                "posted_on": [posting.posted_on for posting in postings],
                "source": [posting.source_id for posting in postings],
                "kind": [posting.kind for posting in postings],
                "subject": [posting.subject_id for posting in postings],
                "memo": [posting.memo for posting in postings],
                "reverses": [posting.reverses_id for posting in postings],
            },
        )
        row = cursor.fetchone()
    assert row is not None
    return int(row[0]), set(row[1])


def _open_missing(postings: Iterable[Posting]) -> None:
    wanted: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for posting in postings:
        for side in posting.sides:
            wanted[posting.book_id].add((side.code, side.amount.currency, side.owner))
    for book_id, keys in sorted(wanted.items()):
        accounts.open_accounts(book_id, keys)


def _before(posting: Posting) -> str:
    """The entry that was written earlier for this posting, if it says the same. Raises: PostingDiffers."""
    entry = Entry.objects.get(source_id=posting.source_id, kind=posting.kind)
    lines = Line.objects.filter(entry_id=entry.id).values_list(
        "account__code", "currency", "account__owner", "amount_minor"
    )
    asked = sorted((s.code, s.amount.currency, s.owner, s.amount.amount_minor) for s in posting.sides)
    if entry.book_id != posting.book_id or sorted(lines) != asked:
        raise PostingDiffers(f"{posting.kind} for {posting.source_id} was posted before with other lines.")
    return entry.id
