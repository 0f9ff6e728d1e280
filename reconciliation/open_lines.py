"""What of a bank account has no partner yet, and how matching sees it."""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, OuterRef, QuerySet

from coverpay.kernel import bus
from reconciliation.events import PartiesBehind
from reconciliation.ledger.models import Line
from reconciliation.matching import BankLine, BookLine
from reconciliation.models import (
    BankAccount,
    IgnoredLine,
    Match,
    MatchBankLine,
    MatchBookLine,
    Statement,
    StatementLine,
)

Grouping = tuple[frozenset[str], frozenset[str]]


def open_bank_lines(account: BankAccount) -> QuerySet[StatementLine]:
    """The account's statement lines without a live match, those set aside and those of zero left out."""
    live = MatchBankLine.objects.filter(statement_line=OuterRef("pk"), live=True)
    ignored = IgnoredLine.objects.filter(statement_line=OuterRef("pk"), ended_at=None)
    rows = StatementLine.objects.filter(statement__bank_account=account).exclude(amount_minor=0)
    return rows.filter(~Exists(live), ~Exists(ignored))


def open_book_lines(account: BankAccount) -> QuerySet[Line]:
    """The lines of the account's cash account in the books without a live match."""
    live = MatchBookLine.objects.filter(ledger_line=OuterRef("pk"), live=True)
    return Line.objects.filter(account_id=account.ledger_account_id).filter(~Exists(live))


def bank_side(account: BankAccount) -> list[BankLine]:
    """The open bank lines as matching takes them."""
    rows = open_bank_lines(account).values_list(
        "id", "amount_minor", "currency", "posted_on", "bank_reference", "customer_reference", "payer", "text"
    )
    return [
        BankLine(
            id=id,
            account_id=account.id,
            amount_minor=amount_minor,
            currency=currency,
            posted_on=posted_on,
            references=tuple(reference for reference in references if reference),
            text=text,
            payer=payer,
        )
        for id, amount_minor, currency, posted_on, *references, payer, text in rows.iterator(chunk_size=10_000)
    ]


def book_side(account: BankAccount) -> list[BookLine]:
    """The open book lines as matching takes them, each with who is behind it as far as the layers above know."""
    columns = ("id", "amount_minor", "currency", "posted_on", "reference", "entry__subject_id", "entry__source_id")
    rows = list(open_book_lines(account).values_list(*columns).iterator(chunk_size=10_000))
    party_of = bus.ask(PartiesBehind(account.organization_id, tuple(row[-1] for row in rows)))
    return [
        BookLine(
            id=str(id),
            account_id=account.id,
            amount_minor=amount_minor,
            currency=currency,
            posted_on=posted_on,
            reference=reference,
            subject=subject,
            party=party_of.get(source_id, ""),
        )
        for id, amount_minor, currency, posted_on, reference, subject, source_id in rows
    ]


def last_stated(account: BankAccount) -> dict[str, dt.date]:
    """The last day the account's statements cover, by account as matching takes it."""
    last = Statement.objects.filter(bank_account=account).order_by("-as_of").first()
    return {account.id: last.as_of} if last else {}


def refused(account: BankAccount) -> set[Grouping]:
    """The groupings a person took apart: exactly these are never matched again by rules."""
    undone = list(Match.objects.filter(bank_account=account, undone_at__isnull=False).values_list("pk", flat=True))
    bank, books = (
        _members(MatchBankLine, "statement_line_id", undone),
        _members(MatchBookLine, "ledger_line_id", undone),
    )
    return {(frozenset(bank[match_id]), frozenset(books[match_id])) for match_id in undone}


def _members(model: type[MatchBankLine] | type[MatchBookLine], column: str, undone: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for match_id, line_id in model._default_manager.filter(match__in=undone).values_list("match_id", column):
        found.setdefault(match_id, []).append(str(line_id))
    return found
