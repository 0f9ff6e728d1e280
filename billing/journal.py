"""Every posting billing makes: invoices raise a receivable, applied cash turns it into what is owed to payees."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from billing.models import (
    Application,
    CashTransfer,
    Invoice,
    InvoiceLine,
    LineCredit,
    Receipt,
    SuspenseItem,
    TrustMovement,
)
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from policies.models import Component, PayeeKind
from reconciliation.ledger import accounts, posting
from reconciliation.ledger.models import Entry
from reconciliation.ledger.posting import Posting, Side, credit, debit

INVOICE_ISSUED = "invoice.issued"
CASH_APPLIED = "cash.applied"
CASH_UNAPPLIED = "cash.unapplied"
LINE_CREDITED = "line.credited"
CASH_TRANSFERRED = "cash.transferred"
TRANSFER_UNDONE = "cash.transfer_undone"
SUSPENSE_OPENED = "suspense.opened"
SUSPENSE_PLACED = "suspense.placed"
PLACING_UNDONE = "suspense.placing_undone"
SUSPENSE_RETURNED = "suspense.returned"
TRUST_WITHDRAWN = "withdrawal.made"
TRUST_INTEREST = "trust.interest"
TRUST_REPAID = "trust.repaid"
TRUST_UNDONE = {
    TRUST_WITHDRAWN: "withdrawal.undone",
    TRUST_INTEREST: "trust.interest_undone",
    TRUST_REPAID: "trust.repayment_undone",
}


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
    return posting.post(
        _applied(receipt, applications, CASH_APPLIED, f"Receipt {receipt.id} applied", applications[0].applied_on)
    )


def _applied(receipt: Receipt, applications: Sequence[Application], kind: str, memo: str, on: dt.date) -> Posting:
    operator_id = receipt.policy.operator_id
    total = Money(sum(application.amount_minor for application in applications), receipt.currency)
    sides: list[Side] = [
        debit("unapplied_cash", total),
        credit("premium_receivable", total),
        debit("billed_uncollected", total),
    ]
    for application in applications:
        sides += _payees(application, receipt.currency, operator_id)
    return Posting(
        book_id=_book(operator_id),
        posted_on=on,
        source_id=applications[0].id,
        kind=kind,
        subject_id=receipt.policy_id,
        memo=memo,
        sides=_merged(sides),
    )


@step
def cash_unapplied(receipt: Receipt, reversing: Sequence[Application], *, reason: str, on: dt.date) -> None:
    """Take applications of a receipt back.

    Takes: rows that reverse others; their amounts are below zero.
    Posts: the exact opposite of each entry that applied the receipt's cash, when all that it ever applied is taken
           back; else the opposite of these applications, and the first of them names the entry.
    """
    if not reversing:
        return
    undone = {row.reverses_id for row in reversing}
    ever = set(receipt.applications.filter(reverses__isnull=True).values_list("id", flat=True))
    if undone == ever:
        for entry in Entry.objects.filter(source_id__in=undone, kind=CASH_APPLIED).order_by("id"):
            posting.reverse(
                entry_id=entry.id,
                source_id=entry.source_id,
                kind=CASH_UNAPPLIED,
                posted_on=on,
                memo=f"Receipt {receipt.id} {reason}"[:300],
            )
        return
    posting.post(_applied(receipt, reversing, CASH_UNAPPLIED, f"Receipt {receipt.id} un-applied", on))


@step
def line_credited(operator_id: str, credits: Sequence[LineCredit]) -> None:
    """Lower what lines ask for, without cash; a credit below zero takes an earlier one back.

    Posts: Dr billed_uncollected · Cr premium_receivable, one entry a credit.
    """
    book_id = _book(operator_id)
    posting.post_many([_credited(book_id, row) for row in credits])


def _credited(book_id: str, row: LineCredit) -> Posting:
    invoice = row.line.invoice
    amount = Money(row.amount_minor, invoice.currency)
    return Posting(
        book_id=book_id,
        posted_on=row.credited_on,
        source_id=row.id,
        kind=LINE_CREDITED,
        subject_id=invoice.policy_id,
        memo=f"{row.get_kind_display()}, invoice {invoice.number}",
        sides=(debit("billed_uncollected", amount), credit("premium_receivable", amount)),
    )


@step
def cash_transferred(transfer: CashTransfer) -> str:
    """Posts: Dr unapplied_cash (reference: the policy it leaves) · Cr unapplied_cash (the policy it goes to)."""
    amount = Money(transfer.amount_minor, transfer.to_receipt.currency)
    policy = transfer.from_receipt.policy
    return posting.post(
        Posting(
            book_id=_book(policy.operator_id),
            posted_on=transfer.transferred_on,
            source_id=transfer.id,
            kind=CASH_TRANSFERRED,
            subject_id=policy.id,
            memo=f"To policy {transfer.to_receipt.policy.number}",
            sides=(
                debit("unapplied_cash", amount, reference=transfer.from_receipt.policy_id),
                credit("unapplied_cash", amount, reference=transfer.to_receipt.policy_id),
            ),
        )
    )


@step
def transfer_undone(transfer: CashTransfer, *, on: dt.date) -> str:
    """Posts: the exact opposite of the entry that carried the cash."""
    return _undone(transfer.id, CASH_TRANSFERRED, TRANSFER_UNDONE, "Transfer undone", on)


@step
def suspense_opened(item: SuspenseItem) -> str:
    """Posts: Dr trust_cash (the bank account) · Cr suspense_cash: a deposit nobody knows yet."""
    return posting.post(_opened(_book(item.operator_id), item))


@step
def suspense_opened_many(items: Sequence[SuspenseItem]) -> None:
    """Posts: Dr trust_cash (the bank account) · Cr suspense_cash, an entry an item of one operator's deposit."""
    if items:
        book_id = _book(items[0].operator_id)
        posting.post_many([_opened(book_id, item) for item in items])


def _opened(book_id: str, item: SuspenseItem) -> Posting:
    assert item.bank_account_id is not None
    amount = Money(item.amount_minor, item.currency)
    sides = (
        debit("trust_cash", amount, owner=item.bank_account_id, reference=item.source_id),
        credit("suspense_cash", amount, reference=item.id),
    )
    return _of_suspense(book_id, item, SUSPENSE_OPENED, item.id, item.received_on, sides)


@step
def suspense_placed(item: SuspenseItem, receipt: Receipt, *, on: dt.date) -> str:
    """Posts: Dr suspense_cash · Cr unapplied_cash: the deposit became the receipt of a policy."""
    amount = Money(item.amount_minor, item.currency)
    sides = (
        debit("suspense_cash", amount, reference=item.id),
        credit("unapplied_cash", amount, reference=receipt.policy_id),
    )
    return _suspense(item, SUSPENSE_PLACED, receipt.id, on, sides, subject_id=receipt.policy_id)


@step
def placing_undone(receipt: Receipt, *, on: dt.date) -> str:
    """Posts: the exact opposite of the entry that placed the deposit."""
    return _undone(receipt.id, SUSPENSE_PLACED, PLACING_UNDONE, "Placing undone", on)


@step
def suspense_returned(item: SuspenseItem, *, on: dt.date) -> str:
    """Posts: Dr suspense_cash · Cr trust_cash (the bank account): the deposit goes back to its sender."""
    assert item.bank_account_id is not None
    amount = Money(item.amount_minor, item.currency)
    sides = (
        debit("suspense_cash", amount, reference=item.id),
        credit("trust_cash", amount, owner=item.bank_account_id, reference=item.id),
    )
    return _suspense(item, SUSPENSE_RETURNED, item.id, on, sides)


def _suspense(
    item: SuspenseItem, kind: str, source_id: str, on: dt.date, sides: tuple[Side, ...], subject_id: str = ""
) -> str:
    return posting.post(_of_suspense(_book(item.operator_id), item, kind, source_id, on, sides, subject_id))


def _of_suspense(
    book_id: str,
    item: SuspenseItem,
    kind: str,
    source_id: str,
    on: dt.date,
    sides: tuple[Side, ...],
    subject_id: str = "",
) -> Posting:
    return Posting(
        book_id=book_id,
        posted_on=on,
        source_id=source_id,
        kind=kind,
        subject_id=subject_id or item.id,
        memo=f"Suspense item {item.id}",
        sides=sides,
    )


def _undone(source_id: str, kind: str, undone_kind: str, memo: str, on: dt.date) -> str:
    entry = Entry.objects.get(source_id=source_id, kind=kind)
    return posting.reverse(entry_id=entry.id, source_id=source_id, kind=undone_kind, posted_on=on, memo=memo)


@step
def trust_withdrawn(movement: TrustMovement, *, income: str | None) -> str:
    """Posts: Dr the account drawn · Cr trust_cash; a draw of ours also Dr operating_cash · Cr `income`."""
    amount = Money(movement.amount_minor, movement.currency)
    sides = [
        debit(movement.code, amount, owner=movement.owner),
        credit("trust_cash", amount, owner=movement.bank_account_id, reference=movement.reference),
    ]
    if income is not None:
        own = movement.operating_account_id or ""
        sides += [debit("operating_cash", amount, owner=own, reference=movement.reference), credit(income, amount)]
    return posting.post(_of_movement(movement, TRUST_WITHDRAWN, sides))


@step
def trust_interest(movement: TrustMovement) -> str:
    """Posts: Dr trust_cash · Cr interest_in_trust (of the bank account)."""
    amount = Money(movement.amount_minor, movement.currency)
    sides = [
        debit("trust_cash", amount, owner=movement.bank_account_id, reference=movement.reference),
        credit("interest_in_trust", amount, owner=movement.owner),
    ]
    return posting.post(_of_movement(movement, TRUST_INTEREST, sides))


@step
def trust_repaid(movement: TrustMovement) -> str:
    """Posts: Dr trust_cash · Cr due_from_operating; Dr due_to_trust · Cr operating_cash."""
    amount = Money(movement.amount_minor, movement.currency)
    own = movement.operating_account_id or ""
    sides = [
        debit("trust_cash", amount, owner=movement.bank_account_id, reference=movement.reference),
        credit("due_from_operating", amount),
        debit("due_to_trust", amount),
        credit("operating_cash", amount, owner=own, reference=movement.reference),
    ]
    return posting.post(_of_movement(movement, TRUST_REPAID, sides))


@step
def trust_undone(movement: TrustMovement, *, on: dt.date) -> str:
    """Posts: the exact opposite of the entry of a movement."""
    entry = Entry.objects.get(source_id=movement.id, kind__in=TRUST_UNDONE)
    return posting.reverse(
        entry_id=entry.id,
        source_id=movement.id,
        kind=TRUST_UNDONE[entry.kind],
        posted_on=on,
        memo=f"{movement.reference} undone",
    )


def _of_movement(movement: TrustMovement, kind: str, sides: Sequence[Side]) -> Posting:
    return Posting(
        book_id=_book(movement.organization_id),
        posted_on=movement.moved_on,
        source_id=movement.id,
        kind=kind,
        memo=f"{movement.get_kind_display()} {movement.reference}",
        sides=tuple(sides),
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
