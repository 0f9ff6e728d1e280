"""What the books of one operator must always say, worked out from the rows by another way than the postings."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Sum

from billing.cash import commission_on
from billing.journal import payee_account
from billing.models import Application, CashOut, CashTransfer, Invoice, InvoiceLine, LineCredit, Receipt, SuspenseItem
from payments.models import Attempt, Dispute, PayoutLine, Refund
from reconciliation.ledger import balances
from reconciliation.ledger.models import Line
from tests.support.books import House


def differences(house: House) -> list[str]:
    """Everything that does not tie, in words; empty when the books stand."""
    said = {
        (row.code, row.owner): row.balance_minor for row in balances.trial_balance(house.book_id) if row.balance_minor
    }
    expected = Counter(_billing(house))
    expected.update(_processor(house))
    wrong = [
        f"{code} of {owner or 'all'}: the books say {said.get((code, owner), 0)}, the rows {expected[code, owner]}"
        for code, owner in sorted(set(said) | set(expected))
        if said.get((code, owner), 0) != expected[code, owner]
    ]
    return wrong + _unbalanced(house) + _invoices(house) + _commissions(house)


def _billing(house: House) -> Counter[tuple[str, str]]:
    """What invoices, receipts and applications ask of the books; debit positive."""
    operator = house.operator.id
    mine = {"policy__operator_id": operator}
    invoiced = Invoice.objects.filter(**mine).aggregate(sum=Sum("total_minor"))["sum"] or 0
    received = Receipt.objects.filter(**mine, reversal__isnull=True).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    expected: Counter[tuple[str, str]] = Counter()
    applied = 0
    for row in Application.objects.filter(receipt__policy__operator_id=operator).select_related("line"):
        applied += row.amount_minor
        expected[payee_account(row.line, operator)] -= row.amount_minor - row.commission_minor
        expected["commission_in_trust", operator] -= row.commission_minor
    credited = sum(LineCredit.objects.filter(line__invoice__policy__operator_id=operator).values_list(
        "amount_minor", flat=True
    ))  # fmt: skip
    moved = sum(
        CashTransfer.objects.filter(
            to_receipt__reversal__isnull=True, to_receipt__policy__operator_id=operator
        ).values_list("amount_minor", flat=True)
    )
    paid_out = CashOut.objects.filter(receipt__policy__operator_id=operator).aggregate(sum=Sum("amount_minor"))["sum"]
    expected["premium_receivable", ""] = invoiced - credited - applied
    expected["billed_uncollected", ""] = applied + credited - invoiced
    expected["unapplied_cash", ""] = applied + moved + (paid_out or 0) - received
    for item in SuspenseItem.objects.filter(operator_id=operator, why="unidentified"):
        expected["trust_cash", item.bank_account_id or ""] += item.amount_minor if item.state != "returned" else 0
        expected["suspense_cash", ""] -= item.amount_minor if item.state == "open" else 0
    return expected


def _processor(house: House) -> Counter[tuple[str, str]]:
    """What payments and payouts ask of the books; debit positive."""
    expected: Counter[tuple[str, str]] = Counter()
    taken = Attempt.objects.filter(account__organization_id=house.operator.id, state="succeeded")
    for attempt in taken.select_related("payment"):
        there, ours = _still_there(attempt)
        expected["processor_clearing", attempt.account_id] += there
        expected["fee_in_trust", house.operator.id] -= ours
    lines = PayoutLine.objects.filter(payout__organization_id=house.operator.id).select_related("payout__account")
    for line in lines:
        account = line.payout.account
        expected["processor_clearing", account.id] -= line.gross_minor
        expected["trust_cash", account.bank_account_id] += line.gross_minor - line.fee_minor
        expected["due_from_operating", ""] += line.fee_minor
        expected["processor_fees", account.id] += line.fee_minor
        expected["due_to_trust", ""] -= line.fee_minor
    return expected


def _still_there(attempt: Attempt) -> tuple[int, int]:
    """What of a taken charge has not gone back, and what of that is surcharge.

    A receipt that was taken back stands for all of the charge; what was drawn from receipts stands for itself.
    """
    payment = attempt.payment
    sources = [part.source_id for part in payment.parts.all()]
    receipts = Receipt.objects.filter(source_id__in=sources)
    brought = sum(receipts.values_list("amount_minor", flat=True))
    there, ours = attempt.taken_minor or 0, (attempt.taken_minor or 0) - brought
    if receipts.filter(reversal__isnull=False).exists():
        there = ours = 0
    subjects: list[Any] = [*Refund.objects.filter(attempt=attempt), *Dispute.objects.filter(attempt=attempt)]
    for subject in subjects:
        drawn = CashOut.objects.filter(source_id__startswith=subject.id)
        standing = drawn.aggregate(sum=Sum("amount_minor"))["sum"] or 0
        if standing:
            there -= subject.amount_minor
            ours -= subject.amount_minor - standing
    return there, ours


def _unbalanced(house: House) -> list[str]:
    sums = (
        Line.objects.filter(entry__book__organization=house.operator)
        .values("entry_id", "currency", "account__fund")
        .annotate(sum=Sum("amount_minor"))
        .exclude(sum=0)
    )
    return [f"entry {row['entry_id']} is off by {row['sum']} in the {row['account__fund']} fund" for row in sums]


def _invoices(house: House) -> list[str]:
    wrong = []
    for invoice in Invoice.objects.filter(policy__operator=house.operator):
        applied = sum(Application.objects.filter(line__invoice=invoice).values_list("amount_minor", flat=True))
        credited = sum(LineCredit.objects.filter(line__invoice=invoice).values_list("amount_minor", flat=True))
        lines = invoice.lines.aggregate(sum=Sum("amount_minor"))["sum"]
        rest = invoice.total_minor - applied - credited
        fits = rest > 0 if invoice.state == "open" else rest == 0
        if lines != invoice.total_minor or not fits or applied < 0 or credited < 0:
            wrong.append(
                f"invoice {invoice.number} is {invoice.state}: {applied} applied and {credited} credited "
                f"of {invoice.total_minor} ({lines})"
            )
    live = Attempt.objects.filter(state__in=Attempt.LIVE, payment__policy__operator=house.operator)
    for attempt in live.exclude(payment__state="processing"):
        wrong.append(f"attempt {attempt.id} is {attempt.state}, its payment {attempt.payment.state}")
    return wrong


def _commissions(house: House) -> list[str]:
    """The commission of a line covered whole is that of what cash covers of it."""
    wrong = []
    for line in InvoiceLine.objects.filter(invoice__policy__operator=house.operator):
        applied = sum(line.applications.values_list("amount_minor", flat=True))
        commission = sum(line.applications.values_list("commission_minor", flat=True))
        credited = sum(line.credits.values_list("amount_minor", flat=True))
        covered = applied + credited == line.amount_minor
        if covered and commission != commission_on(applied, line.commission_ppm):
            wrong.append(f"line {line.id} earned {commission} on {applied}")
    return wrong
