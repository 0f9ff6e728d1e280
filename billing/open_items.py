"""What is open: of a line, its amount less credits less applied cash; and the states of invoices, which follow it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.models import Application, Invoice, InvoiceLine, LineCredit
from compliance import audit, events
from coverpay.kernel.commands import step

_EVENTS = {
    Invoice.State.PAID: "invoice.paid",
    Invoice.State.OPEN: "invoice.reopened",
    Invoice.State.VOID: "invoice.voided",
    Invoice.State.WRITTEN_OFF: "invoice.written_off",
    Invoice.State.SUPERSEDED: "invoice.superseded",
}
_COVERS = ("applied", "credited", "written_off")


def with_open(lines: QuerySet[InvoiceLine]) -> QuerySet[Any]:
    """Add `applied`, `commission`, `credited`, `written_off` and `open` to invoice lines, in minor units."""
    rows: QuerySet[Any] = lines.annotate(
        applied=_sum_of(Application.objects.filter(line=OuterRef("pk"))),
        commission=_sum_of(Application.objects.filter(line=OuterRef("pk")), "commission_minor"),
        credited=_sum_of(LineCredit.objects.filter(line=OuterRef("pk"))),
        written_off=_sum_of(LineCredit.objects.filter(line=OuterRef("pk"), kind=LineCredit.Kind.WRITTEN_OFF)),
    ).annotate(open=F("amount_minor") - F("credited") - F("applied"))
    return rows


def _sum_of(rows: QuerySet[Any], column: str = "amount_minor") -> Coalesce:
    return Coalesce(Subquery(rows.order_by().values("line").values(sum=Sum(column))), 0)


def locked_lines(rows: QuerySet[InvoiceLine]) -> Sequence[Any]:
    """Lines of a locked policy with what is open, ready to be worked on."""
    return list(with_open(rows.select_related("invoice__policy")))


def applied_minor(invoice: Invoice) -> int:
    """What cash covers of an invoice, minor units."""
    found = Application.objects.filter(line__invoice=invoice).aggregate(sum=Sum("amount_minor"))
    return found["sum"] or 0


def credited_minor(invoice: Invoice, *kinds: str) -> int:
    """What credits lower an invoice by, of some kinds or of all, minor units."""
    rows = LineCredit.objects.filter(line__invoice=invoice)
    found = (rows.filter(kind__in=kinds) if kinds else rows).aggregate(sum=Sum("amount_minor"))
    return found["sum"] or 0


def open_minor(invoice: Invoice) -> int:
    """What is still asked for, minor units."""
    return invoice.total_minor - credited_minor(invoice) - applied_minor(invoice)


@step
def settle(invoice_ids: Collection[str], *, cause: str) -> None:
    """Bring invoices of a locked policy in line with what covers and lowers them now.

    Takes: `cause`, the id of the receipt, transaction or permit that changed them.
    """
    covered = _covered(invoice_ids)
    for invoice in Invoice.objects.filter(pk__in=invoice_ids).select_related("policy").order_by("id"):
        mine = covered.get(invoice.id, Counter())
        still_open = invoice.total_minor - mine["credited"] - mine["applied"]
        if still_open == 0 and invoice.state == Invoice.State.OPEN:
            _close(invoice, credited_minor=mine["credited"], written_off_minor=mine["written_off"])
            tell(invoice, still_open, cause=cause)
        elif still_open and invoice.state == Invoice.State.PAID:
            invoice.reopen()
            tell(invoice, still_open, cause=cause)
        elif still_open and invoice.state == Invoice.State.WRITTEN_OFF:
            invoice.revive()
            tell(invoice, still_open, cause=cause)


def _covered(invoice_ids: Collection[str]) -> dict[str, Counter[str]]:
    """What is `applied`, `credited` and of that `written_off` of invoices, minor units, by one query."""
    found: dict[str, Counter[str]] = {}
    for line in with_open(InvoiceLine.objects.filter(invoice__in=invoice_ids)).values("invoice_id", *_COVERS):
        found.setdefault(line["invoice_id"], Counter()).update({name: line[name] for name in _COVERS})
    return found


def _close(invoice: Invoice, *, credited_minor: int, written_off_minor: int) -> None:
    """Nothing is open: given up, never asked for after all, or covered."""
    if written_off_minor:
        invoice.write_off()
    elif credited_minor == invoice.total_minor:
        invoice.void()
    else:
        invoice.settle()


@step
def tell(invoice: Invoice, still_open: int, *, cause: str, reason: str = "") -> None:
    """Keep and tell the state an invoice has come to."""
    invoice.save(update_fields=["state"])
    event = _EVENTS[Invoice.State(invoice.state)]
    operator_id = invoice.policy.operator_id
    audit.record(
        action=event,
        object_id=invoice.id,
        organization_id=operator_id,
        after={"state": invoice.state, "open_minor": still_open, "cause": cause},
        reason=reason,
    )
    events.record(
        type=event,
        organization_id=operator_id,
        object_id=invoice.id,
        subject_id=invoice.policy_id,
        data={"invoice": invoice.id, "policy": invoice.policy_id, "open_minor": still_open},
    )
