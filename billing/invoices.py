"""Invoices: what is due to be billed becomes an open item that cash can cover."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby

from django.db.models import QuerySet, Sum

from billing import agreed_plans, cash, journal, line_credits, open_items, renewing
from billing.models import Application, Installment, InstallmentItem, Invoice, InvoiceLine, LineCredit
from billing.open_items import applied_minor as applied_minor
from billing.open_items import open_minor as open_minor
from compliance import access, audit, events, explanations
from compliance.explanations import Figure
from compliance.permissions import Permission
from coverpay.kernel import clock, ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict
from coverpay.kernel.figures import Explained
from policies import locks
from policies.models import Policy, Term


class NothingToBill(Conflict):
    """No installment of the policy is due to be billed."""

    code = "nothing_to_bill"


@command
def issue(*, policy_id: str, actor: Actor, through: dt.date | None = None) -> Invoice:
    """Bill every installment of a policy whose bill date is here; see `issue_locked`.

    Takes:  `through`, the last bill date to take (today).
    Gives:  the invoice; the first of several when a policy has several payors or terms.
    Posts:  Dr premium_receivable · Cr billed_uncollected.
    Raises: NotFound, Forbidden, NothingToBill (with the next bill date).
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.BILLING_WRITE)
    policy = locks.lock(policy_id)
    through = through or clock.today()
    written = issue_locked(policy, through)
    if not written:
        following = _waiting(policy).filter(bill_on__gt=through).first()
        when = f"the next bill date is {following.bill_on}" if following else "everything is billed"
        raise NothingToBill(f"Nothing to bill through {through}: {when}.", field="through")
    return written[0]


@step
def issue_locked(policy: Policy, through: dt.date) -> list[Invoice]:
    """Bill the installments of a locked policy whose bill date is here: one invoice for each term and payor.

    What is below the plan's `low_bill` is not billed while a later installment follows: it comes with that one.
    Unapplied cash covers the new invoices at once; an offered term whose first invoice it pays is taken.

    Posts: Dr premium_receivable · Cr billed_uncollected; and as the cash that is applied does.
    """
    written = _issue(policy, _waiting(policy), through)
    if written:
        cash.apply_waiting(policy)
        renewing.accept_paid(policy)
        for invoice in written:
            invoice.refresh_from_db()
    return written


@step
def settle_term(policy: Policy, term: Term) -> list[Invoice]:
    """Bill what is due on one term of a locked policy, before anybody says what of its cash is owed back.

    Posts: as `issue_locked`.
    """
    written = _issue(policy, _waiting(policy).filter(schedule__term=term), clock.today())
    cash.apply_waiting(policy)
    return written


def _issue(policy: Policy, waiting: QuerySet[Installment], through: dt.date) -> list[Invoice]:
    """Write an invoice for each term and payor of these installments with enough to bill."""
    due = list(waiting.filter(bill_on__lte=through).select_related("schedule"))
    due.sort(key=lambda row: (row.schedule.term_id, row.account_id or "", row.due_on, row.id))
    written = []
    for (term_id, account_id), group in groupby(due, key=lambda row: (row.schedule.term_id, row.account_id)):
        installments = list(group)
        later = _waiting(policy).filter(bill_on__gt=through, schedule__term_id=term_id, account_id=account_id).exists()
        due_on = _due_on(installments, rolls=later)
        if due_on is not None:
            written.append(_write(policy, installments, due_on))
    return written


def _waiting(policy: Policy) -> QuerySet[Installment]:
    return Installment.objects.filter(policy=policy, invoice__isnull=True, replaced_by__isnull=True).order_by(
        "due_on", "id"
    )


def _due_on(due: Sequence[Installment], *, rolls: bool) -> dt.date | None:
    """The due date of the installment with which enough is due to be billed; None when it rolls to a later one."""
    schedule = due[0].schedule
    enough = agreed_plans.of_term(schedule.term_id).limit("low_bill", schedule.currency).amount_minor
    items = InstallmentItem.objects.filter(installment__in=due).order_by()
    totals = dict(items.values_list("installment_id").annotate(sum=Sum("amount_minor")))
    reached = 0
    for installment in due:
        reached += totals.get(installment.id, 0)
        if reached > 0 and reached >= enough:
            return installment.due_on
    return None if rolls or reached <= 0 else due[-1].due_on


@step
def _write(policy: Policy, due: Sequence[Installment], due_on: dt.date) -> Invoice:
    items = list(
        InstallmentItem.objects.filter(installment__in=due)
        .select_related("installment__schedule")
        .order_by("installment__due_on", "id")
    )
    invoice = Invoice.objects.create(
        policy=policy,
        number=next_number(policy),
        currency=due[0].schedule.currency,
        total_minor=sum(item.amount_minor for item in items),
        issued_on=clock.today(),
        due_on=due_on,
        account_id=due[0].account_id,
    )
    lines = InvoiceLine.objects.bulk_create(
        _line(invoice, position, item) for position, item in enumerate(items, start=1)
    )
    for installment in due:
        installment.invoice = invoice
    Installment.objects.bulk_update(due, ["invoice"])
    _explain(invoice, lines, "invoice of every installment whose bill date is here")
    journal.invoice_issued(invoice)
    _tell(policy, invoice)
    return invoice


@step
def supersede(invoice: Invoice, *, reason: str, cause: str = "") -> Invoice | None:
    """Put a new invoice in the place of one that was sent: its cash is un-applied and its lines are credited whole.

    Takes:  an open or paid invoice of a locked policy; `cause`, the transaction or command behind it.
    Gives:  the new invoice, with what remains of each line, under the next number; None when nothing remains.
    Posts:  as un-applying, crediting and issuing do; the caller applies waiting cash again.
    """
    policy = invoice.policy
    standing = Application.objects.filter(line__invoice=invoice, reverses__isnull=True, reversed_by__isnull=True)
    cash.unapply(standing, reason=reason)
    invoice.refresh_from_db()
    lines = open_items.locked_lines(invoice.lines.order_by("position"))
    remaining = {line: line.open for line in lines if line.open > 0}
    if not remaining:
        open_items.settle({invoice.id}, cause=cause or invoice.id)
        return None
    new = Invoice.objects.create(
        policy=policy,
        number=next_number(policy),
        currency=invoice.currency,
        total_minor=sum(remaining.values()),
        issued_on=clock.today(),
        due_on=invoice.due_on,
        account_id=invoice.account_id,
        account_bill_id=invoice.account_bill_id,
        supersedes=invoice,
        reason=reason[:200],
    )
    kind = LineCredit.Kind.SUPERSEDED
    line_credits.write(
        [
            line_credits.planned(line, amount, kind=kind, source_id=new.id, reason=reason)
            for line, amount in remaining.items()
        ]
    )
    replacing = InvoiceLine.objects.bulk_create(
        _replacing(new, position, line, amount) for position, (line, amount) in enumerate(remaining.items(), start=1)
    )
    invoice.supersede()
    open_items.tell(invoice, 0, cause=new.id, reason=reason)
    _explain(new, replacing, f"what remains of invoice {invoice.number}"[:120])
    journal.invoice_issued(new)
    _tell(policy, new)
    return new


def next_number(policy: Policy) -> str:
    """The number of a policy's next invoice."""
    return f"{policy.number}-{Invoice.objects.filter(policy=policy).count() + 1:03d}"


def _replacing(invoice: Invoice, position: int, line: InvoiceLine, amount_minor: int) -> InvoiceLine:
    return InvoiceLine(
        id=ids.new("inl"),
        invoice=invoice,
        replaces=line,
        term_id=line.term_id,
        position=position,
        component=line.component,
        description=line.description,
        amount_minor=amount_minor,
        payee_kind=line.payee_kind,
        payee=line.payee,
        commission_ppm=line.commission_ppm,
    )


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


def _explain(invoice: Invoice, lines: Sequence[InvoiceLine], rule: str) -> None:
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
                    rule=rule,
                ),
            )
        ]
    )


def _tell(policy: Policy, invoice: Invoice) -> None:
    facts: dict[str, str | int] = {
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
