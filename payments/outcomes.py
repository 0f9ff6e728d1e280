"""What an outcome does to an attempt, its payment, the cash and the books."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from billing import cash
from billing.models import Receipt, ReceiptReversal
from compliance import audit, events
from coverpay.kernel import clock, commands
from coverpay.kernel.commands import step
from coverpay.kernel.errors import NotFound
from coverpay.kernel.money import Money
from payments import journal
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Payment
from policies import locks
from reconciliation import breaks
from reconciliation.models import Break

S = Attempt.State
_OPEN = (S.PLANNED, S.SUBMITTED, S.PENDING, S.UNKNOWN)


@step
def locked(attempt_id: str) -> Attempt:
    """Lock the attempt's policy, then read the attempt as it is now. Raises: NotFound."""
    policy_id = Attempt.objects.filter(pk=attempt_id).values_list("payment__policy_id", flat=True).first()
    if policy_id is None:
        raise NotFound(f"No attempt {attempt_id}.", field="attempt_id")
    locks.lock(policy_id)
    return Attempt.objects.select_related("payment__policy", "payment__invoice", "account").get(pk=attempt_id)


@step
def enter(attempt: Attempt, outcome: Outcome) -> None:
    """Let news about a locked attempt take effect, once."""
    if _amount_differs(attempt, outcome) and attempt.state in _OPEN:
        _amount_break(attempt, outcome)
    elif attempt.state in _OPEN:
        settle(attempt, outcome)
    elif outcome.status is Status.RETURNED and attempt.state == S.SUCCEEDED:
        _returned(attempt, outcome)
    elif _contradicts(attempt, outcome):
        _contradiction(attempt, outcome)
    else:
        commands.unchanged()


@step
def settle(attempt: Attempt, outcome: Outcome) -> None:
    """Move an undecided attempt to what the outcome says."""
    if outcome.status is Status.PENDING:
        _pending(attempt, outcome)
    elif outcome.status is Status.UNKNOWN:
        _unknown(attempt, outcome)
    elif outcome.status is Status.DECLINED:
        _declined(attempt, outcome)
    else:
        _succeeded(attempt, outcome)
        if outcome.status is Status.RETURNED:
            _returned(attempt, outcome)


def _pending(attempt: Attempt, outcome: Outcome) -> None:
    if attempt.state == S.PENDING:
        commands.unchanged()
        return
    before = _sent(attempt)
    attempt.wait()
    attempt.check_count = 0
    attempt.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    _save(attempt, outcome, before)
    _event("payment.pending", attempt)


def _unknown(attempt: Attempt, outcome: Outcome) -> None:
    if attempt.state not in (S.SUBMITTED, S.PENDING):
        commands.unchanged()
        return
    before = attempt.state
    attempt.lose_track()
    attempt.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    _save(attempt, outcome, before)


def _declined(attempt: Attempt, outcome: Outcome) -> None:
    before = _sent(attempt)
    attempt.decline()
    _decided(attempt)
    _save(attempt, outcome, before)
    attempt.payment.fail()
    attempt.payment.save(update_fields=["state"])
    _event("payment.failed", attempt)


def _succeeded(attempt: Attempt, outcome: Outcome) -> None:
    before = _sent(attempt)
    amount = outcome.amount or Money(attempt.amount_minor, attempt.currency)
    attempt.succeed()
    attempt.taken_minor = amount.amount_minor
    _decided(attempt)
    _save(attempt, outcome, before)
    payment = attempt.payment
    payment.succeed()
    payment.save(update_fields=["state"])
    today = clock.today()
    journal.payment_taken(attempt, amount, today)
    receipt = cash.receive(payment.policy, source_id=payment.id, amount=amount, received_on=today)
    cash.apply(receipt)
    _event("payment.succeeded", attempt)


def _returned(attempt: Attempt, outcome: Outcome) -> None:
    payment = attempt.payment
    if payment.state != Payment.State.SUCCEEDED:
        commands.unchanged()
        return
    payment.bounce()
    payment.save(update_fields=["state"])
    undo(attempt, reason=ReceiptReversal.Reason.RETURNED)
    _save(attempt, outcome, attempt.state)
    _event("payment.returned", attempt)


@step
def undo(attempt: Attempt, *, reason: str) -> None:
    """Give back what a succeeded attempt brought: applications, receipt and postings, by exact opposites."""
    receipt = Receipt.objects.get(source_id=attempt.payment_id)
    cash.take_back(receipt, reason=reason, on=clock.today())
    journal.payment_undone(attempt, reason=reason, on=clock.today())


def _contradicts(attempt: Attempt, outcome: Outcome) -> bool:
    """Money said to move after we decided it did not, or the other way round."""
    says_taken = outcome.status in (Status.SUCCEEDED, Status.RETURNED)
    if attempt.state == S.DECLINED:
        return says_taken
    return attempt.state == S.SUCCEEDED and outcome.status is Status.DECLINED


def _contradiction(attempt: Attempt, outcome: Outcome) -> None:
    taken = attempt.amount_minor if attempt.state == S.DECLINED else -attempt.amount_minor
    opened = breaks.open_break(
        organization_id=attempt.payment.policy.operator_id,
        kind=Break.Kind.GATEWAY_CONTRADICTS,
        subject_id=attempt.id,
        difference=Money(taken, attempt.currency),
        reason=f"The processor now says {outcome.status}; the attempt was {attempt.state} before.",
        inputs={"code": outcome.code, "gateway_reference": outcome.gateway_reference},
    )
    if opened is None:
        commands.unchanged()


def _amount_differs(attempt: Attempt, outcome: Outcome) -> bool:
    if outcome.status not in (Status.SUCCEEDED, Status.PENDING, Status.RETURNED) or outcome.amount is None:
        return False
    return outcome.amount != Money(attempt.amount_minor, attempt.currency)


def _amount_break(attempt: Attempt, outcome: Outcome) -> None:
    """A reply with another amount than asked is UNKNOWN plus a break; a person decides."""
    assert outcome.amount is not None
    changed = attempt.state != S.UNKNOWN or attempt.next_check_at is not None
    if changed:
        before = _sent(attempt)
        if attempt.state != S.UNKNOWN:
            attempt.lose_track()
        attempt.next_check_at = None
        _save(attempt, outcome, before)
    asked = Money(attempt.amount_minor, attempt.currency)
    same_currency = outcome.amount.currency == asked.currency
    opened = breaks.open_break(
        organization_id=attempt.payment.policy.operator_id,
        kind=Break.Kind.GATEWAY_AMOUNT,
        subject_id=attempt.id,
        difference=outcome.amount - asked if same_currency else outcome.amount,
        reason=f"Asked for {asked}, the processor reports {outcome.amount}.",
        inputs={
            "asked_minor": asked.amount_minor,
            "reported_minor": outcome.amount.amount_minor,
        },
    )
    if opened is not None:
        _event("payment.needs_review", attempt)
    elif not changed:
        commands.unchanged()


def _sent(attempt: Attempt) -> str:
    """The state before; news about a replanned attempt shows that it was sent after all."""
    before: str = attempt.state
    if attempt.state == S.PLANNED:
        attempt.submit()
    return before


def _decided(attempt: Attempt) -> None:
    attempt.decided_at = clock.now()
    attempt.next_check_at = None


def _save(attempt: Attempt, outcome: Outcome, before: str) -> None:
    attempt.gateway_reference = outcome.gateway_reference or attempt.gateway_reference
    attempt.outcome_code = outcome.code[:60]
    attempt.outcome_message = outcome.message[:300]
    attempt.save()
    audit.record(
        action=f"attempt.{outcome.status}",
        object_id=attempt.id,
        organization_id=attempt.payment.policy.operator_id,
        before={"state": before},
        after={
            "state": attempt.state,
            "code": outcome.code,
            "gateway_reference": attempt.gateway_reference,
        },
    )


def _event(type: str, attempt: Attempt) -> None:
    payment = attempt.payment
    events.record(
        type=type,
        organization_id=payment.policy.operator_id,
        object_id=payment.id,
        subject_id=payment.policy_id,
        data={
            "payment": payment.id,
            "policy": payment.policy_id,
            "invoice": payment.invoice_id,
            "amount_minor": attempt.taken_minor or attempt.amount_minor,
            "currency": attempt.currency,
            "code": attempt.outcome_code,
        },
    )
