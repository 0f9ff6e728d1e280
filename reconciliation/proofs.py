"""The balance proof of every day: opening + lines = closing = books ± what explains the difference, tolerance zero.

A range of days is read in a handful of queries, whatever it holds: sums by day, run along. Days that have no statement
are named. Lines of the bank count on their statement's day, lines of the books on the day they were posted.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from compliance import business_days
from coverpay.kernel import clock
from reconciliation import open_lines
from reconciliation.ledger import balances
from reconciliation.ledger.models import Line
from reconciliation.models import BankAccount, IgnoredLine, MatchBankLine, MatchBookLine, Statement, StatementLine

BEFORE = "On the account before its first statement"
BANK_ONLY = "On the statements only"
ASIDE = "On the statements only, set aside with a reason"
BOOKS_ONLY = "In the books only"
LATER_IN_BOOKS = "Matched, but in the books on a later day"
LATER_AT_BANK = "Matched, but at the bank on a later day"
LISTED = 200
"""Lines an item lists; the count says how many there are."""
SHOWN_DAYS, MOST_DAYS = 31, 366


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that explains why the bank and the books differ; positive: the bank has more."""

    label: str
    amount_minor: int
    count: int
    bank_lines: Sequence[StatementLine] = ()
    book_lines: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class DayProof:
    """One statement's day. `gaps` are the business days before it, after the statement before, that have none."""

    on: dt.date
    statement_id: str
    currency: str
    opening_minor: int
    lines_minor: int
    line_count: int
    closing_minor: int
    ledger_minor: int
    items: Sequence[Item]
    gaps: Sequence[dt.date] = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        return self.opening_minor + self.lines_minor == self.closing_minor

    @property
    def explained_minor(self) -> int:
        return sum(item.amount_minor for item in self.items)

    @property
    def unexplained_minor(self) -> int:
        """Signed; anything but zero is wrong, above as well as below."""
        return self.closing_minor - self.ledger_minor - self.explained_minor

    @property
    def ties(self) -> bool:
        return self.adds_up and self.unexplained_minor == 0


Sums = dict[dt.date, tuple[int, int]]


def range_of(account: BankAccount, from_on: dt.date | None, to_on: dt.date | None) -> tuple[dt.date, dt.date]:
    """The days asked for; left out, the last month of statements. At most a year, the end of what was asked."""
    last = Statement.objects.filter(bank_account=account).order_by("-as_of").values_list("as_of", flat=True).first()
    end = to_on or last or clock.today()
    begin = from_on or end - dt.timedelta(days=SHOWN_DAYS - 1)
    return max(begin, end - dt.timedelta(days=MOST_DAYS - 1)), end


def daily(account: BankAccount, from_on: dt.date, to_on: dt.date) -> list[DayProof]:
    """Prove each statement of a range, oldest first, each with the business days before it that have none."""
    stated = Statement.objects.filter(bank_account=account)
    first = stated.order_by("as_of").first()
    rows = list(stated.filter(as_of__range=(from_on, to_on)).order_by("as_of"))
    if first is None or not rows:
        return []
    before = stated.filter(as_of__lt=rows[0].as_of).order_by("-as_of").first()
    moved = _moved([row.id for row in rows])
    ledger = _ledger(account, rows[0].as_of, rows[-1].as_of)
    running = _Running(_explaining(account, rows[0].as_of, rows[-1].as_of))
    proofs = []
    day_before = before.as_of if before else None
    for row in rows:
        items = [Item(BEFORE, first.opening_minor, 1)] if first.opening_minor else []
        items += [Item(label, amount, count) for label, (amount, count) in running.through(row.as_of).items() if count]
        lines_minor, line_count = moved.get(row.id, (0, 0))
        proofs.append(
            DayProof(
                on=row.as_of,
                statement_id=row.id,
                currency=account.currency,
                opening_minor=row.opening_minor,
                lines_minor=lines_minor,
                line_count=line_count,
                closing_minor=row.closing_minor,
                ledger_minor=ledger.through(row.as_of)["books"][0],
                items=items,
                gaps=_gaps(day_before, row.as_of),
            )
        )
        day_before = row.as_of
    return proofs


def of_day(account: BankAccount, on: dt.date) -> DayProof | None:
    """Prove the statement of one day, each item with its lines; None without one."""
    found = daily(account, on, on)
    if not found:
        return None
    lines = _lines_behind(account, on)
    items = [
        Item(item.label, item.amount_minor, item.count, *lines.get(item.label, ((), ()))) for item in found[0].items
    ]
    proof = found[0]
    return DayProof(
        proof.on, proof.statement_id, proof.currency, proof.opening_minor, proof.lines_minor, proof.line_count,
        proof.closing_minor, proof.ledger_minor, items, proof.gaps,
    )  # fmt: skip


def gaps_since_last(account: BankAccount, today: dt.date) -> list[dt.date]:
    """Business days after the last statement and before today that have no statement yet."""
    last = Statement.objects.filter(bank_account=account).order_by("-as_of").first()
    return _gaps(last.as_of, today) if last else []


def _gaps(day_before: dt.date | None, on: dt.date) -> list[dt.date]:
    if day_before is None:
        return []
    between = (day_before + dt.timedelta(days=number) for number in range(1, (on - day_before).days))
    return [day for day in between if business_days.is_business_day(day)]


class _Running:
    """Sums by label and day, run along: `through` takes days in ascending order."""

    def __init__(self, sums: Mapping[str, Sums]) -> None:
        events = [(day, label, *amounts) for label, days in sums.items() for day, amounts in days.items()]
        self._events = sorted(events, reverse=True)
        self._totals = dict.fromkeys(sums, (0, 0))

    def through(self, day: dt.date) -> dict[str, tuple[int, int]]:
        while self._events and self._events[-1][0] <= day:
            _, label, amount, count = self._events.pop()
            total, number = self._totals[label]
            self._totals[label] = (total + amount, number + count)
        return dict(self._totals)


def _moved(statement_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    rows = StatementLine.objects.filter(statement__in=statement_ids).order_by()
    found = rows.values_list("statement").annotate(total=Sum("amount_minor"), number=Count("pk"))
    return {statement: (int(total), number) for statement, total, number in found}


def _ledger(account: BankAccount, from_on: dt.date, to_on: dt.date) -> _Running:
    """The books at the end of each day of the range: what stood before it, and its lines."""
    day_before = from_on - dt.timedelta(days=1)
    opening = balances.balance(account.ledger_account.book_id, account.ledger_account_id, day_before)
    lines = Line.objects.filter(account=account.ledger_account, posted_on__range=(from_on, to_on))
    return _Running({"books": {day_before: (opening, 1), **_by_day(lines, "posted_on", "amount_minor")}})


def _explaining(account: BankAccount, from_on: dt.date, to_on: dt.date) -> dict[str, Sums]:
    open_bank = open_lines.open_bank_lines(account).filter(statement__as_of__lte=to_on)
    open_books = open_lines.open_book_lines(account).filter(posted_on__lte=to_on)
    aside = _set_aside(account, to_on)
    later_books, later_bank = _across(account, from_on)
    return {
        BANK_ONLY: _by_day(open_bank, "statement__as_of", "amount_minor"),
        ASIDE: _by_day(aside, "statement_line__statement__as_of", "statement_line__amount_minor"),
        BOOKS_ONLY: _by_day(open_books, "posted_on", "amount_minor", sign=-1),
        LATER_IN_BOOKS: later_books,
        LATER_AT_BANK: later_bank,
    }


def _by_day(rows: QuerySet[Any], day: str, amount: str, sign: int = 1) -> Sums:
    found = rows.order_by().values_list(day).annotate(total=Sum(amount), number=Count("pk"))
    return {on: (sign * int(total), number) for on, total, number in found}


def _set_aside(account: BankAccount, to_on: dt.date) -> QuerySet[IgnoredLine]:
    rows = IgnoredLine.objects.filter(bank_account=account, ended_at=None)
    return rows.filter(statement_line__statement__as_of__lte=to_on)


@dataclass(frozen=True, slots=True)
class _Member:
    """A line of a live match: its match, its day, its amount."""

    match_id: str
    on: dt.date
    amount_minor: int
    line_id: Any


def _across(account: BankAccount, from_on: dt.date) -> tuple[Sums, Sums]:
    """What explains matches whose lines stand on several days: from the match's first day to the line's own."""
    at_bank, in_books = _members(account, from_on)
    begins = _begins([*at_bank, *in_books])
    return _between(in_books, begins, sign=1), _between(at_bank, begins, sign=-1)


def _members(account: BankAccount, from_on: dt.date) -> tuple[list[_Member], list[_Member]]:
    """Lines of live matches that are not over by the first day: the bank's, and the books'."""
    bank = MatchBankLine.objects.filter(live=True, match__bank_account=account)
    books = MatchBookLine.objects.filter(live=True, match__bank_account=account)
    going_on = Q(match__in=bank.filter(statement_line__statement__as_of__gt=from_on).values("match")) | Q(
        match__in=books.filter(ledger_line__posted_on__gt=from_on).values("match")
    )
    bank_rows = bank.filter(going_on).values_list(
        "match_id", "statement_line__statement__as_of", "statement_line__amount_minor", "statement_line_id"
    )
    book_rows = books.filter(going_on).values_list(
        "match_id", "ledger_line__posted_on", "ledger_line__amount_minor", "ledger_line_id"
    )
    return [_Member(*row) for row in bank_rows], [_Member(*row) for row in book_rows]


def _begins(members: Iterable[_Member]) -> dict[str, dt.date]:
    first: dict[str, dt.date] = {}
    for member in members:
        first[member.match_id] = min(member.on, first.get(member.match_id, member.on))
    return first


def _between(members: Iterable[_Member], begins: Mapping[str, dt.date], sign: int) -> Sums:
    found: dict[dt.date, list[int]] = defaultdict(lambda: [0, 0])
    for member in members:
        begin = begins[member.match_id]
        if begin < member.on:
            for day, step in ((begin, 1), (member.on, -1)):
                found[day][0] += sign * step * member.amount_minor
                found[day][1] += step
    return {day: (amount, count) for day, (amount, count) in found.items()}


def _lines_behind(account: BankAccount, on: dt.date) -> dict[str, tuple[Sequence[StatementLine], Sequence[Line]]]:
    """The lines of each item of a day."""
    open_bank = open_lines.open_bank_lines(account).filter(statement__as_of__lte=on)
    open_books = open_lines.open_book_lines(account).filter(posted_on__lte=on)
    aside = _set_aside(account, on).values("statement_line")
    at_bank, in_books = _members(account, on)
    begins = _begins([*at_bank, *in_books])
    late_bank, late_books = (
        [member.line_id for member in members if begins[member.match_id] <= on < member.on]
        for members in (at_bank, in_books)
    )
    return {
        BANK_ONLY: (_bank(open_bank), ()),
        ASIDE: (_bank(StatementLine.objects.filter(pk__in=aside)), ()),
        BOOKS_ONLY: ((), _books(open_books)),
        LATER_IN_BOOKS: ((), _books(Line.objects.filter(pk__in=late_books))),
        LATER_AT_BANK: (_bank(StatementLine.objects.filter(pk__in=late_bank)), ()),
    }


def _bank(rows: QuerySet[StatementLine]) -> list[StatementLine]:
    return list(rows.select_related("statement").order_by("posted_on", "id")[:LISTED])


def _books(rows: QuerySet[Line]) -> list[Line]:
    return list(rows.select_related("entry").order_by("posted_on", "id")[:LISTED])
