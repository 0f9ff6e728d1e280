"""Reports from the ledger: trial balance, general ledger, and how cash and receivables moved."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Sum

from billing import aging
from billing.models import Invoice
from compliance import access
from coverpay.kernel.actors import Actor
from coverpay.reports.asking import Asked
from coverpay.reports.tables import DAY, MONEY, NUMBER, REFERENCE, Column, Proof, Report, totals_of
from reconciliation import queries as bank
from reconciliation.ledger import balances
from reconciliation.ledger.accounts import CHART
from reconciliation.ledger.models import Book, Line
from reconciliation.models import BankAccount

MOST = 50_000
CURRENCY = Column("currency", "Currency")


def trial_balance(actor: Actor, asked: Asked) -> Report:
    """Every account with its balance at the end of a day; debits and credits are equal."""
    columns = (
        Column("code", "Account"), Column("title", "What it counts"), Column("owner", "Owner", REFERENCE),
        Column("fund", "Fund"), CURRENCY, Column("debit", "Debit", MONEY), Column("credit", "Credit", MONEY),
    )  # fmt: skip
    book = _book(actor)
    found = balances.trial_balance(book.id, asked.at) if book else []
    rows = [
        {
            "account_id": row.account_id,
            "code": row.code,
            "title": CHART[row.code].title,
            "owner": row.owner,
            "fund": row.fund,
            "currency": row.currency,
            "debit": max(row.balance_minor, 0) or None,
            "credit": max(-row.balance_minor, 0) or None,
        }
        for row in found
        if row.balance_minor
    ]
    totals = totals_of(rows, columns)
    proofs = [
        Proof(f"Debits and credits in {each['currency']}", each["debit"], each["credit"], each["currency"])
        for each in totals
    ]
    return Report(
        "trial-balance", "Trial balance", f"Every account at the end of {asked.at}.", columns, rows,
        "balance = Σ lines posted on or before the day; debit positive", totals, proofs,
    )  # fmt: skip


def general_ledger(actor: Actor, asked: Asked) -> Report:
    """Every line of the period, by account, with the balance it left; each names its entry."""
    columns = (
        Column("code", "Account"), Column("owner", "Owner", REFERENCE), Column("posted_on", "Date", DAY),
        Column("entry", "Entry", REFERENCE), Column("kind", "Kind"), Column("memo", "Memo"),
        Column("subject", "About", REFERENCE), CURRENCY, Column("amount", "Amount", MONEY),
        Column("balance", "Balance", MONEY),
    )  # fmt: skip
    book = _book(actor)
    rows: list[dict[str, Any]] = []
    if book is not None:
        with connection.cursor() as cursor:
            cursor.execute(_LINES, {"book": book.id, "from": asked.from_on, "to": asked.to_on, "most": MOST + 1})
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return Report(
        "general-ledger", "General ledger", f"Every line from {asked.from_on} to {asked.to_on}.", columns, rows[:MOST],
        "balance = opening balance of the account + Σ lines so far; debit positive", cut=len(rows) > MOST,
    )  # fmt: skip


def receivables(actor: Actor, asked: Asked) -> Report:
    """How what insureds owe moved in a period, and that its end is what invoices have open."""
    columns = (Column("what", "What"), CURRENCY, Column("amount", "Amount", MONEY))
    book = _book(actor)
    rows = _moved(book, "premium_receivable", asked) if book else []
    ends = {row["currency"]: row["amount"] for row in rows if row["what"] == "Closing"}
    owed = access.operable(actor, Invoice.objects.all())
    still = aging.with_still_open(owed.filter(issued_on__lte=asked.to_on), asked.to_on).order_by()
    open_by = dict(still.values_list("currency").annotate(sum=Sum("still_open")))
    proofs = [
        Proof(
            f"Receivable in {currency} and open on invoices",
            ends.get(currency, 0),
            int(open_by.get(currency) or 0),
            currency,
        )
        for currency in sorted({*ends, *open_by})
    ]
    return Report(
        "receivables", "Receivable balancing", f"What insureds owe, {asked.from_on} to {asked.to_on}.", columns, rows,
        "closing = opening + invoiced − credited − cash applied + cash taken back", [], proofs,
    )  # fmt: skip


def cash(actor: Actor, asked: Asked) -> Report:
    """Each bank account: how its book balance moved, and how it stands against the bank's last statement."""
    columns = (
        Column("account", "Bank account", REFERENCE),
        Column("what", "What"),
        CURRENCY,
        Column("amount", "Amount", MONEY),
    )
    rows: list[dict[str, Any]] = []
    proofs: list[Proof] = []
    for account in access.visible(actor, BankAccount.objects.select_related("ledger_account").order_by("name")):
        mine = _moved(account.ledger_account.book, account.ledger_account.code, asked, account.ledger_account_id)
        rows += [{"account": account.id, **row} for row in mine]
        proof = bank.balance_proof(account, asked.to_on)
        if proof is not None:
            explained = proof.ledger_minor + sum(item.amount_minor for item in proof.items)
            words = f"{account}: bank on {proof.as_of} and books with what explains the difference"
            proofs.append(Proof(words, proof.closing_minor, explained, proof.currency))
    return Report(
        "cash", "Cash balancing", f"Each bank account, {asked.from_on} to {asked.to_on}.", columns, rows,
        "closing = opening + Σ movements by kind; bank = books ± explained items", [], proofs,
    )  # fmt: skip


def income(actor: Actor, asked: Asked) -> Report:
    """What is ours, month by month: commission and fees collected, drawn, and costs borne."""
    columns = (
        Column("month", "Month"),
        Column("what", "What"),
        CURRENCY,
        Column("amount", "Amount", MONEY),
        Column("lines", "Lines", NUMBER),
    )
    codes = ("commission_in_trust", "fee_in_trust", "commission_income", "fee_income", "interest_income",
             "processor_fees", "bank_fees")  # fmt: skip
    book = _book(actor)
    rows: list[dict[str, Any]] = []
    if book is not None:
        with connection.cursor() as cursor:
            cursor.execute(_INCOME, {"book": book.id, "codes": list(codes), "from": asked.from_on, "to": asked.to_on})
            for month, code, currency, amount, lines in cursor.fetchall():
                rows.append({"month": month, "what": CHART[code].title, "currency": currency, "amount": int(amount),
                             "lines": lines})  # fmt: skip
    return Report(
        "income",
        "Commission and fees",
        f"By month, {asked.from_on} to {asked.to_on}.",
        columns,
        rows,
        "collected = credits less debits; a draw moves it from trust to income; costs are below zero",
        totals_of(rows, columns),
    )


def _moved(book: Book, code: str, asked: Asked, account_id: int | None = None) -> list[dict[str, Any]]:
    """Opening, movements by kind and closing of an account code, or of one account."""
    lines = Line.objects.filter(account__book=book, account__code=code)
    if account_id is not None:
        lines = lines.filter(account_id=account_id)
    before = dict(_by_currency(lines.filter(posted_on__lt=asked.from_on)))
    inside = lines.filter(posted_on__gte=asked.from_on, posted_on__lte=asked.to_on)
    moves = inside.order_by().values_list("currency", "entry__kind").annotate(sum=Sum("amount_minor"))
    by_kind = sorted((currency, kind, int(amount)) for currency, kind, amount in moves)
    rows: list[dict[str, Any]] = []
    for currency in sorted({*before, *(currency for currency, _, _ in by_kind)}):
        opening = int(before.get(currency) or 0)
        mine = [(kind, amount) for found, kind, amount in by_kind if found == currency]
        rows.append({"what": "Opening", "currency": currency, "amount": opening})
        rows += [{"what": kind, "currency": currency, "amount": amount} for kind, amount in mine]
        closing = opening + sum(amount for _, amount in mine)
        rows.append({"what": "Closing", "currency": currency, "amount": closing})
    return rows


def _by_currency(lines: Any) -> Any:
    return lines.order_by().values_list("currency").annotate(sum=Sum("amount_minor"))


def _book(actor: Actor) -> Book | None:
    return access.visible(actor, Book.objects.all()).first()


_LINES = """
WITH opening AS (
    SELECT l.account_id, SUM(l.amount_minor) AS amount
      FROM reconciliation_line l JOIN reconciliation_account a ON a.id = l.account_id
     WHERE a.book_id = %(book)s AND l.posted_on < %(from)s GROUP BY l.account_id
)
SELECT a.id AS account_id, a.code, a.owner, l.posted_on, l.entry_id AS entry, e.kind, e.memo,
       e.subject_id AS subject, l.currency, l.amount_minor AS amount,
       (COALESCE(o.amount, 0)
        + SUM(l.amount_minor) OVER (PARTITION BY l.account_id ORDER BY l.posted_on, l.id))::bigint AS balance
  FROM reconciliation_line l
  JOIN reconciliation_account a ON a.id = l.account_id
  JOIN reconciliation_entry e ON e.id = l.entry_id
  LEFT JOIN opening o ON o.account_id = l.account_id
 WHERE a.book_id = %(book)s AND l.posted_on BETWEEN %(from)s AND %(to)s
 ORDER BY a.code, a.owner, l.currency, l.posted_on, l.id
 LIMIT %(most)s
"""
_INCOME = """
SELECT to_char(l.posted_on, 'YYYY-MM'), a.code, l.currency, -SUM(l.amount_minor), count(*)
  FROM reconciliation_line l JOIN reconciliation_account a ON a.id = l.account_id
 WHERE a.book_id = %(book)s AND a.code = ANY(%(codes)s) AND l.posted_on BETWEEN %(from)s AND %(to)s
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
