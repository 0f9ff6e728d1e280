"""What an outcome does to an attempt, its payment, the cash and the books."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from billing import cash, fees
from billing.models import Receipt, ReceiptReversal
from compliance import audit, events
from coverpay.kernel import clock, commands, jobs, texts
from coverpay.kernel.commands import step
from coverpay.kernel.errors import NotFound
from coverpay.kernel.money import Money
from payments import contradictions, methods, receipts, recovery, takings
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Payment, PaymentPart
from policies import locks
from policies.models import Policy
from reconciliation.models import Break

S, Phase = Attempt.State, Attempt.Phase
HOLD_DAYS = 7
"""What is held longer than this is asked about and let go: issuers drop the hold then, whatever we think."""
_OPEN = (S.PLANNED, S.SUBMITTED, S.PENDING, S.UNKNOWN, S.AUTHORIZED)
_WITH_AMOUNT = (Status.SUCCEEDED, Status.PENDING, Status.RETURNED, Status.AUTHORIZED)


@step
def locked(attempt_id: str) -> Attempt:
    """Lock every policy of the attempt's payment and those its money went on to, then read it. Raises: NotFound."""
    policies = _lock(list(PaymentPart.objects.filter(payment__attempts=attempt_id)), "attempt")
    rows = Attempt.objects.select_related("payment__invoice", "payment__payment_method", "account__breaker")
    attempt = rows.get(pk=attempt_id)
    attempt.payment.policy = policies[attempt.payment.policy_id]
    return attempt


@step
def lock_payment(payment_id: str | None, field: str = "payment") -> None:
    """Lock the policies of all parts of a payment, and those its cash was carried to. Raises: NotFound."""
    _lock(list(PaymentPart.objects.filter(payment=payment_id)) if payment_id else [], field)


def _lock(parts: list[PaymentPart], field: str) -> dict[str, Policy]:
    if not parts:
        raise NotFound(f"No such {field}.", field=field)
    carried: set[str] = set()
    if not parts[0].live:  # as long as a payment is undecided, it brought nothing that could be carried on
        receipts = Receipt.objects.filter(source_id__in=[part.source_id for part in parts])
        carried = cash.reach(receipts.values_list("id", flat=True))
    return {policy.id: policy for policy in locks.lock_many({part.policy_id for part in parts} | carried)}


@step
def enter(attempt: Attempt, outcome: Outcome) -> None:
    """Let news about a locked attempt take effect, once."""
    if attempt.state in _OPEN:
        if _amount_differs(attempt, outcome):
            _amount_unknown(attempt, outcome)
        else:
            settle(attempt, outcome)
    elif attempt.state == S.SUCCEEDED and outcome.status is Status.AUTHORIZED:
        commands.unchanged()
    elif attempt.state == S.SUCCEEDED and _amount_differs(attempt, outcome):
        _noted(_amount_break(attempt, outcome))
    elif attempt.state == S.SUCCEEDED and outcome.status is Status.RETURNED:
        _returned(attempt, outcome)
    elif _contradicts(attempt, outcome):
        _noted(contradictions.said_otherwise(attempt, attempt, outcome))
    else:
        commands.unchanged()


@step
def settle(attempt: Attempt, outcome: Outcome) -> None:
    """Move an undecided attempt to what the outcome says."""
    moves = {
        Status.PENDING: _pending,
        Status.UNKNOWN: _unknown,
        Status.DECLINED: _declined,
        Status.AUTHORIZED: _held,
        Status.VOIDED: voided,
        Status.SUCCEEDED: _succeeded,
        Status.RETURNED: _taken_and_returned,
    }
    if outcome.status is Status.NOT_FOUND:
        commands.unchanged()
    else:
        moves[outcome.status](attempt, outcome)


def _pending(attempt: Attempt, outcome: Outcome) -> None:
    if attempt.state in (S.PENDING, S.AUTHORIZED):
        commands.unchanged()
        return
    before = _sent(attempt)
    attempt.wait()
    attempt.check_count = 0
    attempt.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    _save(attempt, outcome, before)
    tell("payment.pending", attempt)


def _unknown(attempt: Attempt, outcome: Outcome) -> None:
    if attempt.state not in (S.SUBMITTED, S.PENDING):
        commands.unchanged()
        return
    before = attempt.state
    attempt.lose_track()
    if before == S.PENDING:
        attempt.check_count = 0
    attempt.next_check_at = clock.now() + dt.timedelta(seconds=settings.ATTEMPT_LEASE_SECONDS)
    _save(attempt, outcome, before)


def _held(attempt: Attempt, outcome: Outcome) -> None:
    """The money is held. What was to be captured or let go is still to be; what was to be taken at once is captured."""
    if attempt.state == S.AUTHORIZED:
        commands.unchanged()
        return
    before = _sent(attempt)
    if attempt.state == S.PENDING:
        attempt.lose_track()
        attempt.save(update_fields=["state"])
    attempt.hold()
    attempt.check_count = 0
    if attempt.authorized_until is None:
        attempt.authorized_until = clock.now() + dt.timedelta(days=HOLD_DAYS)
    if attempt.phase == Phase.CHARGE and attempt.payment.capture:
        attempt.phase, attempt.capture_minor = Phase.CAPTURE, attempt.amount_minor
    attempt.next_check_at = attempt.authorized_until if attempt.phase == Phase.CHARGE else clock.now()
    _save(attempt, outcome, before)
    if attempt.phase == Phase.CHARGE:
        tell("payment.authorized", attempt)
    else:
        jobs.wake("payments.submit", attempt.id)


def _declined(attempt: Attempt, outcome: Outcome) -> None:
    before = _sent(attempt)
    attempt.decline()
    _decided(attempt)
    _save(attempt, outcome, before)
    attempt.payment.fail()
    attempt.payment.save(update_fields=["state"])
    tell("payment.failed", attempt)
    recovery.failed_locked(attempt.payment, attempt)


@step
def voided(attempt: Attempt, outcome: Outcome) -> None:
    """End an undecided attempt and its payment: withdrawn, and no money moved."""
    before = attempt.state
    attempt.void()
    _decided(attempt)
    _save(attempt, outcome, before)
    attempt.payment.fail()
    attempt.payment.save(update_fields=["state"])
    tell("payment.voided", attempt)


def _succeeded(attempt: Attempt, outcome: Outcome) -> None:
    parts = _took(attempt, outcome)
    recovery.paid_locked([part.invoice_id for part in parts])


def _took(attempt: Attempt, outcome: Outcome) -> list[PaymentPart]:
    before = _sent(attempt)
    amount = outcome.amount or _known(attempt)
    attempt.succeed()
    attempt.taken_minor = amount.amount_minor
    _decided(attempt)
    _save(attempt, outcome, before)
    payment = attempt.payment
    payment.succeed()
    payment.save(update_fields=["state"])
    parts = takings.take(attempt, amount)
    if payment.payment_method is not None:
        methods.remember_network_id(payment.payment_method, attempt.network_transaction_id)
    tell("payment.succeeded", attempt)
    receipts.tell_locked(payment)
    return parts


def _taken_and_returned(attempt: Attempt, outcome: Outcome) -> None:
    _took(attempt, outcome)
    _returned(attempt, outcome)


def _returned(attempt: Attempt, outcome: Outcome) -> None:
    payment = attempt.payment
    if payment.state == Payment.State.SUCCEEDED:
        gone = takings.gone_minor(payment)
        payment.bounce()
        payment.save(update_fields=["state"])
        takings.undo(attempt, reason=ReceiptReversal.Reason.RETURNED)
        if gone:
            contradictions.overdrawn(attempt, gone, by=attempt.id)
        fees.charge_for_return(payment.policy)
        _save(attempt, outcome, attempt.state)
        tell("payment.returned", attempt)
        recovery.failed_locked(payment, attempt)
    elif payment.state in (Payment.State.REFUNDED, Payment.State.DISPUTED):
        _noted(contradictions.given_back_twice(attempt, attempt.id))
    else:
        commands.unchanged()


def _contradicts(attempt: Attempt, outcome: Outcome) -> bool:
    """Money said to move after we decided it did not, or the other way round."""
    if attempt.state in (S.DECLINED, S.VOIDED):
        return outcome.status in (Status.SUCCEEDED, Status.RETURNED)
    return attempt.state == S.SUCCEEDED and outcome.status in (Status.DECLINED, Status.VOIDED)


def _amount_differs(attempt: Attempt, outcome: Outcome) -> bool:
    if outcome.status not in _WITH_AMOUNT or outcome.amount is None:
        return False
    if outcome.status is Status.AUTHORIZED:
        return outcome.amount != Money(attempt.amount_minor, attempt.currency)
    return outcome.amount != _known(attempt)


def _known(attempt: Attempt) -> Money:
    """What we hold to be the amount: what was taken, once that is decided, or else what we asked for."""
    asked = attempt.capture_minor if attempt.phase == Phase.CAPTURE else None
    return Money(attempt.taken_minor or asked or attempt.amount_minor, attempt.currency)


def _amount_unknown(attempt: Attempt, outcome: Outcome) -> None:
    """A reply with another amount than asked is UNKNOWN plus a break; a person decides."""
    if attempt.state != S.UNKNOWN or attempt.next_check_at is not None:
        before = _sent(attempt)
        if attempt.state != S.UNKNOWN:
            attempt.lose_track()
        attempt.next_check_at = None
        _save(attempt, outcome, before)
    opened = _amount_break(attempt, outcome)
    _noted(opened)
    if opened is not None:
        tell("payment.needs_review", attempt)


def _amount_break(attempt: Attempt, outcome: Outcome) -> Break | None:
    assert outcome.amount is not None
    return contradictions.amount_differs(attempt, _known(attempt), outcome.amount)


def _noted(opened: Break | None) -> None:
    """News that opened no break was known already."""
    if opened is None:
        commands.unchanged()


def _sent(attempt: Attempt) -> str:
    """The state before; news about a replanned attempt, or about held money, shows that it was sent after all."""
    before: str = attempt.state
    if attempt.state == S.PLANNED:
        attempt.submit()
        attempt.save(update_fields=["state"])
    elif attempt.state == S.AUTHORIZED:
        attempt.send_on()
        attempt.save(update_fields=["state"])
    return before


def _decided(attempt: Attempt) -> None:
    attempt.decided_at = clock.now()
    attempt.next_check_at = None


def _save(attempt: Attempt, outcome: Outcome, before: str) -> None:
    attempt.gateway_reference = texts.shown(outcome.gateway_reference, 80) or attempt.gateway_reference
    attempt.outcome_code = texts.shown(outcome.code, 60)
    attempt.outcome_message = texts.shown(outcome.message, 300)
    attempt.network_code = texts.shown(outcome.network_code, 20)
    attempt.advice = texts.shown(outcome.advice, 20)
    told = texts.shown(outcome.network_transaction_id, 80)
    attempt.network_transaction_id = told or attempt.network_transaction_id
    attempt.save()
    audit.record(
        action=f"attempt.{outcome.status}",
        object_id=attempt.id,
        organization_id=attempt.payment.policy.operator_id,
        before={"state": before},
        after={
            "state": attempt.state,
            "code": attempt.outcome_code,
            "gateway_reference": attempt.gateway_reference,
        },
    )


@step
def tell(type: str, attempt: Attempt) -> None:
    """Record the event about a payment that one of its attempts brought about."""
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
