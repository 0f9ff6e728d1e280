"""Lists of breaks: whose they are, how old, and which are late. Age counts calendar days since a break was opened."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import QuerySet

from coverpay.kernel import clock
from reconciliation.ledger.models import Line
from reconciliation.models import Break, StatementLine

NOBODY = "nobody"
MINE = "me"


@dataclass(frozen=True, slots=True)
class Bucket:
    """An age of breaks, in calendar days since they were opened; no `most` means any number more."""

    name: str
    least: int
    most: int | None = None


BUCKETS = (Bucket("0-1", 0, 1), Bucket("2-5", 2, 5), Bucket("6-10", 6, 10), Bucket("11-30", 11, 30), Bucket("31+", 31))
AGES = tuple(bucket.name for bucket in BUCKETS)


def age_days(found: Break, today: dt.date | None = None) -> int:
    """Calendar days since the break was opened; of a closed one, until it was closed."""
    end = found.closed_at.date() if found.closed_at else today or clock.today()
    return (end - found.opened_at.date()).days


def bucket_of(days: int) -> str:
    """The name of the age that so many days fall into."""
    return next(bucket.name for bucket in reversed(BUCKETS) if days >= bucket.least)


def is_overdue(found: Break) -> bool:
    """Whether an open break should have been settled by now."""
    return found.state == Break.State.OPEN and found.due_on < clock.today()


def of_age(rows: QuerySet[Break], name: str) -> QuerySet[Break]:
    """Narrow to one age; a name that is none narrows to nothing."""
    bucket = next((bucket for bucket in BUCKETS if bucket.name == name), None)
    if bucket is None:
        return rows.none()
    first_moment = _midnight(clock.today() - dt.timedelta(days=bucket.least - 1))
    rows = rows.filter(opened_at__lt=first_moment)
    if bucket.most is None:
        return rows
    return rows.filter(opened_at__gte=_midnight(clock.today() - dt.timedelta(days=bucket.most)))


def of_owner(rows: QuerySet[Break], owner: str, me: str = "") -> QuerySet[Break]:
    """Narrow to what one person works on: an id, `me` or `nobody`."""
    if owner == NOBODY:
        return rows.filter(owner__isnull=True)
    return rows.filter(owner_id=me if owner == MINE else owner)


def overdue(rows: QuerySet[Break]) -> QuerySet[Break]:
    """Narrow to open breaks whose day has passed."""
    return rows.filter(state=Break.State.OPEN, due_on__lt=clock.today())


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


@dataclass(frozen=True, slots=True)
class Sides:
    """The lines a break is about: the bank's, and the books' own or possible ones."""

    bank_lines: list[StatementLine]
    book_lines: list[Line]

    @property
    def bank_minor(self) -> int:
        return sum(line.amount_minor for line in self.bank_lines)

    @property
    def books_minor(self) -> int:
        return sum(line.amount_minor for line in self.book_lines)


def sides_of(found: Break) -> Sides:
    """Read every line a visible break of matching names; its lines are of the same account."""
    said = [found.subject_id, *found.inputs.get("claimants", ()), *found.inputs.get("candidates", ())]
    names = {str(name) for name in said}
    bank = StatementLine.objects.filter(pk__in=[name for name in names if not name.isdecimal()])
    books = Line.objects.filter(pk__in=[int(name) for name in names if name.isdecimal()])
    return Sides(
        list(bank.select_related("statement").order_by("posted_on", "id")),
        list(books.select_related("entry").order_by("posted_on", "id")),
    )
