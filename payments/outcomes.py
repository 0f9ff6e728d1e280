"""What an outcome does to an attempt, its payment, the cash and the books."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

from billing import arrivals, cash, fees
from billing.delinquency import cures
from billing.models import Receipt, ReceiptReversal
from compliance import audit, business_days, events
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.commands import step
from coverpay.kernel.errors import NotFound
from coverpay.kernel.money import Money
from payments import journal
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Payment, Refund
from policies import locks
from reconciliation import breaks
from reconciliation.models import Break

S = Attempt.State
ACH = "ach"
ACH_RETURN_DAYS = 6
"""Business days; what is returned later than this is returned for want of authority, and needs a person anyway."""
_OPEN = (S.PLANNED, S.SUBMITTED, S.PENDING, S.UNKNOWN)


@step
def locked(attempt_id: str) -> Attempt:
    """Lock the attempt's policy and those its money went on to, then read it as it is now. Raises: NotFound."""
    policy_id = Attempt.objects.filter(pk=attempt_id).values_list("payment__policy_id", flat=True).first()
    if policy_id is None:
        raise NotFound(f"No attempt {attempt_id}.", field="attempt")
    receipts = Receipt.objects.filter(source_id__in=Attempt.objects.filter(pk=attempt_id).values("payment_id"))
    locks.lock_many({policy_id, *cash.reach(receipts.values_list("id", flat=True))})
    return Attempt.objects.select_related("payment__policy", "payment__invoice", "account").get(pk=attempt_id)


@step
def enter(attempt: Attempt, outcome: Outcome) -> None:
    """Let news about a locked attempt take effect, once."""
    if attempt.state in _OPEN:
        if _amount_differs(attempt, outcome):
            _amount_unknown(attempt, outcome)
        else:
            settle(attempt, outcome)
    elif attempt.state == S.SUCCEEDED and _amount_differs(attempt, outcome):
        _noted(_amount_break(attempt, outcome))
    elif attempt.state == S.SUCCEEDED and outcome.status is Status.RETURNED:
        _returned(attempt, outcome)
    elif _contradicts(attempt, outcome):
        _noted(contradiction(attempt, attempt, outcome))
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
    elif outcome.status is Status.NOT_FOUND:
        commands.unchanged()
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
    arrivals.take(
        payment.policy,
        source_id=payment.id,
        amount=amount,
        received_on=today,
        provisional_until=_settles_on(today) if payment.method == ACH else None,
    )
    _event("payment.succeeded", attempt)


def _settles_on(taken_on: dt.date) -> dt.date:
    """The business day until which a bank may still return an ACH debit."""
    day = taken_on
    for _ in range(ACH_RETURN_DAYS):
        day = business_days.shift(day + dt.timedelta(days=1), "next")
    return day


def _returned(attempt: Attempt, outcome: Outcome) -> None:
    payment = attempt.payment
    if payment.state == Payment.State.SUCCEEDED:
        payment.bounce()
        payment.save(update_fields=["state"])
        undo(attempt, reason=ReceiptReversal.Reason.RETURNED)
        fees.charge_for_return(payment.policy)
        _save(attempt, outcome, attempt.state)
        _event("payment.returned", attempt)
    elif payment.state == Payment.State.REFUNDED:
        _noted(given_back_twice(attempt, attempt.id))
    else:
        commands.unchanged()


@step
def undo(attempt: Attempt, *, reason: str) -> None:
    """Give back what a succeeded attempt brought: applications, receipt and postings, by exact opposites."""
    receipt = Receipt.objects.get(source_id=attempt.payment_id)
    cash.take_back(receipt, reason=reason, on=clock.today())
    cures.money_returned(receipt.policy)
    journal.payment_undone(attempt, reason=reason, on=clock.today())


@step
def given_back_twice(attempt: Attempt, subject_id: str) -> Break | None:
    """The payor has the money twice: we refunded it and the bank took it back as well. A person must get it back."""
    return _break(
        attempt,
        Break.Kind.GATEWAY_CONTRADICTS,
        Money(-(attempt.taken_minor or attempt.amount_minor), attempt.currency),
        "The payment was refunded, and the bank returned it as well.",
        {"says": "given back twice"},
        subject_id=subject_id,
    )


def _contradicts(attempt: Attempt, outcome: Outcome) -> bool:
    """Money said to move after we decided it did not, or the other way round."""
    says_taken = outcome.status in (Status.SUCCEEDED, Status.RETURNED)
    if attempt.state == S.DECLINED:
        return says_taken
    return attempt.state == S.SUCCEEDED and outcome.status is Status.DECLINED


@step
def contradiction(attempt: Attempt, subject: Attempt | Refund, outcome: Outcome) -> Break | None:
    """Open the break about a processor that takes back its word about a charge or refund, once."""
    amount = (subject.taken_minor if isinstance(subject, Attempt) else None) or subject.amount_minor
    moves_to_us = isinstance(subject, Attempt) is (outcome.status is not Status.DECLINED)
    return _break(
        attempt,
        Break.Kind.GATEWAY_CONTRADICTS,
        Money(amount if moves_to_us else -amount, subject.currency),
        f"The processor now says {outcome.status}; before, it was {subject.state}.",
        {"says": outcome.status},
        subject_id=subject.id,
    )


def _amount_differs(attempt: Attempt, outcome: Outcome) -> bool:
    if outcome.status not in (Status.SUCCEEDED, Status.PENDING, Status.RETURNED) or outcome.amount is None:
        return False
    return outcome.amount != _known(attempt)


def _known(attempt: Attempt) -> Money:
    """What we hold to be the amount: what was taken, once that is decided, or else what we asked for."""
    return Money(attempt.taken_minor or attempt.amount_minor, attempt.currency)


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
        _event("payment.needs_review", attempt)


def _amount_break(attempt: Attempt, outcome: Outcome) -> Break | None:
    assert outcome.amount is not None
    return amount_break(attempt, _known(attempt), outcome.amount)


@step
def amount_break(attempt: Attempt, known: Money, reported: Money, *, subject_id: str = "") -> Break | None:
    """Open the break about an amount that is not the one we know, once. Gives None when it was seen before."""
    return _break(
        attempt,
        Break.Kind.GATEWAY_AMOUNT,
        reported - known if reported.currency == known.currency else reported,
        f"We know of {known}, the processor reports {reported}.",
        {"known_minor": known.amount_minor, "reported_minor": reported.amount_minor},
        subject_id=subject_id,
    )


@step
def close_amount_break(subject_id: str, *, reason: str) -> None:
    """Close the break about an amount that a person has now decided."""
    for found in Break.objects.filter(subject_id=subject_id, kind=Break.Kind.GATEWAY_AMOUNT, state=Break.State.OPEN):
        breaks.close_break(found, reason=reason)


def _break(
    attempt: Attempt,
    kind: Break.Kind,
    difference: Money,
    reason: str,
    inputs: dict[str, str | int],
    *,
    subject_id: str = "",
) -> Break | None:
    """Open a break, unless the very same was seen before, be it closed meanwhile: repeated news changes nothing."""
    subject_id = subject_id or attempt.id
    if Break.objects.filter(subject_id=subject_id, kind=kind, inputs=inputs).exists():
        return None
    return breaks.open_break(
        organization_id=attempt.payment.policy.operator_id,
        kind=kind,
        subject_id=subject_id,
        difference=difference,
        reason=reason,
        inputs=inputs,
    )


def _noted(opened: Break | None) -> None:
    """News that opened no break was known already."""
    if opened is None:
        commands.unchanged()


def _sent(attempt: Attempt) -> str:
    """The state before; news about a replanned attempt shows that it was sent after all."""
    before: str = attempt.state
    if attempt.state == S.PLANNED:
        attempt.submit()
        attempt.save(update_fields=["state"])
    return before


def _decided(attempt: Attempt) -> None:
    attempt.decided_at = clock.now()
    attempt.next_check_at = None


def _save(attempt: Attempt, outcome: Outcome, before: str) -> None:
    attempt.gateway_reference = texts.shown(outcome.gateway_reference, 80) or attempt.gateway_reference
    attempt.outcome_code = texts.shown(outcome.code, 60)
    attempt.outcome_message = texts.shown(outcome.message, 300)
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
