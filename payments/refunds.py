"""Refunds: a succeeded payment given back whole, by the same door-keeping as charges."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from billing.models import ReceiptReversal
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, jobs
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid, NotFound
from coverpay.kernel.money import Money
from payments import accounts, outcomes
from payments.attempts import SWEEPER
from payments.gateways.base import NotSent, Outcome, RefundOrder, Status
from payments.models import Attempt, GatewayAccount, Payment, Refund
from policies import locks

LIVE = (Refund.State.PLANNED, Refund.State.SUBMITTED, Refund.State.UNKNOWN)


class NotRefundable(Conflict):
    """Only a succeeded payment without a live refund is given back."""

    code = "not_refundable"


@command
def request(*, payment_id: str, reason: str, actor: Actor) -> Refund:
    """Plan to give a succeeded payment back whole; a worker sends it after the commit.

    Raises: NotFound, Forbidden, NotRefundable, Invalid without a reason.
    """
    payment = access.get_operable(
        actor,
        Payment.objects.all(),
        payment_id,
        permission=Permission.PAYMENTS_WRITE,
        field="payment_id",
    )
    if not reason.strip():
        raise Invalid("Say why the money goes back; the reason is kept.", field="reason")
    locks.lock(payment.policy_id)
    payment.refresh_from_db()
    attempt = payment.attempts.filter(state=Attempt.State.SUCCEEDED).first()
    if payment.state != Payment.State.SUCCEEDED or attempt is None:
        raise NotRefundable(f"The payment is {payment.get_state_display().lower()}; only a succeeded one is refunded.")
    if payment.refunds.filter(state__in=LIVE).exists():
        raise NotRefundable("A refund of this payment is on its way.", field="payment_id")
    refund = Refund.objects.create(
        payment=payment,
        attempt=attempt,
        amount_minor=attempt.taken_minor or attempt.amount_minor,
        currency=payment.currency,
        reason=reason[:200],
        next_check_at=clock.now(),
    )
    audit.record(
        action="refund.create",
        object_id=refund.id,
        organization_id=payment.policy.operator_id,
        after={"payment": payment.id, "amount_minor": refund.amount_minor},
        reason=reason,
    )
    jobs.wake("payments.submit_refund", refund.id)
    return refund


def submit(refund_id: str) -> None:
    """Send a planned refund: command, network, command."""
    order, account = _begin(refund_id=refund_id, actor=SWEEPER)
    if order is None or account is None:
        return
    try:
        outcome = accounts.gateway_of(account).refund(order)
    except NotSent:
        _replan(refund_id=refund_id, actor=SWEEPER)
        return
    record_outcome(refund_id=refund_id, outcome=outcome, actor=SWEEPER)


def check(refund_id: str) -> None:
    """Ask the gateway about a refund by our reference."""
    account = _ask(refund_id=refund_id, actor=SWEEPER)
    if account is None:
        return
    outcome = accounts.gateway_of(account).fetch(account.merchant, refund_id)
    if outcome.status is Status.NOT_FOUND:
        _replan(refund_id=refund_id, actor=SWEEPER)
    else:
        record_outcome(refund_id=refund_id, outcome=outcome, actor=SWEEPER)


def sweep(limit: int = 200) -> int:
    """Move on every refund that is due. Gives how many it touched."""
    due = list(
        Refund.objects.filter(state__in=LIVE, next_check_at__lte=clock.now())
        .order_by("next_check_at")
        .values_list("id", "state")[:limit]
    )
    for refund_id, state in due:
        if state == Refund.State.PLANNED:
            submit(refund_id)
        else:
            check(refund_id)
    return len(due)


@command
def record_outcome(*, refund_id: str, outcome: Outcome, actor: Actor) -> Refund:
    """Let news about a refund take effect, once; on success everything the payment brought is undone to the cent."""
    refund = _locked(refund_id)
    before = refund.state
    if refund.state not in (Refund.State.SUBMITTED, Refund.State.UNKNOWN):
        commands.unchanged()
        return refund
    if outcome.status is Status.SUCCEEDED:
        refund.succeed()
        _give_back(refund)
    elif outcome.status is Status.DECLINED:
        refund.decline()
        refund.next_check_at = None
    elif refund.state == Refund.State.SUBMITTED:
        refund.lose_track()
    refund.gateway_reference = outcome.gateway_reference or refund.gateway_reference
    refund.outcome_code = outcome.code[:60]
    _save(refund, f"refund.{outcome.status}", before)
    return refund


def _give_back(refund: Refund) -> None:
    refund.next_check_at = None
    payment = refund.payment
    payment.refund()
    payment.save(update_fields=["state"])
    outcomes.undo(refund.attempt, reason=ReceiptReversal.Reason.REFUNDED)
    events.record(
        type="payment.refunded",
        organization_id=payment.policy.operator_id,
        object_id=payment.id,
        subject_id=payment.policy_id,
        data={
            "payment": payment.id,
            "policy": payment.policy_id,
            "refund": refund.id,
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
        },
    )


@command
def _begin(*, refund_id: str, actor: Actor) -> tuple[RefundOrder | None, GatewayAccount | None]:
    refund = _locked(refund_id)
    if refund.state != Refund.State.PLANNED:
        commands.unchanged()
        return None, None
    refund.submit()
    refund.submit_count += 1
    refund.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    _save(refund, "refund.submit", "planned")
    account = refund.attempt.account
    order = RefundOrder(
        reference=refund.id,
        merchant=account.merchant,
        charge_reference=refund.attempt_id,
        amount=Money(refund.amount_minor, refund.currency),
    )
    return order, account


@command
def _replan(*, refund_id: str, actor: Actor) -> None:
    """Surely not given: plan the same key again."""
    refund = _locked(refund_id)
    if refund.state not in (Refund.State.SUBMITTED, Refund.State.UNKNOWN):
        commands.unchanged()
        return
    before = refund.state
    refund.replan()
    refund.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    _save(refund, "refund.replan", before)


@command
def _ask(*, refund_id: str, actor: Actor) -> GatewayAccount | None:
    refund = _locked(refund_id)
    if refund.state not in LIVE or refund.next_check_at is None or refund.next_check_at > clock.now():
        commands.unchanged()
        return None
    before = refund.state
    if refund.state == Refund.State.SUBMITTED:
        refund.lose_track()
    refund.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    _save(refund, "refund.check", before)
    return refund.attempt.account


@step
def _locked(refund_id: str) -> Refund:
    policy_id = Refund.objects.filter(pk=refund_id).values_list("payment__policy_id", flat=True).first()
    if policy_id is None:
        raise NotFound(f"No refund {refund_id}.", field="refund_id")
    locks.lock(policy_id)
    return Refund.objects.select_related("payment__policy", "attempt__account", "attempt__payment__policy").get(
        pk=refund_id
    )


def _save(refund: Refund, action: str, before: str) -> None:
    refund.save()
    audit.record(
        action=action,
        object_id=refund.id,
        organization_id=refund.payment.policy.operator_id,
        before={"state": before},
        after={"state": refund.state, "code": refund.outcome_code},
    )
