"""Attempts: sent once under our key, and decided by one door, whoever brings the news.

How an attempt is sent and asked about is `payments.errands`; the answer enters by `record_outcome` like any other news.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.conf import settings
from django.db.models import QuerySet

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import IllegalTransition, Invalid
from coverpay.kernel.money import MAX_MINOR, Money
from payments import accounts, collection, contradictions, errands, health, orders, outcomes
from payments.errands import SCHEDULE, SWEEPER, Errand, note
from payments.gateways.base import CaptureOrder, Charge, Gateway, Outcome, Status
from payments.models import Attempt, GatewayAccount, PaymentMethod
from payments.orders import LettingGo
from payments.routing import Decision

__all__ = ["CHARGES", "SWEEPER", "check", "record_outcome", "resolve", "submit", "sweep"]

S = Attempt.State


class _Charges(Errand[Attempt, orders.Order]):
    """Attempts as errands: charged, captured or let go, and asked about."""

    noun = "attempt"
    asked = (S.SUBMITTED, S.PENDING, S.UNKNOWN)
    review_event = "payment.needs_review"
    wake = "payments.submit"

    def live(self) -> QuerySet[Attempt]:
        return Attempt.objects.filter(state__in=Attempt.LIVE)

    def locked(self, id: str) -> Attempt:
        return outcomes.locked(id)

    def next_step(self, row: Attempt) -> Callable[[str], None]:
        if row.state == S.AUTHORIZED and row.phase == Attempt.Phase.CHARGE:
            return lambda id: _let_go_in_time(attempt_id=id, actor=SWEEPER)
        return self.submit if orders.to_send(row.state, row.phase) else self.check

    def begin(self, id: str) -> tuple[orders.Order | None, GatewayAccount | None]:
        return _begin(attempt_id=id, actor=SWEEPER)

    def send(self, gateway: Gateway, order: orders.Order) -> Outcome:
        if isinstance(order, Charge):
            return gateway.charge(order)
        if isinstance(order, CaptureOrder):
            return gateway.capture(order)
        return gateway.void(order.merchant, order.charge_reference)

    def answered(self, id: str, order: orders.Order, outcome: Outcome) -> None:
        if isinstance(order, LettingGo):
            _let_go_answered(attempt_id=id, outcome=outcome, actor=SWEEPER)
        else:
            self.record(id, outcome)

    def not_sent(self, id: str, message: str) -> None:
        _not_sent(attempt_id=id, message=message, actor=SWEEPER)

    def record(self, id: str, outcome: Outcome) -> None:
        record_outcome(attempt_id=id, outcome=outcome, actor=SWEEPER)


CHARGES = _Charges()


def submit(attempt_id: str) -> None:
    """Send what is planned of an attempt."""
    CHARGES.submit(attempt_id)


def check(attempt_id: str) -> None:
    """Ask the gateway about an attempt by our reference and record what it says. Unreached, it is asked again later."""
    CHARGES.check(attempt_id)


def sweep(limit: int = 200) -> int:
    """Move on every attempt that is due: send what was planned, ask about what was sent. Gives how many it touched."""
    return CHARGES.sweep(limit)


@command
def record_outcome(*, attempt_id: str, outcome: Outcome, actor: Actor) -> Attempt:
    """The one door for results: from a reply, a webhook, a poll or a person.

    Late, repeated and out-of-order news is harmless: what is known already changes nothing, and what contradicts it
    becomes a break for a person.
    """
    attempt = outcomes.locked(attempt_id)
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
    attempt = outcomes.locked(attempt_id)
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
    attempt = outcomes.locked(attempt_id)
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
    note(attempt, "attempt.submit", before=before)
    return orders.of(attempt), attempt.account


def _is_blocked(attempt: Attempt) -> bool:
    """Whether the bank or network has said since it was planned that the method may never be charged again."""
    method = attempt.payment.payment_method
    return method is not None and method.state == PaymentMethod.State.BLOCKED


@command
def _not_sent(*, attempt_id: str, message: str, actor: Actor) -> None:
    """The gateway was surely not reached: go on at another account, plan the same key again, or give up at last."""
    attempt = outcomes.locked(attempt_id)
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
    elif attempt.submit_count >= SCHEDULE.submits:
        outcomes.enter(
            attempt,
            Outcome(Status.DECLINED, code="gateway_unreachable", message=message),
        )
    else:
        errands.replan(CHARGES, attempt, message)


def _go_on(attempt: Attempt, elsewhere: Decision, message: str) -> None:
    """Send the payment to another account: this attempt, surely never sent, gives way to the next."""
    before = attempt.state
    attempt.void()
    attempt.outcome_code, attempt.outcome_message = "not_sent", texts.shown(message, 300)
    attempt.decided_at, attempt.next_check_at = clock.now(), None
    note(attempt, "attempt.give_way", before=before)
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
    attempt.next_check_at = clock.now() + SCHEDULE.wait(attempt.submit_count - 1)
    attempt.outcome_message = texts.shown(message, 300)
    note(attempt, "attempt.put_off", before=before)


@command
def _let_go_answered(*, attempt_id: str, outcome: Outcome, actor: Actor) -> Attempt:
    """What a gateway said when asked to let a charge go: done, or what the charge is since that came too late."""
    attempt = outcomes.locked(attempt_id)
    if attempt.state == S.PENDING and outcome.status is Status.PENDING:
        attempt.phase = Attempt.Phase.CHARGE
        attempt.check_count = 0
        attempt.outcome_message = "Too late to stop it; refund it once it is taken."
        note(attempt, "attempt.not_stopped", before=attempt.state)
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
def _let_go_in_time(*, attempt_id: str, actor: Actor) -> None:
    """Plan to let go what was held for too long and is not to be captured."""
    attempt = outcomes.locked(attempt_id)
    due = attempt.next_check_at is not None and attempt.next_check_at <= clock.now()
    if attempt.state == S.AUTHORIZED and attempt.phase == Attempt.Phase.CHARGE and due:
        orders.plan_letting_go(attempt, "Held too long.")
    else:
        commands.unchanged()
