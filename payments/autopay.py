"""Autopay: a policy's invoices are charged to the enrolled method when they fall due, each once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from billing.models import Invoice
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import actors, clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, DomainError
from payments import collection
from payments.models import Attempt, Autopay, Payment
from policies import locks
from policies.models import Policy

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
def enrol(*, policy_id: str, method: str, token: str, actor: Actor) -> Autopay:
    """Let a method pay a policy's invoices from now on; another method enrolled before is ended.

    Takes:  `method` card or ach; the processor's `token` for it. The same again gives the enrolment that stands.
    Raises: NotFound, Forbidden, Invalid, BadText, CardNumberRefused.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.PAYMENTS_WRITE, field="policy")
    token = collection.checked_token(method, token)
    policy = locks.lock(policy_id)
    standing = Autopay.objects.filter(policy=policy, ended_at__isnull=True).first()
    if standing is not None and (standing.method, standing.token) == (method, token):
        commands.unchanged()
        return standing
    if standing is not None:
        _end(standing, "Another method was enrolled.")
    autopay = Autopay.objects.create(policy=policy, method=method, token=token)
    _tell("autopay.enrolled", autopay, policy)
    return autopay


@command
def end(*, autopay_id: str, reason: str, actor: Actor) -> Autopay:
    """End an enrolment; what is on its way already goes on. Raises: NotFound, Forbidden, AutopayEnded."""
    found = access.get_operable(actor, Autopay.objects.all(), autopay_id, permission=Permission.PAYMENTS_WRITE)
    locks.lock(found.policy_id)
    autopay = Autopay.objects.select_related("policy").get(pk=found.pk)
    if autopay.ended_at is not None:
        raise AutopayEnded(f"This autopay ended on {autopay.ended_at:%Y-%m-%d}.")
    _end(autopay, reason)
    return autopay


def collect_due(organization_id: str, on: dt.date) -> Collected:
    """Plan a payment for every invoice that is due on or before a day, has autopay and was not tried by it before.

    One command an invoice. Running it again for the same date, or two runs at once, charges nothing twice.
    """
    done = Collected()
    for invoice_id in due(organization_id, on).order_by("policy_id", "due_on", "id").values_list("id", flat=True):
        try:
            payment = collect_one(invoice_id=invoice_id, actor=COLLECTOR)
        except DomainError as error:
            done.failures.append((invoice_id, error.code, error.message))
            continue
        if payment is not None:
            done.payments.append(payment.id)
            done.amount_minor += payment.amount_minor
    return done


def due(organization_id: str, on: dt.date) -> QuerySet[Invoice]:
    """Open invoices due on or before a day of enrolled policies, without a live attempt or an earlier autopay one."""
    standing = Autopay.objects.filter(policy=OuterRef("policy"), ended_at__isnull=True)
    live = Attempt.objects.filter(invoice=OuterRef("pk"), state__in=Attempt.LIVE)
    tried = Payment.objects.filter(invoice=OuterRef("pk"), method=OuterRef("by_method"), token=OuterRef("by_token"))
    return (
        Invoice.objects.filter(policy__operator_id=organization_id, state=Invoice.State.OPEN, due_on__lte=on)
        .annotate(by_method=Subquery(standing.values("method")), by_token=Subquery(standing.values("token")))
        .filter(~Exists(live), ~Exists(tried), by_method__isnull=False)
    )


@command
def collect_one(*, invoice_id: str, actor: Actor) -> Payment | None:
    """Plan the autopay payment of one invoice, unless it is not to be collected any more; then nothing.

    Raises: NotFound, Forbidden, NoRoute, Invalid.
    """
    found = access.get_operable(
        actor, Invoice.objects.all(), invoice_id, permission=Permission.PAYMENTS_WRITE, field="invoice"
    )
    policy = locks.lock(found.policy_id)
    invoice = due(policy.operator_id, dt.date.max).filter(pk=invoice_id).first()
    autopay = Autopay.objects.filter(policy=policy, ended_at__isnull=True).first()
    if invoice is None or autopay is None:
        commands.unchanged()
        return None
    source = collection.Source(autopay.method, autopay.token, autopay.payment_method)
    return collection.collect_locked(policy, [collection.Wanted(invoice.id)], source=source, initiator="autopay")


def _end(autopay: Autopay, reason: str) -> None:
    autopay.ended_at = clock.now()
    autopay.save(update_fields=["ended_at"])
    _tell("autopay.ended", autopay, autopay.policy, reason)


def _tell(type: str, autopay: Autopay, policy: Policy, reason: str = "") -> None:
    facts = {"method": autopay.method}
    audit.record(action=type, object_id=autopay.id, organization_id=policy.operator_id, after=facts, reason=reason)
    events.record(
        type=type,
        organization_id=policy.operator_id,
        object_id=autopay.id,
        subject_id=policy.id,
        data={"autopay": autopay.id, "policy": policy.id, **facts},
    )
