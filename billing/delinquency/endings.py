"""What is given up at the end of a delinquency: a small balance by itself, a larger one by a person's approval."""

from __future__ import annotations

import datetime as dt

from billing import agreed_plans, line_credits, open_items
from billing.delinquency import cures, records
from billing.models import Delinquency, DelinquencyStep, Invoice, InvoiceLine, LineCredit
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money

_REASON = "Written off at the end of a delinquency."


@step
def write_off(delinquency: Delinquency, on: dt.date) -> None:
    """Give up what is open on the term's overdue invoices, at most the payment plan's small balance, and close.

    Posts: Dr billed_uncollected · Cr premium_receivable, each line.
    """
    rows = InvoiceLine.objects.filter(
        term=delinquency.term, invoice__state=Invoice.State.OPEN, invoice__due_on__lt=on
    ).order_by("invoice__due_on", "invoice_id", "position")
    lines = [line for line in open_items.locked_lines(rows) if line.open > 0]
    left = sum(line.open for line in lines)
    if left > plan_limit_minor(delinquency, "small_balance"):
        shown = Money(left, delinquency.currency)
        records.ask(delinquency, f"{shown} is more than a small balance: get the write-off approved, then go on.")
        return
    for line in lines:
        line_credits.credit(line, line.open, kind=LineCredit.Kind.WRITTEN_OFF, source_id=delinquency.id, reason=_REASON)
    records.write(delinquency, DelinquencyStep.Action.WRITE_OFF, on, written_off_minor=left, reason=_REASON)
    cures.close(delinquency, on, _REASON if left else "Nothing is left.")


def plan_limit_minor(delinquency: Delinquency, name: str) -> int:
    """A limit of the payment plan of the delinquency's term, minor units; zero when it names none."""
    return agreed_plans.of_term(delinquency.term_id).limit(name, delinquency.currency).amount_minor
