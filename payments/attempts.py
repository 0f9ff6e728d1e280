"""Attempts: sent once under our key, and decided by one door, whoever brings the news.

State is the queue. `submitted` is committed before anything is sent, so whatever dies afterwards, the sweep finds the
row, asks the gateway by our reference, and the answer enters by `record_outcome` like any other.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, jobs, texts
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition, Invalid
from coverpay.kernel.money import MAX_MINOR, Money
from payments import accounts, collection, contradictions, health, orders, outcomes, sweeps
from payments.gateways.base import CaptureOrder, Charge, Gateway, NotSent, Outcome, Status
from payments.models import Attempt, GatewayAccount, PaymentMethod
from payments.orders import LettingGo
from payments.routing import Decision

MAX_SUBMITS = 5
CHECKS = tuple(dt.timedelta(seconds=seconds) for seconds in settings.ATTEMPT_CHECK_SECONDS)
"""How long to wait between questions to the gateway; after the last, a person decides."""

SWEEPER = system("sweep")
S = Attempt.State
_ASKED = (S.SUBMITTED, S.PENDING, S.UNKNOWN, S.AUTHORIZED)


def submit(attempt_id: str) -> None:
    """Send what is planned of an attempt: command, network, command; no transaction is open on the way."""
    order, account = _begin(attempt_id=attempt_id, actor=SWEEPER)
    if order is None or account is None:
        return
    try:
        outcome = _carry_out(accounts.gateway_of(account), order)
    except NotSent as error:
        _not_sent(attempt_id=attempt_id, message=str(error), actor=SWEEPER)
        return
    if isinstance(order, LettingGo):
        _let_go_answered(attempt_id=attempt_id, outcome=outcome, actor=SWEEPER)
    else:
        record_outcome(attempt_id=attempt_id, outcome=outcome, actor=SWEEPER)


def _carry_out(gateway: Gateway, order: orders.Order) -> Outcome:
    if isinstance(order, Charge):
        return gateway.charge(order)
    if isinstance(order, CaptureOrder):
        return gateway.capture(order)
    return gateway.void(order.merchant, order.charge_reference)


def check(attempt_id: str) -> None:
    """Ask the gateway about an attempt by our reference and record what it says. Unreached, it is asked again later."""
    account = _ask(attempt_id=attempt_id, actor=SWEEPER)
    if account is None:
        return
    try:
        outcome = accounts.gateway_of(account).fetch(account.merchant, attempt_id)
    except NotSent:
        return
    if outcome.status is Status.NOT_FOUND:
        _never_heard_of(attempt_id=attempt_id, actor=SWEEPER)
    else:
        record_outcome(attempt_id=attempt_id, outcome=outcome, actor=SWEEPER)


def sweep(limit: int = 200) -> int:
    """Move on every attempt that is due: send what was planned, ask about what was sent. Gives how many it touched."""
    due = list(
        Attempt.objects.filter(state__in=Attempt.LIVE, next_check_at__lte=clock.now())
        .order_by("next_check_at")
        .values_list("id", "state", "phase")[:limit]
    )
    planned = [attempt_id for attempt_id, state, phase in due if orders.to_send(state, phase)]
    sent = [attempt_id for attempt_id, state, phase in due if not orders.to_send(state, phase)]
    return sweeps.each(planned, submit) + sweeps.each(sent, check)


@command
def record_outcome(*, attempt_id: str, outcome: Outcome, actor: Actor) -> Attempt:
    """The one door for results: from a reply, a webhook, a poll or a person.

    Late, repeated and out-of-order news is harmless: what is known already changes nothing, and what contradicts it
    becomes a break for a person.
    """
    attempt = _locked(attempt_id)
    if attempt.state == S.SUBMITTED:
        _note_health(attempt, outcome)
    outcomes.enter(attempt, outcome)
    return attempt


@command
def resolve(
    *,
    attempt_id: str,
    taken: bool,
    reason: str,
    actor: Actor,
    amount_minor: int | None = None,
) -> Attempt:
    """A person decides an attempt nobody could: the money was taken, or it was not.

    Takes:  `amount_minor`, what was taken when it differs from what we asked for.
    Raises: NotFound, Forbidden, IllegalTransition unless the outcome is unknown, Invalid (reason, amount).
    """
    access.get_operable(
        actor,
        Attempt.objects.all(),
        attempt_id,
        permission=Permission.RECONCILIATION_WRITE,
        field="attempt",
    )
    reason = texts.line(reason, field="reason", at_most=300)
    if amount_minor is not None and not (taken and 0 < amount_minor <= MAX_MINOR):
        raise Invalid("Only an amount above zero that was taken can be named.", field="amount_minor")
    attempt = _locked(attempt_id)
    if attempt.state != S.UNKNOWN:
        raise IllegalTransition(
            f"The attempt is {attempt.get_state_display().lower()}; only an unknown one is decided.",
            field="attempt",
        )
    amount = Money(amount_minor or attempt.capture_minor or attempt.amount_minor, attempt.currency)
    status = Status.SUCCEEDED if taken else Status.DECLINED
    outcomes.settle(
        attempt,
        Outcome(status, attempt.gateway_reference, "decided_by_person", reason, amount),
    )
    contradictions.close_amount(attempt.id, reason=reason)
    return attempt


@command
def _begin(*, attempt_id: str, actor: Actor) -> tuple[orders.Order | None, GatewayAccount | None]:
    attempt = _locked(attempt_id)
    before, now = attempt.state, clock.now()
    again = before == S.PENDING and attempt.next_check_at is not None and attempt.next_check_at > now
    if not orders.to_send(attempt.state, attempt.phase) or again:
        commands.unchanged()
        return None, None
    if before == S.PLANNED and _is_blocked(attempt):
        outcomes.enter(attempt, Outcome(Status.DECLINED, code="method_blocked", message="Blocked before it was sent."))
        return None, None
    if before == S.PLANNED:
        attempt.submit()
    elif before == S.AUTHORIZED:
        attempt.send_on()
    attempt.submit_count += 1
    attempt.next_check_at = now + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    _save(attempt, "attempt.submit", before=before)
    return orders.of(attempt), attempt.account


def _is_blocked(attempt: Attempt) -> bool:
    """Whether the bank or network has said since it was planned that the method may never be charged again."""
    method = attempt.payment.payment_method
    return method is not None and method.state == PaymentMethod.State.BLOCKED


@command
def _not_sent(*, attempt_id: str, message: str, actor: Actor) -> None:
    """The gateway was surely not reached: go on at another account, plan the same key again, or give up at last."""
    attempt = _locked(attempt_id)
    if attempt.phase != Attempt.Phase.CHARGE:
        _put_off(attempt, message)
        return
    if attempt.state != S.SUBMITTED:
        commands.unchanged()
        return
    health.failed(attempt.account, message)
    tried = set(attempt.payment.attempts.values_list("account_id", flat=True))
    elsewhere = accounts.next_choice(attempt.routing, tried, why=message)
    if elsewhere is not None:
        _go_on(attempt, elsewhere, message)
    elif attempt.submit_count >= MAX_SUBMITS:
        outcomes.enter(
            attempt,
            Outcome(Status.DECLINED, code="gateway_unreachable", message=message),
        )
    else:
        _replan(attempt, message)


def _go_on(attempt: Attempt, elsewhere: Decision, message: str) -> None:
    """Send the payment to another account: this attempt, surely never sent, gives way to the next."""
    before = attempt.state
    attempt.void()
    attempt.outcome_code, attempt.outcome_message = "not_sent", texts.shown(message, 300)
    attempt.decided_at, attempt.next_check_at = clock.now(), None
    _save(attempt, "attempt.give_way", before=before)
    following = collection.plan_attempt(attempt.payment, elsewhere, number=attempt.number + 1)
    outcomes.tell("payment.rerouted", following)
    jobs.wake("payments.submit", following.id)


def _put_off(attempt: Attempt, message: str) -> None:
    """A capture, or a letting go, did not reach the gateway: the money is held as before, and it is sent later."""
    before = attempt.state
    if before == S.SUBMITTED:
        attempt.hold()
    elif before != S.PENDING:
        commands.unchanged()
        return
    health.failed(attempt.account, message)
    attempt.next_check_at = clock.now() + _pause(attempt.submit_count)
    attempt.outcome_message = texts.shown(message, 300)
    _save(attempt, "attempt.put_off", before=before)


@command
def _let_go_answered(*, attempt_id: str, outcome: Outcome, actor: Actor) -> Attempt:
    """What a gateway said when asked to let a charge go: done, or what the charge is since that came too late."""
    attempt = _locked(attempt_id)
    if attempt.state == S.PENDING and outcome.status is Status.PENDING:
        attempt.phase = Attempt.Phase.CHARGE
        attempt.check_count = 0
        attempt.outcome_message = "Too late to stop it; refund it once it is taken."
        _save(attempt, "attempt.not_stopped", before=attempt.state)
        outcomes.tell("payment.not_stopped", attempt)
    elif attempt.state == S.SUBMITTED and outcome.status is Status.AUTHORIZED:
        _put_off(attempt, "The gateway did not let it go; asked again later.")
    elif attempt.state == S.PENDING and outcome.status is Status.UNKNOWN:
        commands.unchanged()
    else:
        outcomes.enter(attempt, outcome)
    return attempt


def _note_health(attempt: Attempt, outcome: Outcome) -> None:
    if outcome.status is Status.UNKNOWN:
        health.failed(attempt.account, outcome.message or outcome.code or "no answer")
    else:
        health.worked(attempt.account)


@command
def _never_heard_of(*, attempt_id: str, actor: Actor) -> None:
    """The gateway has no such charge: sending the same key again cannot charge twice, if the gateway promises so."""
    attempt = _locked(attempt_id)
    idempotent = accounts.capabilities_of(attempt.account).idempotent
    if attempt.state == S.UNKNOWN and idempotent and attempt.submit_count < MAX_SUBMITS:
        _replan(attempt, "the gateway never heard of it")
        jobs.wake("payments.submit", attempt.id)
    else:
        commands.unchanged()


@command
def _ask(*, attempt_id: str, actor: Actor) -> GatewayAccount | None:
    """Note that we are asking. A sent attempt whose lease ran out is unknown from here on."""
    attempt = _locked(attempt_id)
    now = clock.now()
    if attempt.state not in _ASKED or attempt.next_check_at is None or attempt.next_check_at > now:
        commands.unchanged()
        return None
    before = attempt.state
    if attempt.state == S.AUTHORIZED:
        orders.plan_letting_go(attempt, "Held too long.")
        return None
    if attempt.state == S.SUBMITTED:
        attempt.lose_track()
    wait = _wait(attempt)
    attempt.check_count += 1
    attempt.next_check_at = None if wait is None else now + wait
    _save(attempt, "attempt.check", before=before)
    if wait is None:
        _hand_over(attempt)
    return attempt.account


def _wait(attempt: Attempt) -> dt.timedelta | None:
    """How long until the next question; None when the gateway had its chances and a person must decide.

    A pending charge is no mystery: the gateway has it, and a bank debit takes days. It is asked about until it ends.
    """
    if attempt.check_count < len(CHECKS):
        return CHECKS[attempt.check_count]
    return CHECKS[-1] if attempt.state == S.PENDING else None


def _pause(submit_count: int) -> dt.timedelta:
    """How long to leave a gateway alone that was not reached."""
    return CHECKS[min(submit_count - 1, len(CHECKS) - 1)]


def _replan(attempt: Attempt, message: str) -> None:
    before = attempt.state
    attempt.replan()
    attempt.next_check_at = clock.now() + (_pause(attempt.submit_count) if before == S.SUBMITTED else dt.timedelta())
    attempt.outcome_message = texts.shown(message, 300)
    _save(attempt, "attempt.replan", before=before)


@step
def _hand_over(attempt: Attempt) -> None:
    """The gateway would not say; a person must."""
    events.record(
        type="payment.needs_review",
        organization_id=attempt.payment.policy.operator_id,
        object_id=attempt.payment_id,
        subject_id=attempt.payment.policy_id,
        data={
            "payment": attempt.payment_id,
            "attempt": attempt.id,
            "code": attempt.outcome_code,
        },
    )


@step
def _locked(attempt_id: str) -> Attempt:
    """Lock the attempt's policy, then read the attempt. Raises: NotFound."""
    return outcomes.locked(attempt_id)


def _save(attempt: Attempt, action: str, *, before: str) -> None:
    attempt.save()
    audit.record(
        action=action,
        object_id=attempt.id,
        organization_id=attempt.payment.policy.operator_id,
        before={"state": before},
        after={"state": attempt.state, "submit_count": attempt.submit_count},
    )
