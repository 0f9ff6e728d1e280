"""Refunds: a succeeded payment given back, whole or in part, by the same door-keeping as charges."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from billing.models import ReceiptReversal
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition
from coverpay.kernel.money import Money
from payments import accounts, contradictions, journal, outcomes, sweeps, takings
from payments.attempts import MAX_SUBMITS, SWEEPER
from payments.gateways.base import NotSent, Outcome, RefundOrder, Status
from payments.models import Attempt, GatewayAccount, Payment, Refund
from payments.refund_requests import LIVE, NotRefundable, plan_locked, refundable_minor, request

__all__ = [
    "NotRefundable",
    "check",
    "plan_locked",
    "record_outcome",
    "refundable_minor",
    "request",
    "resolve",
    "submit",
    "sweep",
]

LONGEST_WAIT = dt.timedelta(hours=12)
HANDED_OVER_AFTER = dt.timedelta(hours=24)
"""A refund that the processor cannot tell of for so long goes to a person. One it calls pending is waited for."""


def submit(refund_id: str) -> None:
    """Send a planned refund: command, network, command."""
    order, account = _begin(refund_id=refund_id, actor=SWEEPER)
    if order is None or account is None:
        return
    try:
        outcome = accounts.gateway_of(account).refund(order)
    except NotSent as error:
        _not_sent(refund_id=refund_id, message=str(error), actor=SWEEPER)
        return
    record_outcome(refund_id=refund_id, outcome=outcome, actor=SWEEPER)


def check(refund_id: str) -> None:
    """Ask the gateway about a refund by our reference. Unreached, it is asked again later."""
    account = _ask(refund_id=refund_id, actor=SWEEPER)
    if account is None:
        return
    try:
        outcome = accounts.gateway_of(account).fetch(account.merchant, refund_id)
    except NotSent:
        outcome = Outcome(Status.UNKNOWN)
    if outcome.status is Status.NOT_FOUND:
        _never_heard_of(refund_id=refund_id, actor=SWEEPER)
    elif outcome.status is Status.UNKNOWN:
        _hand_over(refund_id=refund_id, actor=SWEEPER)
    else:
        record_outcome(refund_id=refund_id, outcome=outcome, actor=SWEEPER)


def sweep(limit: int = 200) -> int:
    """Move on every refund that is due. Gives how many it touched."""
    due = list(
        Refund.objects.filter(state__in=LIVE, next_check_at__lte=clock.now())
        .order_by("next_check_at")
        .values_list("id", "state")[:limit]
    )
    planned = [refund_id for refund_id, state in due if state == Refund.State.PLANNED]
    sent = [refund_id for refund_id, state in due if state != Refund.State.PLANNED]
    return sweeps.each(planned, submit) + sweeps.each(sent, check)


@command
def record_outcome(*, refund_id: str, outcome: Outcome, actor: Actor) -> Refund:
    """The one door for news about a refund. On success everything the payment brought is undone to the cent.

    A refund of another amount than asked is UNKNOWN plus a break; one of a payment that the bank took back meanwhile
    gave the money back twice, which is a break too.
    """
    refund = _locked(refund_id)
    asked = Money(refund.amount_minor, refund.currency)
    if refund.state not in (Refund.State.SUBMITTED, Refund.State.UNKNOWN):
        _late(refund, outcome)
    elif outcome.status is Status.SUCCEEDED and outcome.amount not in (None, asked):
        assert outcome.amount is not None
        _lose_track(refund, outcome, next_check_at=None)
        contradictions.amount_differs(refund.attempt, asked, outcome.amount, subject_id=refund.id)
    elif outcome.status in (Status.SUCCEEDED, Status.DECLINED):
        _settle(refund, outcome)
    elif refund.state == Refund.State.SUBMITTED:
        _lose_track(refund, outcome, next_check_at=refund.next_check_at)
    else:
        commands.unchanged()
    return refund


@command
def resolve(*, refund_id: str, given: bool, reason: str, actor: Actor) -> Refund:
    """A person decides a refund nobody could: the money went back, or it did not.

    Raises: NotFound, Forbidden, IllegalTransition unless the outcome is unknown, Invalid without a reason.
    """
    access.get_operable(
        actor, Refund.objects.all(), refund_id, permission=Permission.RECONCILIATION_WRITE, field="refund"
    )
    reason = texts.line(reason, field="reason", at_most=300)
    refund = _locked(refund_id)
    if refund.state != Refund.State.UNKNOWN:
        raise IllegalTransition(
            f"The refund is {refund.get_state_display().lower()}; only an unknown one is decided.", field="refund"
        )
    status = Status.SUCCEEDED if given else Status.DECLINED
    _settle(refund, Outcome(status, refund.gateway_reference, "decided_by_person"), reason=reason)
    contradictions.close_amount(refund.id, reason=reason)
    return refund


@step
def _settle(refund: Refund, outcome: Outcome, *, reason: str = "") -> None:
    before = refund.state
    refund.next_check_at = None
    if outcome.status is Status.DECLINED:
        refund.decline()
    else:
        refund.succeed()
    _save(refund, outcome, before, reason=reason)
    if outcome.status is Status.SUCCEEDED and refund.payment.state == Payment.State.SUCCEEDED:
        _give_back(refund)
    elif outcome.status is Status.SUCCEEDED:
        contradictions.given_back_twice(refund.attempt, refund.id)


def _late(refund: Refund, outcome: Outcome) -> None:
    """News about a refund that is decided, or to be sent again: only a contradiction matters, and becomes a break."""
    contrary = {
        Refund.State.SUCCEEDED: (Status.DECLINED, Status.RETURNED),
        Refund.State.DECLINED: (Status.SUCCEEDED,),
    }.get(refund.state, ())
    if outcome.status not in contrary or contradictions.said_otherwise(refund.attempt, refund, outcome) is None:
        commands.unchanged()


def _lose_track(refund: Refund, outcome: Outcome, *, next_check_at: dt.datetime | None) -> None:
    before = refund.state
    if refund.state == Refund.State.SUBMITTED:
        refund.lose_track()
    refund.next_check_at = next_check_at
    _save(refund, outcome, before)


def _give_back(refund: Refund) -> None:
    """Undo what the payment brought: all of it by exact opposites, or what of it went back."""
    payment, attempt = refund.payment, refund.attempt
    taken = attempt.taken_minor or attempt.amount_minor
    before, _ = takings.given_back(payment, apart_from=refund.id)
    whole = before + refund.amount_minor >= taken
    if whole:
        payment.refund()
        payment.save(update_fields=["state"])
    if whole and not before and not refund.disbursement_id and not takings.gone_minor(payment):
        takings.undo(attempt, reason=ReceiptReversal.Reason.REFUNDED)
    else:
        _draw(refund, attempt)
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
            "whole": whole,
        },
    )


def _draw(refund: Refund, attempt: Attempt) -> None:
    overdrawn = takings.draw(
        attempt,
        source_id=refund.id,
        kind=journal.REFUND_GIVEN,
        amount=Money(refund.amount_minor, refund.currency),
        surcharge_minor=refund.surcharge_minor,
        reason=ReceiptReversal.Reason.REFUNDED,
    )
    if overdrawn:
        contradictions.overdrawn(attempt, overdrawn, by=refund.id)


@command
def _begin(*, refund_id: str, actor: Actor) -> tuple[RefundOrder | None, GatewayAccount | None]:
    refund = _locked(refund_id)
    if refund.state != Refund.State.PLANNED:
        commands.unchanged()
        return None, None
    refund.submit()
    if refund.payment.state != Payment.State.SUCCEEDED:
        _withdraw(refund)
        return None, None
    refund.submit_count += 1
    refund.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    _save(refund, Outcome(Status.UNKNOWN), Refund.State.PLANNED, action="refund.submit")
    account = refund.attempt.account
    order = RefundOrder(
        reference=refund.id,
        merchant=account.merchant,
        charge_reference=refund.attempt_id,
        amount=Money(refund.amount_minor, refund.currency),
        charge_gateway_reference=refund.attempt.gateway_reference,
    )
    return order, account


def _withdraw(refund: Refund) -> None:
    """The bank took the payment back before the refund was sent: sending it would give the money back twice."""
    refund.save(update_fields=["state"])
    state = refund.payment.state
    _settle(refund, Outcome(Status.DECLINED, code=f"payment_{state}", message=f"the payment was {state} meanwhile"))


@command
def _not_sent(*, refund_id: str, message: str, actor: Actor) -> None:
    """The gateway was surely not reached: plan the same key again, or give up after MAX_SUBMITS."""
    refund = _locked(refund_id)
    if refund.state != Refund.State.SUBMITTED:
        commands.unchanged()
    elif refund.submit_count >= MAX_SUBMITS:
        _settle(refund, Outcome(Status.DECLINED, code="gateway_unreachable", message=message))
    else:
        _replan(refund)


@command
def _never_heard_of(*, refund_id: str, actor: Actor) -> None:
    """The gateway has no such refund: sending the same key again cannot give back twice, if the gateway promises so."""
    refund = _locked(refund_id)
    idempotent = accounts.capabilities_of(refund.attempt.account).idempotent
    if refund.state == Refund.State.UNKNOWN and idempotent and refund.submit_count < MAX_SUBMITS:
        _replan(refund)
    else:
        _hand_over_old(refund)


@command
def _hand_over(*, refund_id: str, actor: Actor) -> None:
    """The processor cannot tell; once that lasts, a person must."""
    _hand_over_old(_locked(refund_id))


@step
def _hand_over_old(refund: Refund) -> None:
    old = clock.now() - refund.created_at >= HANDED_OVER_AFTER
    if refund.state != Refund.State.UNKNOWN or refund.next_check_at is None or not old:
        commands.unchanged()
        return
    refund.next_check_at = None
    _save(refund, Outcome(Status.UNKNOWN), refund.state, action="refund.hand_over")
    events.record(
        type="refund.needs_review",
        organization_id=refund.payment.policy.operator_id,
        object_id=refund.payment_id,
        subject_id=refund.payment.policy_id,
        data={"refund": refund.id, "payment": refund.payment_id, "code": refund.outcome_code},
    )


def _replan(refund: Refund) -> None:
    before = refund.state
    refund.replan()
    refund.next_check_at = clock.now() + _wait(refund)
    _save(refund, Outcome(Status.UNKNOWN), before, action="refund.replan")


@command
def _ask(*, refund_id: str, actor: Actor) -> GatewayAccount | None:
    refund = _locked(refund_id)
    sent = refund.state in (Refund.State.SUBMITTED, Refund.State.UNKNOWN)
    if not sent or refund.next_check_at is None or refund.next_check_at > clock.now():
        commands.unchanged()
        return None
    before = refund.state
    if refund.state == Refund.State.SUBMITTED:
        refund.lose_track()
    refund.next_check_at = clock.now() + _wait(refund)
    _save(refund, Outcome(Status.UNKNOWN), before, action="refund.check")
    return refund.attempt.account


def _wait(refund: Refund) -> dt.timedelta:
    """How long until we ask or send again: half as long again as it has taken already, within bounds."""
    at_least = dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    return max(at_least, min((clock.now() - refund.created_at) / 2, LONGEST_WAIT))


@step
def _locked(refund_id: str) -> Refund:
    outcomes.lock_payment(Refund.objects.filter(pk=refund_id).values_list("payment_id", flat=True).first(), "refund")
    rows = Refund.objects.select_related("attempt__account", "attempt__payment__policy")
    refund = rows.get(pk=refund_id)
    refund.payment = refund.attempt.payment
    return refund


def _save(refund: Refund, outcome: Outcome, before: str, *, action: str = "", reason: str = "") -> None:
    refund.gateway_reference = texts.shown(outcome.gateway_reference, 80) or refund.gateway_reference
    refund.outcome_code = texts.shown(outcome.code, 60) or refund.outcome_code
    refund.save()
    audit.record(
        action=action or f"refund.{outcome.status}",
        object_id=refund.id,
        organization_id=refund.payment.policy.operator_id,
        before={"state": before},
        after={"state": refund.state, "code": refund.outcome_code},
        reason=reason or texts.shown(outcome.message, 300),
    )
