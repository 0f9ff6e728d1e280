"""Reads of the bank side for pages and the API: the balance proof, what waits for a person, what a statement holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Sum

from compliance import access
from coverpay.kernel.actors import Actor
from reconciliation import break_lists, open_lines
from reconciliation.ledger import balances
from reconciliation.ledger.models import Line
from reconciliation.models import (
    BankAccount,
    Break,
    IgnoredLine,
    Match,
    MatchBankLine,
    MatchBookLine,
    Statement,
    StatementImport,
    StatementLine,
)

MATCH_SIDES = ("bank_lines__statement_line__statement", "book_lines__ledger_line__entry")
"""What to prefetch of matches to show both sides."""


@dataclass(frozen=True, slots=True)
class ProofItem:
    """One thing that explains why the bank and the books differ; positive: the bank has more."""

    label: str
    amount_minor: int
    count: int


@dataclass(frozen=True, slots=True)
class BalanceProof:
    """The bank's closing balance against the books at the end of the same day, with zero tolerance."""

    as_of: dt.date
    currency: str
    closing_minor: int
    ledger_minor: int
    items: Sequence[ProofItem]

    @property
    def difference_minor(self) -> int:
        return self.closing_minor - self.ledger_minor

    @property
    def unexplained_minor(self) -> int:
        return self.difference_minor - sum(item.amount_minor for item in self.items)

    @property
    def ties(self) -> bool:
        return self.unexplained_minor == 0


@dataclass(frozen=True, slots=True)
class AccountShown:
    """A bank account with where it stands."""

    account: BankAccount
    last_statement: Statement | None
    proof: BalanceProof | None
    open_breaks: int


@dataclass(frozen=True, slots=True)
class BreakShown:
    """A break with the lines it is about: the bank's, and the books' own or possible ones."""

    found: Break
    bank_line: StatementLine | None
    book_lines: Sequence[Line]

    @property
    def age_days(self) -> int:
        return break_lists.age_days(self.found)

    @property
    def overdue(self) -> bool:
        return break_lists.is_overdue(self.found)


@dataclass(frozen=True, slots=True)
class LineShown:
    """A statement line with its match, its open break, or why it was set aside."""

    line: StatementLine
    match: Match | None
    found: Break | None
    ignored: IgnoredLine | None = None


def balance_proof(account: BankAccount, at: dt.date | None = None) -> BalanceProof | None:
    """Prove the last statement on or before a day (default: the last of all); None without one.

    Closing = books + what only the bank shows - what only the books show +- matches that stand on two sides of the
    day + what was on the account before its first statement. What is left over has no explanation.
    """
    stated = Statement.objects.filter(bank_account=account)
    if at is not None:
        stated = stated.filter(as_of__lte=at)
    last, first = stated.order_by("-as_of").first(), stated.order_by("as_of").first()
    if last is None or first is None:
        return None
    day = last.as_of
    bank = _sum(open_lines.open_bank_lines(account).filter(statement__as_of__lte=day))
    books = _sum(open_lines.open_book_lines(account).filter(posted_on__lte=day))
    ignored = IgnoredLine.objects.filter(bank_account=account, ended_at=None)
    aside = _sum(ignored.filter(statement_line__statement__as_of__lte=day), "statement_line__amount_minor")
    early_sum, late_sum = _across(account, day)
    items = [
        ProofItem("On the account before its first statement", first.opening_minor, 1 if first.opening_minor else 0),
        ProofItem("On the statements only", *bank),
        ProofItem("On the statements only, set aside with a reason", *aside),
        ProofItem("In the books only", -books[0], books[1]),
        ProofItem("Matched, but in the books on a later day", *early_sum),
        ProofItem("Matched, but at the bank on a later day", -late_sum[0], late_sum[1]),
    ]
    return BalanceProof(
        as_of=day,
        currency=account.currency,
        closing_minor=last.closing_minor,
        ledger_minor=balances.balance(account.ledger_account.book_id, account.ledger_account_id, day),
        items=[item for item in items if item.count],
    )


def _across(account: BankAccount, day: dt.date) -> tuple[tuple[int, int], tuple[int, int]]:
    """What later days bring of matches that begin by the end of the day: book lines, then bank lines."""
    at_bank = MatchBankLine.objects.filter(live=True, match__bank_account=account)
    in_books = MatchBookLine.objects.filter(live=True, match__bank_account=account)
    same_match = {"match": OuterRef("match")}
    begun = Q(Exists(at_bank.filter(statement_line__statement__as_of__lte=day, **same_match))) | Q(
        Exists(in_books.filter(ledger_line__posted_on__lte=day, **same_match))
    )
    books = in_books.filter(begun, ledger_line__posted_on__gt=day)
    bank = at_bank.filter(begun, statement_line__statement__as_of__gt=day)
    return _sum(books, "ledger_line__amount_minor"), _sum(bank, "statement_line__amount_minor")


def _sum(
    rows: QuerySet[StatementLine]
    | QuerySet[Line]
    | QuerySet[MatchBankLine]
    | QuerySet[MatchBookLine]
    | QuerySet[IgnoredLine],
    field: str = "amount_minor",
) -> tuple[int, int]:
    found = rows.aggregate(total=Sum(field), count=Count("pk"))
    return int(found["total"] or 0), int(found["count"])


def accounts(actor: Actor) -> list[AccountShown]:
    """Every bank account the actor may see, with its last statement, its proof and its open breaks."""
    rows = access.visible(actor, BankAccount.objects.select_related("ledger_account").order_by("name"))
    return [shown(account) for account in rows]


def account(actor: Actor, account_id: str) -> BankAccount:
    """One visible bank account. Raises: NotFound."""
    return access.get(actor, BankAccount.objects.select_related("ledger_account", "organization"), account_id)


def shown(account: BankAccount) -> AccountShown:
    return AccountShown(
        account=account,
        last_statement=account.statements.order_by("-as_of").first(),
        proof=balance_proof(account),
        open_breaks=account.breaks.filter(state=Break.State.OPEN).count(),
    )


def imports() -> QuerySet[StatementImport]:
    """Imports without their raw content, with their statements."""
    return StatementImport.objects.defer("content").prefetch_related(
        Prefetch("statements", Statement.objects.select_related("bank_account").order_by("as_of", "id"))
    )


def live_matches(account: BankAccount) -> QuerySet[Match]:
    """The account's matches that stand, with both sides."""
    return Match.objects.filter(bank_account=account, undone_at=None).prefetch_related(*MATCH_SIDES)


def open_breaks(account: BankAccount) -> list[BreakShown]:
    """What waits for a person on this account, oldest first, with the lines it is about."""
    rows = account.breaks.filter(state=Break.State.OPEN).select_related("owner").order_by("id")
    return with_lines(rows[:200])


def with_lines(rows: Iterable[Break]) -> list[BreakShown]:
    """Read the lines that breaks of matching name. The breaks must be visible; their lines are of the same account."""
    found = list(rows)
    names = {name for row in found for name in [row.subject_id, *row.inputs.get("candidates", [])]}
    bank = StatementLine.objects.in_bulk([name for name in names if not name.isdecimal()])
    books = Line.objects.select_related("entry").in_bulk([int(name) for name in names if name.isdecimal()])
    return [
        BreakShown(
            found=row,
            bank_line=bank.get(row.subject_id),
            book_lines=[
                books[int(name)]
                for name in [row.subject_id, *row.inputs.get("candidates", [])]
                if name.isdecimal() and int(name) in books
            ],
        )
        for row in found
    ]


def lines_of(statement: Statement) -> list[LineShown]:
    """A visible statement's lines in the order of the file, each with what became of it."""
    lines = list(statement.lines.order_by("position", "id"))
    members = MatchBankLine.objects.filter(statement_line__statement=statement, live=True)
    live = members.select_related("match").prefetch_related(
        "match__bank_lines", "match__book_lines__ledger_line__entry"
    )
    match_of = {member.statement_line_id: member.match for member in live}
    waiting = Break.objects.filter(
        bank_account_id=statement.bank_account_id, state=Break.State.OPEN, subject_id__in=[line.id for line in lines]
    )
    break_of = {found.subject_id: found for found in waiting}
    aside = IgnoredLine.objects.filter(statement_line__statement=statement, ended_at=None)
    ignored_of = {row.statement_line_id: row for row in aside}
    return [LineShown(line, match_of.get(line.id), break_of.get(line.id), ignored_of.get(line.id)) for line in lines]
