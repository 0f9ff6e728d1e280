"""Invoices that ask for nothing any more: what was on them goes back to what is still to be billed."""

from __future__ import annotations

from billing import cash, line_credits, open_items, schedules
from billing.models import Application, Installment, Invoice, LineCredit, Schedule
from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition
from policies import locks
from policies.models import Policy, Term

ASKING = (Invoice.State.OPEN, Invoice.State.PAID)


@command
def void(*, invoice_id: str, reason: str, actor: Actor) -> Invoice:
    """Take an invoice back that should not have been sent; what it asked for is billed with the next installment.

    Its cash is un-applied, then applied to whatever is open. Fees of the plan that were on it are dropped.

    Posts:  as un-applying does; Dr billed_uncollected · Cr premium_receivable.
    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    found = access.get_operable(actor, Invoice.objects.all(), invoice_id, permission=Permission.BILLING_WRITE)
    reason = texts.line(reason, field="reason", at_most=200)
    policy = locks.lock(found.policy_id)
    invoice = Invoice.objects.select_related("policy").get(pk=found.pk)
    void_locked(invoice, reason=reason)
    for term in Term.objects.filter(pk__in=invoice.lines.values("term_id")).order_by("id"):
        mode = None if term.state == Term.State.CANCELLED else "next"
        schedules.adjust(policy, term, "", reason=f"Invoice {invoice.number} was voided: {reason}", mode=mode)
    cash.apply_waiting(policy)
    return invoice


@step
def void_locked(invoice: Invoice, *, reason: str, cause: str = "") -> None:
    """Void an open or paid invoice of a locked policy: its cash is un-applied, its lines are credited whole.

    Raises: IllegalTransition.
    """
    if invoice.state not in ASKING:
        raise IllegalTransition(f"The invoice is {invoice.get_state_display().lower()}.", field="invoice")
    standing = Application.objects.filter(line__invoice=invoice, reverses__isnull=True, reversed_by__isnull=True)
    cash.unapply(standing, reason=reason)
    invoice.refresh_from_db()
    if invoice.state != Invoice.State.OPEN:
        raise IllegalTransition("Everything on the invoice was credited already.", field="invoice")
    source = cause or invoice.id
    line_credits.write(
        [
            line_credits.planned(line, line.open, kind=LineCredit.Kind.VOIDED, source_id=source, reason=reason)
            for line in open_items.locked_lines(invoice.lines.order_by("position"))
            if line.open > 0
        ]
    )
    invoice.void()
    open_items.tell(invoice, 0, cause=source, reason=reason)


@step
def ask_no_more(policy: Policy, term: Term, *, reason: str) -> None:
    """Ask nothing any more for a term that was not taken; what was paid for it becomes unapplied."""
    invoices = Invoice.objects.filter(lines__term=term, state__in=ASKING).distinct().select_related("policy")
    for invoice in invoices.order_by("id"):
        void_locked(invoice, reason=reason, cause=term.id)
    last = Schedule.objects.filter(term=term).order_by("-number").first()
    waiting = Installment.objects.filter(schedule__term=term, invoice__isnull=True, replaced_by__isnull=True)
    if last is None or not waiting.exists():
        return
    empty = Schedule.objects.create(
        policy=policy,
        term=term,
        number=last.number + 1,
        reason=reason[:200],
        plan_version=last.plan_version,
        currency=last.currency,
    )
    replaced = waiting.update(replaced_by=empty)
    audit.record(
        action="schedule.empty",
        object_id=empty.id,
        organization_id=policy.operator_id,
        after={"replaced": replaced},
        reason=reason,
    )
