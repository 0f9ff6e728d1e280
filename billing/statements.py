"""Account statements: what stood at first, everything that happened, what stands at the end.

A policy's statement counts money when it came; an account's counts it when it covered an invoice of that account, so
that a payor sees only its own share. What is owed is above zero, what is paid or credited below.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from billing.models import (
    Application,
    BillingAccount,
    CashOut,
    CashTransfer,
    Invoice,
    LineCredit,
    Receipt,
    ReceiptReversal,
)
from coverpay.kernel.errors import Invalid
from policies.models import Policy


class PeriodUnreadable(Invalid):
    """A statement runs from a day to the same or a later one."""

    code = "period_unreadable"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: above zero it was asked for, below zero it was paid or credited."""

    on: dt.date
    what: str
    reference: str
    amount_minor: int
    object_id: str


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with the balance after it."""

    entry: Entry
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """`closing = opening + Σ entries`; below zero the payor has money with us."""

    title: str
    currency: str
    since: dt.date
    through: dt.date
    opening_minor: int
    lines: list[Line]
    closing_minor: int


def of_policy(policy: Policy, since: dt.date, through: dt.date) -> Statement:
    """The statement of a visible policy, both days included. Raises: PeriodUnreadable."""
    entries = [
        *_asked(Invoice.objects.filter(policy=policy)),
        *_credited(LineCredit.objects.filter(line__invoice__policy=policy)),
        *_received(policy),
        *_carried_away(policy),
        *_paid_out(policy),
    ]
    return _statement(f"Policy {policy.number}", policy.program.currency, entries, since, through)


def of_account(account: BillingAccount, since: dt.date, through: dt.date) -> Statement:
    """The statement of a visible billing account, both days included. Raises: PeriodUnreadable."""
    entries = [
        *_asked(Invoice.objects.filter(account=account)),
        *_credited(LineCredit.objects.filter(line__invoice__account=account)),
        *_covered(account),
    ]
    return _statement(f"Account {account.number}", account.currency, entries, since, through)


def _statement(title: str, currency: str, entries: Iterable[Entry], since: dt.date, through: dt.date) -> Statement:
    if through < since:
        raise PeriodUnreadable("The last day comes before the first.", field="through")
    ordered = sorted(entries, key=lambda entry: (entry.on, entry.object_id))
    opening = sum(entry.amount_minor for entry in ordered if entry.on < since)
    balance, lines = opening, []
    for entry in ordered:
        if since <= entry.on <= through:
            balance += entry.amount_minor
            lines.append(Line(entry, balance))
    return Statement(title, currency, since, through, opening, lines, balance)


def _asked(invoices: QuerySet[Invoice]) -> Iterator[Entry]:
    for invoice in invoices.order_by("id"):
        why = f": {invoice.reason}" if invoice.reason else ""
        what = f"Invoice, due {invoice.due_on}{why}"
        yield Entry(invoice.issued_on, what, invoice.number, invoice.total_minor, invoice.id)


def _credited(credits: QuerySet[LineCredit]) -> Iterator[Entry]:
    """Credits of one invoice, day, kind and reason are one entry."""
    rows = (
        credits.order_by()
        .values("line__invoice_id", "line__invoice__number", "credited_on", "kind", "reason")
        .annotate(sum=Sum("amount_minor"))
    )
    for row in rows:
        why = f": {row['reason']}" if row["reason"] else ""
        yield Entry(
            on=row["credited_on"],
            what=f"{LineCredit.Kind(row['kind']).label}{why}",
            reference=row["line__invoice__number"],
            amount_minor=-row["sum"],
            object_id=row["line__invoice_id"],
        )


def _received(policy: Policy) -> Iterator[Entry]:
    for receipt in Receipt.objects.filter(policy=policy).select_related("suspense_item").order_by("id"):
        what = f"{receipt.get_kind_display()} received"
        yield Entry(receipt.received_on, what, _reference(receipt), -receipt.amount_minor, receipt.id)
    for reversal in ReceiptReversal.objects.filter(receipt__policy=policy).select_related("receipt__suspense_item"):
        receipt = reversal.receipt
        what = f"{receipt.get_kind_display()} {reversal.get_reason_display().lower()}"
        yield Entry(reversal.reversed_on, what, _reference(receipt), receipt.amount_minor, reversal.id)


def _reference(receipt: Receipt) -> str:
    """The sender's own reference where we know it, else what brought the money."""
    item = getattr(receipt, "suspense_item", None)
    return item.source_id if item is not None and item.bank_account_id else receipt.source_id


def _carried_away(policy: Policy) -> Iterator[Entry]:
    """Money that left for another policy, and came back where the transfer was undone."""
    rows = CashTransfer.objects.filter(from_receipt__policy=policy).select_related(
        "to_receipt__policy", "to_receipt__reversal"
    )
    for row in rows.order_by("id"):
        what = f"Carried to policy {row.to_receipt.policy.number}: {row.reason}"
        yield Entry(row.transferred_on, what, row.id, row.amount_minor, row.id)
        undone = getattr(row.to_receipt, "reversal", None)
        if undone is not None:
            yield Entry(undone.reversed_on, "Transfer undone", row.id, -row.amount_minor, undone.id)


def _paid_out(policy: Policy) -> Iterator[Entry]:
    """Cash that left: refunded in part, withdrawn by a dispute or disbursed; and came back where that was undone."""
    for row in CashOut.objects.filter(receipt__policy=policy).order_by("id"):
        what = "Paid out" if row.amount_minor > 0 else "Came back"
        yield Entry(row.paid_on, what, row.source_id, row.amount_minor, row.id)


def _covered(account: BillingAccount) -> Iterator[Entry]:
    """Money applied to the account's invoices; one entry a receipt, invoice and day, taken back apart."""
    rows = (
        Application.objects.filter(line__invoice__account=account)
        .order_by()
        .annotate(reference=Coalesce("receipt__suspense_item__source_id", "receipt__source_id"))
        .annotate(taken_back=ExpressionWrapper(Q(reverses__isnull=False), BooleanField()))
        .values("receipt_id", "reference", "line__invoice__number", "applied_on", "taken_back")
        .annotate(sum=Sum("amount_minor"))
    )
    for row in rows:
        verb = "taken back from" if row["taken_back"] else "applied to"
        yield Entry(
            on=row["applied_on"],
            what=f"Payment {verb} invoice {row['line__invoice__number']}",
            reference=row["reference"],
            amount_minor=-row["sum"],
            object_id=row["receipt_id"],
        )
