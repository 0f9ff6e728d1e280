"""What is billed and no longer charged is credited: open lines first, then what was given up, then what was paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing import cash, invoices, line_credits, open_items
from billing.line_credits import CreditTooLarge as CreditTooLarge
from billing.line_credits import credit as credit
from billing.models import Application, Invoice, InvoiceLine, LineCredit
from billing.standing import Key
from compliance import explanations
from compliance.explanations import Figure
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict
from coverpay.kernel.figures import Explained
from policies.models import Policy, Term


class NotBilled(Conflict):
    """More is to be credited than was billed."""

    code = "credit_not_billed"


@dataclass(frozen=True, slots=True)
class Credited:
    """What crediting came to: in all, the part of it that had been paid, and the invoices that replace open ones."""

    credited_minor: int
    unapplied_minor: int
    superseding: tuple[Invoice, ...]


@step
def credit_overbilled(
    policy: Policy, term: Term, excess: Mapping[Key, int], *, transaction_id: str, reason: str
) -> Credited:
    """Credit what invoices of a term ask for beyond what is charged.

    Takes:  a locked policy; per key what is billed in excess, above zero, minor units.
    Gives:  credits that sum to the excess: newest open lines first, then what was written off, then paid lines, whose
            cash becomes unapplied. Open invoices that were touched are superseded by new ones that say why, and what
            is unapplied covers whatever is open then.
    Posts:  as each credit, un-application, new invoice and application does.
    Raises: NotBilled.
    """
    touched: dict[str, Invoice] = {}
    written: list[LineCredit] = []
    freed = 0
    for key, amount_minor in sorted((key, amount) for key, amount in excess.items() if amount > 0):
        left, rows = amount_minor, _lines(term, key)
        for line in rows:
            left -= _open_part(line, left, written, touched, transaction_id, reason)
        for line in rows:
            left -= _given_up_part(line, left, written, transaction_id, reason)
        for line in rows:
            part, undone = _paid_part(line, left, written, transaction_id, reason)
            left, freed = left - part, freed + undone
        if left:
            raise NotBilled(f"{key.component}: {left} more is to be credited than was billed.", field="amount")
    _settle(written, touched, transaction_id)
    _explain(written, transaction_id, reason)
    made = [invoices.supersede(invoice, reason=reason, cause=transaction_id) for invoice in touched.values()]
    cash.apply_waiting(policy)
    return Credited(
        credited_minor=sum(row.amount_minor for row in written if row.kind == LineCredit.Kind.RETURN_PREMIUM),
        unapplied_minor=freed,
        superseding=tuple(invoice for invoice in made if invoice is not None),
    )


def _lines(term: Term, key: Key) -> Sequence[Any]:
    """The lines of a key that still ask for something, newest due date first, with what is open on each."""
    rows = InvoiceLine.objects.filter(term=term, **key._asdict())
    return open_items.locked_lines(rows.order_by("-invoice__due_on", "-invoice_id", "-position"))


def _open_part(
    line: Any, left: int, written: list[LineCredit], touched: dict[str, Invoice], source: str, reason: str
) -> int:
    part: int = min(left, line.open)
    if part <= 0:
        return 0
    _write(written, [_credit(line, part, source, reason)])
    touched[line.invoice_id] = line.invoice
    line.open -= part
    line.credited += part
    return part


def _given_up_part(line: Any, left: int, written: list[LineCredit], source: str, reason: str) -> int:
    """Turn what was written off into return premium: nothing of it was owed after all."""
    part: int = min(left, line.written_off)
    if part <= 0:
        return 0
    rows: list[LineCredit] = []
    standing = line.credits.filter(kind=LineCredit.Kind.WRITTEN_OFF, reverses__isnull=True, reversed_by__isnull=True)
    for given_up in standing.select_related("line__invoice__policy").order_by("-id"):
        rows.append(line_credits.opposite(given_up, source_id=source, reason=reason))
    rows.append(_credit(line, part, source, reason))
    if line.written_off > part:
        kind = LineCredit.Kind.WRITTEN_OFF
        rest = line.written_off - part
        rows.append(line_credits.planned(line, rest, kind=kind, source_id=source, reason=reason))
    _write(written, rows)
    return part


def _paid_part(line: Any, left: int, written: list[LineCredit], source: str, reason: str) -> tuple[int, int]:
    """Un-apply the newest cash of a line until enough of it is open, and credit that. Gives: both amounts."""
    part = min(left, line.applied)
    if part <= 0:
        return 0, 0
    undo: list[Application] = []
    freed = 0
    standing = line.applications.filter(reverses__isnull=True, reversed_by__isnull=True)
    for application in standing.order_by("-id"):
        if freed >= part:
            break
        undo.append(application)
        freed += application.amount_minor
    cash.unapply(undo, reason=reason)
    _write(written, [_credit(line, part, source, reason)])
    return part, part


def _credit(line: Any, amount_minor: int, source: str, reason: str) -> LineCredit:
    kind = LineCredit.Kind.RETURN_PREMIUM
    return line_credits.planned(line, amount_minor, kind=kind, source_id=source, reason=reason)


def _write(written: list[LineCredit], rows: list[LineCredit]) -> None:
    line_credits.write(rows)
    written.extend(rows)


def _settle(written: Sequence[LineCredit], touched: Mapping[str, Invoice], cause: str) -> None:
    """Settle invoices that were paid or given up; those that were open are superseded next."""
    open_items.settle({row.line.invoice_id for row in written} - set(touched), cause=cause)


def _explain(written: Sequence[LineCredit], transaction_id: str, reason: str) -> None:
    explanations.record(
        Figure(
            row.id,
            row.line.component,
            row.amount_minor,
            row.line.invoice.currency,
            Explained(
                formula="what is billed beyond what is charged, newest open lines first, then paid ones",
                inputs={
                    "line_minor": row.line.amount_minor,
                    "credited_minor": row.amount_minor,
                    "invoice": row.line.invoice.number,
                    "transaction": transaction_id,
                    "reason": reason,
                },
                rule="a change never edits what was billed: it credits it",
            ),
        )
        for row in written
        if row.kind == LineCredit.Kind.RETURN_PREMIUM
    )
