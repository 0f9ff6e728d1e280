"""The closing checklist: what has to be clear, and what may stay open with a reason, at the end of a day."""

from __future__ import annotations

import datetime as dt

from django.db.models import Sum

from coverpay.kernel import bus
from reconciliation import open_lines, queries, trust
from reconciliation.events import OpenAbove, OpenItem
from reconciliation.ledger import balances
from reconciliation.ledger.models import Book
from reconciliation.models import BankAccount, Break, Statement


def items(book: Book, as_of: dt.date) -> list[OpenItem]:
    """Every item of the checklist; those with a count of zero are clear."""
    banks = list(BankAccount.objects.filter(organization=book.organization_id).order_by("name"))
    return [
        _balances(book, as_of),
        _proofs(banks, as_of),
        _statements(banks, as_of),
        _bank_lines(banks, as_of),
        _book_lines(banks, as_of),
        _breaks(book, as_of),
        _trust(book, as_of),
        *bus.ask(OpenAbove(book.organization_id, as_of)),
    ]


def blocking(found: list[OpenItem]) -> list[OpenItem]:
    """What has to be clear and is not."""
    return [item for item in found if item.must and item.count]


def open_ones(found: list[OpenItem]) -> list[OpenItem]:
    """What is open and may be accepted with a reason."""
    return [item for item in found if not item.must and item.count]


def _balances(book: Book, as_of: dt.date) -> OpenItem:
    sums: dict[tuple[str, str], int] = {}
    for row in balances.trial_balance(book.id, as_of):
        sums[row.fund, row.currency] = sums.get((row.fund, row.currency), 0) + row.balance_minor
    wrong = [amount for amount in sums.values() if amount]
    return OpenItem("trial_balance", "Funds that do not balance", len(wrong), sum(map(abs, wrong)), must=True)


def _proofs(banks: list[BankAccount], as_of: dt.date) -> OpenItem:
    found = [proof for bank in banks if (proof := queries.balance_proof(bank, as_of)) is not None and not proof.ties]
    amount = sum(abs(proof.unexplained_minor) for proof in found)
    return OpenItem("balance_proof", "Bank accounts whose balance is unexplained", len(found), amount, True, "/bank/")


def _statements(banks: list[BankAccount], as_of: dt.date) -> OpenItem:
    stated = Statement.objects.filter(bank_account__in=banks, as_of__gte=as_of).values("bank_account").distinct()
    missing = len(banks) - stated.count()
    return OpenItem("statements", "Bank accounts without a statement through the day", missing, 0, False, "/bank/")


def _bank_lines(banks: list[BankAccount], as_of: dt.date) -> OpenItem:
    count = amount = 0
    for bank in banks:
        rows = open_lines.open_bank_lines(bank).filter(statement__as_of__lte=as_of)
        count += rows.count()
        amount += rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return OpenItem("bank_lines", "Bank lines without a match", count, amount, False, "/bank/")


def _book_lines(banks: list[BankAccount], as_of: dt.date) -> OpenItem:
    count = amount = 0
    for bank in banks:
        rows = open_lines.open_book_lines(bank).filter(posted_on__lte=as_of)
        count += rows.count()
        amount += rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return OpenItem("book_lines", "Cash lines of the books the bank has not shown", count, amount, False, "/bank/")


def _breaks(book: Book, as_of: dt.date) -> OpenItem:
    rows = Break.objects.filter(organization=book.organization_id, state=Break.State.OPEN, opened_at__date__lte=as_of)
    amount = rows.aggregate(sum=Sum("difference_minor"))["sum"] or 0
    return OpenItem("breaks", "Open breaks", rows.count(), amount, False, "/bank/breaks/")


def _trust(book: Book, as_of: dt.date) -> OpenItem:
    short = [each.deficit_after_processors_minor for each in trust.positions(book.id, as_of)]
    return OpenItem(
        "trust", "Currencies with less in trust than owed", len([s for s in short if s]), sum(short), False, "/trust/"
    )
