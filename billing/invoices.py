"""Invoices: what is due to be billed becomes an open item that cash can cover."""

from __future__ import annotations

import datetime as dt

from django.db.models import Sum

from billing import journal
from billing.models import (
    Application,
    Installment,
    InstallmentItem,
    Invoice,
    InvoiceLine,
)
from compliance import access, audit, events, explanations
from compliance.explanations import Figure
from compliance.permissions import Permission
from coverpay.kernel import clock, ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict
from coverpay.kernel.figures import Explained
from policies import locks
from policies.models import Policy


class NothingToBill(Conflict):
    """No installment of the policy is due to be billed."""

    code = "nothing_to_bill"


@command
def issue(*, policy_id: str, actor: Actor, through: dt.date | None = None) -> Invoice:
    """Bill every installment of a policy whose bill date is here, on one invoice.

    Takes:  `through`, the last bill date to take (today).
    Posts:  Dr premium_receivable · Cr billed_uncollected.
    Raises: NotFound, Forbidden, NothingToBill (with the next bill date).
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.BILLING_WRITE)
    policy = locks.lock(policy_id)
    through = through or clock.today()
    waiting = Installment.objects.filter(policy=policy, invoice__isnull=True, replaced_by__isnull=True).order_by(
        "due_on", "id"
    )
    due = list(waiting.filter(bill_on__lte=through))
    if not due:
        following = waiting.first()
        when = f"the next bill date is {following.bill_on}" if following else "everything is billed"
        raise NothingToBill(f"Nothing to bill through {through}: {when}.", field="through")
    return _write(policy, due)


@step
def _write(policy: Policy, due: list[Installment]) -> Invoice:
    items = list(
        InstallmentItem.objects.filter(installment__in=due)
        .select_related("installment__schedule")
        .order_by("installment__due_on", "id")
    )
    total = sum(item.amount_minor for item in items)
    if total <= 0:
        raise NothingToBill(
            "What is due nets to zero or a credit; there is nothing to ask for.",
            field="through",
        )
    count = Invoice.objects.filter(policy=policy).count()
    invoice = Invoice.objects.create(
        policy=policy,
        number=f"{policy.number}-{count + 1:03d}",
        currency=due[0].schedule.currency,
        total_minor=total,
        issued_on=clock.today(),
        due_on=due[0].due_on,
    )
    lines = InvoiceLine.objects.bulk_create(
        _line(invoice, position, item) for position, item in enumerate(items, start=1)
    )
    for installment in due:
        installment.invoice = invoice
    Installment.objects.bulk_update(due, ["invoice"])
    _explain(invoice, lines)
    journal.invoice_issued(invoice)
    _tell(policy, invoice)
    return invoice


def _line(invoice: Invoice, position: int, item: InstallmentItem) -> InvoiceLine:
    return InvoiceLine(
        id=ids.new("inl"),
        invoice=invoice,
        installment_item=item,
        term_id=item.installment.schedule.term_id,
        position=position,
        component=item.component,
        description=f"{item.get_component_display()}, installment {item.installment.sequence}",
        amount_minor=item.amount_minor,
        payee_kind=item.payee_kind,
        payee=item.payee,
        commission_ppm=item.commission_ppm,
    )


def _explain(invoice: Invoice, lines: list[InvoiceLine]) -> None:
    explanations.record(
        [
            Figure(
                invoice.id,
                "total",
                invoice.total_minor,
                invoice.currency,
                Explained(
                    formula=" + ".join(line.component for line in lines),
                    inputs={f"{line.position} {line.component}_minor": line.amount_minor for line in lines},
                    rule="invoice of every installment whose bill date is here",
                ),
            )
        ]
    )


def _tell(policy: Policy, invoice: Invoice) -> None:
    facts = {
        "number": invoice.number,
        "total_minor": invoice.total_minor,
        "currency": invoice.currency,
        "due_on": invoice.due_on.isoformat(),
    }
    audit.record(
        action="invoice.issue",
        object_id=invoice.id,
        organization_id=policy.operator_id,
        after=facts,
    )
    events.record(
        type="invoice.issued",
        organization_id=policy.operator_id,
        object_id=invoice.id,
        subject_id=policy.id,
        data={"invoice": invoice.id, "policy": policy.id, **facts},
    )


def applied_minor(invoice: Invoice) -> int:
    """What cash covers of an invoice, minor units."""
    found = Application.objects.filter(line__invoice=invoice).aggregate(sum=Sum("amount_minor"))
    return found["sum"] or 0


def open_minor(invoice: Invoice) -> int:
    """What is still asked for, minor units."""
    return invoice.total_minor - applied_minor(invoice)
