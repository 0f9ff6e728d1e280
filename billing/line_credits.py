"""Credits: rows that lower what a line asks for, without cash, and rows that take them back."""

from __future__ import annotations

from collections.abc import Sequence

from billing import journal, open_items
from billing.models import InvoiceLine, LineCredit
from compliance import audit
from coverpay.kernel import clock, ids
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict
from coverpay.kernel.money import Money


class CreditTooLarge(Conflict):
    """A credit cannot be more than what is open on its line."""

    code = "credit_too_large"


@step
def credit(line: InvoiceLine, amount_minor: int, *, kind: str, source_id: str, reason: str) -> LineCredit:
    """Lower what an invoice line of a locked policy asks for.

    Takes:  0 < amount_minor <= what is open; `source_id`, the transaction, invoice or permit behind it.
    Posts:  Dr billed_uncollected · Cr premium_receivable.
    Raises: CreditTooLarge.
    """
    still_open = open_items.with_open(InvoiceLine.objects.filter(pk=line.pk)).values_list("open", flat=True).get()
    if not 0 < amount_minor <= still_open:
        currency = line.invoice.currency
        raise CreditTooLarge(
            f"{Money(amount_minor, currency)} cannot be credited; {Money(still_open, currency)} is open on the line.",
            field="amount",
        )
    row = planned(line, amount_minor, kind=kind, source_id=source_id, reason=reason)
    write([row])
    open_items.settle({line.invoice_id}, cause=source_id)
    return row


@step
def take_back(credit: LineCredit, *, source_id: str, reason: str) -> LineCredit:
    """Take a credit back whole: the line asks for it again, and its invoice is open again.

    Posts: Dr premium_receivable · Cr billed_uncollected.
    """
    row = opposite(credit, source_id=source_id, reason=reason)
    write([row])
    open_items.settle({credit.line.invoice_id}, cause=source_id)
    return row


@step
def planned(line: InvoiceLine, amount_minor: int, *, kind: str, source_id: str, reason: str) -> LineCredit:
    """A credit of today, not written yet."""
    return LineCredit(
        id=ids.new("lcr"),
        line=line,
        kind=kind,
        amount_minor=amount_minor,
        credited_on=clock.today(),
        source_id=source_id,
        reason=reason[:300],
    )


@step
def opposite(credit: LineCredit, *, source_id: str, reason: str) -> LineCredit:
    """The row that takes a credit back, not written yet."""
    row = planned(credit.line, -credit.amount_minor, kind=credit.kind, source_id=source_id, reason=reason)
    row.reverses = credit
    return row


@step
def write(rows: Sequence[LineCredit]) -> None:
    """Write and post credits of lines of one policy; their invoices' states are the caller's to settle.

    Posts: Dr billed_uncollected · Cr premium_receivable, each.
    """
    if not rows:
        return
    LineCredit.objects.bulk_create(rows)
    policy = rows[0].line.invoice.policy
    journal.line_credited(policy.operator_id, rows)
    audit.record(
        action="line.credit",
        object_id=rows[0].line.invoice_id,
        organization_id=policy.operator_id,
        after={
            "kind": rows[0].kind,
            "source": rows[0].source_id,
            "lines": {row.line_id: row.amount_minor for row in rows},
        },
        reason=rows[0].reason,
    )
