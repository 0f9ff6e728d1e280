"""Scheduled payments: an invoice is charged to a kept method on a day the payor chose. Its state is the queue."""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet

from billing import open_items
from billing.models import Invoice
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, DomainError, IllegalTransition, Invalid
from payments import collection, methods
from payments.collection import AmountAboveOpen, NothingOwed, PaymentInProgress, Source, Wanted
from payments.methods import MethodNotUsable
from payments.models import Payment, PaymentMethod, ScheduledPayment
from policies import locks
from policies.models import Policy

LONGEST_DAYS = 366
SCHEDULER = system("schedule")
State = ScheduledPayment.State


class AlreadyScheduled(Conflict):
    """Another payment of the invoice is scheduled; withdraw it first."""

    code = "already_scheduled"


@command
def schedule(
    *,
    invoice_id: str,
    payment_method_id: str,
    collect_on: dt.date,
    actor: Actor,
    amount_minor: int | None = None,
) -> ScheduledPayment:
    """Charge an invoice to a kept method on a day from today on.

    Takes:  the amount, or all that is open on the day. The same again gives the one that stands.
    Raises: NotFound, Forbidden, Invalid (day, amount), AmountAboveOpen, NothingOwed, MethodNotUsable, AlreadyScheduled.
    """
    invoice = access.get_operable(
        actor, Invoice.objects.all(), invoice_id, permission=Permission.PAYMENTS_WRITE, field="invoice"
    )
    method = access.get_operable(
        actor,
        PaymentMethod.objects.all(),
        payment_method_id,
        permission=Permission.PAYMENTS_WRITE,
        field="payment_method",
    )
    policy = locks.lock(invoice.policy_id)
    return plan_locked(policy, invoice, method, collect_on=collect_on, amount_minor=amount_minor)


@step
def plan_locked(
    policy: Policy, invoice: Invoice, method: PaymentMethod, *, collect_on: dt.date, amount_minor: int | None = None
) -> ScheduledPayment:
    """Plan to charge an invoice of a locked policy to a kept method on a day; as `schedule`."""
    if not clock.today() <= collect_on <= clock.today() + dt.timedelta(days=LONGEST_DAYS):
        raise Invalid("The day is today or later, and within a year.", field="collect_on")
    if method.organization_id != policy.operator_id:
        raise Invalid("The method is of another organization.", field="payment_method")
    _check_amount(invoice, amount_minor)
    _check_method(method, policy.id, collect_on)
    standing = ScheduledPayment.objects.filter(invoice=invoice, state=State.PLANNED).first()
    if standing is not None:
        asked = (standing.payment_method_id, standing.collect_on, standing.amount_minor)
        if asked == (method.id, collect_on, amount_minor):
            commands.unchanged()
            return standing
        raise AlreadyScheduled(
            f"A payment is scheduled for {standing.collect_on}; withdraw it first.",
            field="invoice",
            scheduled_payment=standing.id,
        )
    planned = ScheduledPayment.objects.create(
        policy=policy,
        invoice=invoice,
        payment_method=method,
        amount_minor=amount_minor,
        currency=invoice.currency,
        collect_on=collect_on,
    )
    _tell("scheduled_payment.planned", planned)
    return planned


@command
def withdraw(*, scheduled_id: str, reason: str, actor: Actor) -> ScheduledPayment:
    """Take a scheduled payment back before its day. Raises: NotFound, Forbidden, BadText, IllegalTransition."""
    found = access.get_operable(
        actor, ScheduledPayment.objects.all(), scheduled_id, permission=Permission.PAYMENTS_WRITE, field="scheduled"
    )
    reason = texts.line(reason, field="reason", at_most=200)
    locks.lock(found.policy_id)
    planned = _fresh(found.id)
    if planned.state != State.PLANNED:
        raise IllegalTransition(f"It is {planned.get_state_display().lower()} already.", field="scheduled")
    planned.withdraw()
    return _ended(planned, "scheduled_payment.withdrawn", reason)


def collect_due(organization_id: str, on: dt.date) -> int:
    """Plan every payment that is scheduled for a day or one before it. Gives how many were planned.

    Running it again for the same date, or two runs at once, charges nothing twice.
    """
    count = 0
    for scheduled_id in due(organization_id, on).order_by("policy_id", "id").values_list("id", flat=True):
        count += collect_one(scheduled_id=scheduled_id, on=on, actor=SCHEDULER) is not None
    return count


def due(organization_id: str, on: dt.date) -> QuerySet[ScheduledPayment]:
    """Payments scheduled for a day or one before it that are still to be planned."""
    return ScheduledPayment.objects.filter(policy__operator_id=organization_id, state=State.PLANNED, collect_on__lte=on)


@command
def collect_one(*, scheduled_id: str, on: dt.date, actor: Actor) -> Payment | None:
    """Plan the payment of one that is due; what cannot be collected is refused for good, with the reason kept.

    While another payment of the invoice is on its way it waits. Raises: NotFound, Forbidden.
    """
    found = access.get_operable(
        actor, ScheduledPayment.objects.all(), scheduled_id, permission=Permission.PAYMENTS_WRITE, field="scheduled"
    )
    policy = locks.lock(found.policy_id)
    planned = _fresh(found.id)
    if planned.state != State.PLANNED or planned.collect_on > on:
        commands.unchanged()
        return None
    method = PaymentMethod.objects.get(pk=planned.payment_method_id)
    try:
        payment = collection.collect_locked(
            policy,
            [Wanted(planned.invoice_id, _amount(planned))],
            source=Source(method.kind, payment_method=method),
            initiator=Payment.Initiator.SCHEDULE,
        )
    except PaymentInProgress:
        commands.unchanged()
        return None
    except DomainError as error:
        planned.refuse()
        _ended(planned, "scheduled_payment.refused", f"{error.code}: {error.message}")
        return None
    planned.collect()
    planned.payment = payment
    _ended(planned, "scheduled_payment.collected", "")
    return payment


@step
def withdraw_all_locked(invoice_id: str, reason: str) -> int:
    """Take back what is scheduled for an invoice of a locked policy. Gives how many there were."""
    standing = list(ScheduledPayment.objects.filter(invoice=invoice_id, state=State.PLANNED).select_related("policy"))
    for planned in standing:
        planned.withdraw()
        _ended(planned, "scheduled_payment.withdrawn", reason)
    return len(standing)


def _fresh(scheduled_id: str) -> ScheduledPayment:
    return ScheduledPayment.objects.select_related("policy", "invoice").get(pk=scheduled_id)


def _amount(planned: ScheduledPayment) -> int | None:
    """What was wished, but no more than is open by now."""
    still_open = open_items.open_minor(planned.invoice)
    if planned.amount_minor is None or still_open <= 0:
        return None
    return min(planned.amount_minor, still_open)


def _check_amount(invoice: Invoice, amount_minor: int | None) -> None:
    still_open = open_items.open_minor(invoice)
    if still_open <= 0:
        raise NothingOwed(f"Invoice {invoice.number} is paid.", field="invoice", invoice=invoice.id)
    if amount_minor is not None and amount_minor <= 0:
        raise Invalid("The amount must be above zero.", field="amount_minor")
    if amount_minor is not None and amount_minor > still_open:
        raise AmountAboveOpen("No more than what is open is scheduled.", field="amount_minor", invoice=invoice.id)


def _check_method(method: PaymentMethod, policy_id: str, on: dt.date) -> None:
    """Refuse what could not be charged on the day; an account that is being validated may pass until then."""
    try:
        methods.usable(method, on=on, initiator=Payment.Initiator.SCHEDULE, policy_ids=(policy_id,))
    except MethodNotUsable as refused:
        if refused.extra["why"] != "not_validated":
            raise


def _ended(planned: ScheduledPayment, type: str, result: str) -> ScheduledPayment:
    planned.result = result[:300]
    planned.save(update_fields=["state", "result", "payment"])
    _tell(type, planned, result)
    return planned


def _tell(type: str, planned: ScheduledPayment, reason: str = "") -> None:
    facts = {
        "invoice": planned.invoice_id,
        "payment_method": planned.payment_method_id,
        "amount_minor": planned.amount_minor,
        "currency": planned.currency,
        "collect_on": planned.collect_on.isoformat(),
        "state": planned.state,
        "payment": planned.payment_id,
    }
    operator_id = planned.policy.operator_id
    audit.record(action=type, object_id=planned.id, organization_id=operator_id, after=facts, reason=reason[:300])
    events.record(
        type=type,
        organization_id=operator_id,
        object_id=planned.id,
        subject_id=planned.policy_id,
        data={"scheduled_payment": planned.id, "policy": planned.policy_id, **facts, "result": reason[:300]},
    )
