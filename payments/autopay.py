"""Autopay: a policy's invoices are charged to the enrolled method when they fall due, each once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from billing.models import Invoice
from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import actors, clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, DomainError, Invalid
from payments import autopay_runs, collection, enrolments, methods
from payments.autopay_runs import due, plan_due
from payments.collection import Wanted
from payments.methods import MethodNotUsable
from payments.models import Autopay, Payment, PaymentMethod
from policies import locks
from policies.models import Policy

__all__ = ["AutopayEnded", "Collected", "collect_due", "collect_one", "due", "end", "enrol", "plan_due"]

COLLECTOR = actors.system("autopay")


class AutopayEnded(Conflict):
    """The enrolment is over."""

    code = "autopay_ended"


@dataclass(slots=True)
class Collected:
    """What a date's run planned, and the invoices it could not, as (invoice, code, message)."""

    payments: list[str] = field(default_factory=list)
    amount_minor: int = 0
    failures: list[tuple[str, str, str]] = field(default_factory=list)


@command
def enrol(
    *,
    policy_id: str,
    actor: Actor,
    method: str = "",
    token: str = "",
    payment_method_id: str | None = None,
    fallback_id: str | None = None,
) -> Autopay:
    """Let a method pay a policy's invoices from now on; another method enrolled before is ended.

    Takes:  a payment method we keep, with a mandate that lasts and maybe another one as fallback; or `method` card or
            ach with the processor's `token` for it. The same again gives the enrolment that stands.
    Raises: NotFound, Forbidden, Invalid, BadText, CardNumberRefused, MethodNotUsable.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.PAYMENTS_WRITE, field="policy")
    source = collection.source_of(actor, method=method, token=token, payment_method_id=payment_method_id)
    policy = locks.lock(policy_id)
    kept, fallback = source.payment_method, _fallback(actor, policy, fallback_id, source.payment_method)
    if kept is not None:
        _check(policy, kept, "payment_method")
    standing = Autopay.objects.select_related("policy").filter(policy=policy, ended_at__isnull=True).first()
    wanted = (source.method, source.token, kept, fallback)
    if standing is not None:
        if (standing.method, standing.token, standing.payment_method, standing.fallback) == wanted:
            commands.unchanged()
            return standing
        enrolments.end_locked(standing, "Another method was enrolled.")
    if kept is not None:
        return enrolments.enrol_locked(policy, kept, fallback=fallback)
    autopay = Autopay.objects.create(policy=policy, method=source.method, token=source.token)
    enrolments.tell("autopay.enrolled", autopay, policy)
    return autopay


@command
def end(*, autopay_id: str, reason: str, actor: Actor) -> Autopay:
    """End an enrolment; what is on its way already goes on. Raises: NotFound, Forbidden, BadText, AutopayEnded."""
    found = access.get_operable(actor, Autopay.objects.all(), autopay_id, permission=Permission.PAYMENTS_WRITE)
    reason = texts.line(reason, field="reason", at_most=300)
    locks.lock(found.policy_id)
    autopay = Autopay.objects.select_related("policy").get(pk=found.pk)
    if autopay.ended_at is not None:
        raise AutopayEnded(f"This autopay ended on {autopay.ended_at:%Y-%m-%d}.")
    enrolments.end_locked(autopay, reason)
    return autopay


def collect_due(organization_id: str, on: dt.date, *, chunk: int = autopay_runs.CHUNK) -> Collected:
    """Plan a payment for every invoice that is due on or before a day, has autopay and was not tried by it before.

    Chunk after chunk, with as many workers at once as there are: each passes by what another has in hand. Running it
    again for the same date charges nothing twice.
    """
    done = Collected()
    after, left = "", list[str]()
    while True:
        planned = plan_due(organization_id=organization_id, on=on, after=after, limit=chunk, actor=COLLECTOR)
        done.payments += planned.payments
        done.amount_minor += planned.amount_minor
        left += planned.left
        after = planned.after
        if planned.over:
            break
    for invoice_id in left:
        _collect(invoice_id, done)
    return done


def _collect(invoice_id: str, done: Collected) -> None:
    try:
        payment = collect_one(invoice_id=invoice_id, actor=COLLECTOR)
    except DomainError as error:
        done.failures.append((invoice_id, error.code, error.message))
        return
    if payment is not None:
        done.payments.append(payment.id)
        done.amount_minor += payment.amount_minor


@command
def collect_one(*, invoice_id: str, actor: Actor) -> Payment | None:
    """Plan the autopay payment of one invoice, unless it is not to be collected any more; then nothing.

    Raises: NotFound, Forbidden, MethodNotUsable, NoRoute, Invalid.
    """
    found = access.get_operable(
        actor, Invoice.objects.all(), invoice_id, permission=Permission.PAYMENTS_WRITE, field="invoice"
    )
    policy = locks.lock(found.policy_id)
    autopay = autopay_runs.enrolled([policy.id]).get(policy.id)
    if autopay is None or not due(policy.operator_id, dt.date.max).filter(pk=invoice_id).exists():
        commands.unchanged()
        return None
    return collection.collect_locked(
        policy,
        [Wanted(invoice_id)],
        source=autopay_runs.source_of(autopay),
        initiator=Payment.Initiator.AUTOPAY,
    )


def _fallback(
    actor: Actor, policy: Policy, fallback_id: str | None, first: PaymentMethod | None
) -> PaymentMethod | None:
    if fallback_id is None:
        return None
    fallback = access.get_operable(
        actor, PaymentMethod.objects.all(), fallback_id, permission=Permission.PAYMENTS_WRITE, field="fallback"
    )
    if first is None or fallback == first:
        raise Invalid("A fallback is another kept method than the first.", field="fallback")
    _check(policy, fallback, "fallback")
    return fallback


def _check(policy: Policy, method: PaymentMethod, field: str) -> None:
    """Refuse a method that could never pay; one that is still being validated may be enrolled."""
    if method.organization_id != policy.operator_id:
        raise Invalid("The method is of another organization.", field=field)
    try:
        methods.usable(method, on=clock.today(), initiator=Payment.Initiator.AUTOPAY, policy_ids=(policy.id,))
    except MethodNotUsable as refused:
        if refused.extra["why"] != "not_validated":
            refused.field = field
            raise
