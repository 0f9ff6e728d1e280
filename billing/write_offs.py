"""What is given up: small balances by themselves, larger ones with a permit, and fees that are waived."""

from __future__ import annotations

from billing import agreed_plans, cash, line_credits, open_items
from billing.models import Invoice, InvoiceLine, LineCredit
from billing.standing import FEES
from compliance import access, approvals
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, NotFound
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Policy

ACTION = "invoice.write_off"
SMALL = "At or under the plan's small balance."


class NotAFee(Conflict):
    """Only a fee of the plan is waived; what the contract charges is changed by changing the contract."""

    code = "not_a_fee"


@command
def write_off(*, invoice_id: str, reason: str, actor: Actor) -> Invoice:
    """Give up what is open on an invoice.

    Posts:  Dr billed_uncollected · Cr premium_receivable, each line.
    Raises: NotFound, Forbidden, BadText, IllegalTransition; ApprovalRequired above the plan's small balance, unless
            someone else approved exactly this amount.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    invoice = _locked(invoice_id, actor)
    still_open = Money(open_items.open_minor(invoice), invoice.currency)
    if invoice.state != Invoice.State.OPEN:
        raise IllegalTransition(f"The invoice is {invoice.get_state_display().lower()}.", field="invoice")
    source = invoice.id
    if still_open > small_balance(invoice):
        operator_id = invoice.policy.operator_id
        permit = approvals.consume(
            organization_id=operator_id, action=ACTION, object_id=invoice.id, amount=still_open, actor=actor
        )
        source = permit.id
    write_off_locked(invoice, source_id=source, reason=reason)
    invoice.refresh_from_db()
    return invoice


@command
def take_back(*, invoice_id: str, reason: str, actor: Actor) -> Invoice:
    """Ask again for what was written off.

    Posts:  Dr premium_receivable · Cr billed_uncollected, each line.
    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    invoice = _locked(invoice_id, actor)
    standing = LineCredit.objects.filter(
        line__invoice=invoice, kind=LineCredit.Kind.WRITTEN_OFF, reverses__isnull=True, reversed_by__isnull=True
    )
    rows = list(standing.select_related("line__invoice__policy"))
    if not rows:
        raise IllegalTransition("Nothing of the invoice is written off.", field="invoice")
    line_credits.write([line_credits.opposite(row, source_id=invoice.id, reason=reason) for row in rows])
    open_items.settle({invoice.id}, cause=invoice.id)
    cash.apply_waiting(invoice.policy)
    invoice.refresh_from_db()
    return invoice


@command
def waive(*, invoice_id: str, line_id: str, reason: str, actor: Actor) -> Invoice:
    """Let a fee of the plan go; what was paid for it covers whatever else is open.

    Posts:  as un-applying does; Dr billed_uncollected · Cr premium_receivable.
    Raises: NotFound, Forbidden, BadText, NotAFee, IllegalTransition when nothing of it is left to waive.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    invoice = _locked(invoice_id, actor)
    line = InvoiceLine.objects.filter(invoice=invoice, pk=line_id).select_related("invoice__policy").first()
    if line is None:
        raise NotFound(f"The invoice has no line {line_id}.", field="line")
    if line.component not in FEES:
        raise NotAFee(f"{line.get_component_display()} is charged by the contract; change that instead.", field="line")
    cash.unapply(line.applications.filter(reverses__isnull=True, reversed_by__isnull=True), reason=reason)
    rest = open_items.with_open(InvoiceLine.objects.filter(pk=line.pk)).values_list("open", flat=True).get()
    if rest <= 0:
        raise IllegalTransition("Nothing of the fee is left to waive.", field="line")
    line_credits.credit(line, rest, kind=LineCredit.Kind.WAIVED, source_id=invoice.id, reason=reason)
    cash.apply_waiting(invoice.policy)
    invoice.refresh_from_db()
    return invoice


@step
def write_off_locked(invoice: Invoice, *, source_id: str, reason: str) -> int:
    """Give up what is open on an invoice of a locked policy. Gives: how much, minor units."""
    lines = [line for line in open_items.locked_lines(invoice.lines.order_by("position")) if line.open > 0]
    kind = LineCredit.Kind.WRITTEN_OFF
    line_credits.write(
        [line_credits.planned(line, line.open, kind=kind, source_id=source_id, reason=reason) for line in lines]
    )
    open_items.settle({invoice.id}, cause=source_id)
    return sum(line.open for line in lines)


@step
def write_off_small(policy: Policy) -> int:
    """Give up every past due balance at or under the plan's small balance. Gives: how much, minor units."""
    given_up = 0
    overdue = Invoice.objects.filter(policy=policy, state=Invoice.State.OPEN, due_on__lt=clock.today())
    for invoice in overdue.select_related("policy").order_by("id"):
        if open_items.open_minor(invoice) <= small_balance(invoice).amount_minor:
            given_up += write_off_locked(invoice, source_id=invoice.id, reason=SMALL)
    return given_up


def small_balance(invoice: Invoice) -> Money:
    """What may be given up on an invoice without asking anyone, as the plan of its term says."""
    term_id = invoice.lines.order_by("position").values_list("term_id", flat=True)[0]
    return agreed_plans.of_term(term_id).limit("small_balance", invoice.currency)


def _locked(invoice_id: str, actor: Actor) -> Invoice:
    found = access.get_operable(actor, Invoice.objects.all(), invoice_id, permission=Permission.BILLING_WRITE)
    locks.lock(found.policy_id)
    return Invoice.objects.select_related("policy").get(pk=found.pk)
