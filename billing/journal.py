"""Every posting billing makes: invoices raise a receivable, applied cash turns it into what is owed to payees."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from billing.models import Application, Invoice, InvoiceLine, Receipt
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from policies.models import Component, PayeeKind
from reconciliation.ledger import accounts, posting
from reconciliation.ledger.models import Entry
from reconciliation.ledger.posting import Posting, Side, credit, debit

INVOICE_ISSUED = "invoice.issued"
CASH_APPLIED = "cash.applied"
CASH_UNAPPLIED = "cash.unapplied"


class AsksForMoney(Protocol):
    """What a posting needs of an invoice: the row, or what a bulk run copies into it."""

    @property
    def id(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def policy_id(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def total_minor(self) -> int: ...
    @property
    def issued_on(self) -> dt.date: ...


@step
def invoice_issued(invoice: Invoice) -> str:
    """Posts: Dr premium_receivable · Cr billed_uncollected, the invoice's total."""
    return posting.post(_issued(_book(invoice.policy.operator_id), invoice))


@step
def invoices_issued(operator_id: str, invoices: Sequence[AsksForMoney]) -> None:
    """Posts: Dr premium_receivable · Cr billed_uncollected, the total of each invoice of one operator."""
    book_id = _book(operator_id)
    posting.post_many([_issued(book_id, invoice) for invoice in invoices])


def _issued(book_id: str, invoice: AsksForMoney) -> Posting:
    total = Money(invoice.total_minor, invoice.currency)
    return Posting(
        book_id=book_id,
        posted_on=invoice.issued_on,
        source_id=invoice.id,
        kind=INVOICE_ISSUED,
        subject_id=invoice.policy_id,
        memo=f"Invoice {invoice.number}",
        sides=(
            debit("premium_receivable", total),
            credit("billed_uncollected", total),
        ),
    )


@step
def cash_applied(receipt: Receipt, applications: Sequence[Application]) -> str:
    """Cover open items with received cash; what is collected becomes fiduciary, per payee.

    Posts: Dr unapplied_cash · Cr premium_receivable, and Dr billed_uncollected · Cr the payees' accounts with our
    commission apart in commission_in_trust. The first application names the entry.
    """
    operator_id = receipt.policy.operator_id
    total = Money(sum(application.amount_minor for application in applications), receipt.currency)
    sides: list[Side] = [
        debit("unapplied_cash", total),
        credit("premium_receivable", total),
        debit("billed_uncollected", total),
    ]
    for application in applications:
        sides += _payees(application, receipt.currency, operator_id)
    return posting.post(
        Posting(
            book_id=_book(operator_id),
            posted_on=applications[0].applied_on,
            source_id=applications[0].id,
            kind=CASH_APPLIED,
            subject_id=receipt.policy_id,
            memo=f"Receipt {receipt.id} applied",
            sides=_merged(sides),
        )
    )


@step
def cash_unapplied(receipt: Receipt, applications: Sequence[Application], *, reason: str, on: dt.date) -> None:
    """Posts: the exact opposite of each entry that applied the receipt's cash."""
    sources = [application.id for application in applications]
    for entry in Entry.objects.filter(source_id__in=sources, kind=CASH_APPLIED).order_by("id"):
        posting.reverse(
            entry_id=entry.id,
            source_id=entry.source_id,
            kind=CASH_UNAPPLIED,
            posted_on=on,
            memo=f"Receipt {receipt.id} {reason}",
        )


def payee_account(line: InvoiceLine, operator_id: str) -> tuple[str, str]:
    """The account, and its owner, of what is collected for a line."""
    if line.payee_kind == PayeeKind.STATE:
        return "tax_payable", line.payee
    if line.payee_kind == PayeeKind.OPERATOR:
        return "fee_in_trust", operator_id
    return ("premium_payable" if line.component == Component.PREMIUM else "carrier_fee_payable"), line.payee


def _payees(application: Application, currency: str, operator_id: str) -> list[Side]:
    code, owner = payee_account(application.line, operator_id)
    net = Money(application.amount_minor - application.commission_minor, currency)
    commission = Money(application.commission_minor, currency)
    return [
        credit(code, net, owner=owner),
        credit("commission_in_trust", commission, owner=operator_id),
    ]


def _merged(sides: Sequence[Side]) -> tuple[Side, ...]:
    """One side per account, in the order first named."""
    merged: dict[tuple[str, str, str], Side] = {}
    for side in sides:
        key = (side.code, side.owner, side.reference)
        merged[key] = (
            Side(side.code, merged[key].amount + side.amount, side.owner, side.reference) if (key in merged) else side
        )
    return tuple(merged.values())


def _book(organization_id: str) -> str:
    return accounts.open_book(organization_id).id
