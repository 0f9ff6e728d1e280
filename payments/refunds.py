"""Refunds: a succeeded payment given back, whole or in part, by the same door-keeping as charges."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db.models import QuerySet

from billing.models import ReceiptReversal
from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition
from coverpay.kernel.money import Money
from payments import contradictions, errands, journal, outcomes, takings
from payments.errands import SCHEDULE, SWEEPER, Errand, note
from payments.gateways.base import Gateway, Outcome, RefundOrder, Status
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

S = Refund.State


class _Refunds(Errand[Refund, RefundOrder]):
    """Refunds as errands."""

    noun = "refund"
    asked = (S.SUBMITTED, S.UNKNOWN)
    review_event = "refund.needs_review"
    wake = "payments.submit_refund"

    def live(self) -> QuerySet[Refund]:
        return Refund.objects.filter(state__in=LIVE)

    def locked(self, id: str) -> Refund:
        return _locked(id)

    def begin(self, id: str) -> tuple[RefundOrder | None, GatewayAccount | None]:
        return _begin(refund_id=id, actor=SWEEPER)

    def send(self, gateway: Gateway, order: RefundOrder) -> Outcome:
        return gateway.refund(order)

    def answered(self, id: str, order: RefundOrder, outcome: Outcome) -> None:
        self.record(id, outcome)

    def not_sent(self, id: str, message: str) -> None:
        _not_sent(refund_id=id, message=message, actor=SWEEPER)

    def record(self, id: str, outcome: Outcome) -> None:
        record_outcome(refund_id=id, outcome=outcome, actor=SWEEPER)


REFUNDS = _Refunds()


def submit(refund_id: str) -> None:
    """Send a planned refund."""
    REFUNDS.submit(refund_id)


def check(refund_id: str) -> None:
    """Ask the gateway about a refund by our reference. Unreached, it is asked again later."""
    REFUNDS.check(refund_id)


def sweep(limit: int = 200) -> int:
    """Move on every refund that is due. Gives how many it touched."""
    return REFUNDS.sweep(limit)


@command
def record_outcome(*, refund_id: str, outcome: Outcome, actor: Actor) -> Refund:
    """The one door for news about a refund. On success everything the payment brought is undone to the cent.

    A refund of another amount than asked is UNKNOWN plus a break; one of a payment that the bank took back meanwhile
    gave the money back twice, which is a break too.
    """
    refund = _locked(refund_id)
    asked = Money(refund.amount_minor, refund.currency)
    if refund.state not in (S.SUBMITTED, S.UNKNOWN):
        _late(refund, outcome)
    elif outcome.status is Status.SUCCEEDED and outcome.amount not in (None, asked):
        assert outcome.amount is not None
        _lose_track(refund, outcome, next_check_at=None)
        contradictions.amount_differs(refund.attempt, asked, outcome.amount, subject_id=refund.id)
    elif outcome.status in (Status.SUCCEEDED, Status.DECLINED):
        _settle(refund, outcome)
    elif refund.state == S.SUBMITTED:
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
    if refund.state != S.UNKNOWN:
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
        S.SUCCEEDED: (Status.DECLINED, Status.RETURNED),
        S.DECLINED: (Status.SUCCEEDED,),
    }.get(refund.state, ())
    if outcome.status not in contrary or contradictions.said_otherwise(refund.attempt, refund, outcome) is None:
        commands.unchanged()


def _lose_track(refund: Refund, outcome: Outcome, *, next_check_at: dt.datetime | None) -> None:
    before = refund.state
    if refund.state == S.SUBMITTED:
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
    if refund.state != S.PLANNED:
        commands.unchanged()
        return None, None
    refund.submit()
    if refund.payment.state != Payment.State.SUCCEEDED:
        _withdraw(refund)
        return None, None
    refund.submit_count += 1
    refund.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    note(refund, "refund.submit", before=S.PLANNED)
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
    """The gateway was surely not reached: plan the same key again, or give up at last."""
    refund = _locked(refund_id)
    if refund.state != S.SUBMITTED:
        commands.unchanged()
    elif refund.submit_count >= SCHEDULE.submits:
        _settle(refund, Outcome(Status.DECLINED, code="gateway_unreachable", message=message))
    else:
        errands.replan(REFUNDS, refund, message)


@step
def _locked(refund_id: str) -> Refund:
    outcomes.lock_payment(Refund.objects.filter(pk=refund_id).values_list("payment_id", flat=True).first(), "refund")
    rows = Refund.objects.select_related("attempt__account", "attempt__payment__policy")
    refund = rows.get(pk=refund_id)
    refund.payment = refund.attempt.payment
    return refund


def _save(refund: Refund, outcome: Outcome, before: str, *, reason: str = "") -> None:
    refund.gateway_reference = texts.shown(outcome.gateway_reference, 80) or refund.gateway_reference
    refund.outcome_code = texts.shown(outcome.code, 60) or refund.outcome_code
    refund.outcome_message = texts.shown(outcome.message, 300)
    refund.save()
    audit.record(
        action=f"refund.{outcome.status}",
        object_id=refund.id,
        organization_id=refund.payment.policy.operator_id,
        before={"state": before},
        after={"state": refund.state, "code": refund.outcome_code},
        reason=reason or texts.shown(outcome.message, 300),
    )
