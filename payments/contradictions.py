"""What a processor says that does not fit what we know: a break for a person, opened once."""

from __future__ import annotations

from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Refund
from reconciliation import breaks
from reconciliation.models import Break


@step
def said_otherwise(attempt: Attempt, subject: Attempt | Refund, outcome: Outcome) -> Break | None:
    """Open the break about a processor that takes back its word about a charge or refund, once."""
    amount = (subject.taken_minor if isinstance(subject, Attempt) else None) or subject.amount_minor
    undone = outcome.status in (Status.DECLINED, Status.VOIDED)
    moves_to_us = isinstance(subject, Attempt) is not undone
    return opened(
        attempt,
        Break.Kind.GATEWAY_CONTRADICTS,
        Money(amount if moves_to_us else -amount, subject.currency),
        f"The processor now says {outcome.status}; before, it was {subject.state}.",
        {"says": outcome.status},
        subject_id=subject.id,
    )


@step
def given_back_twice(attempt: Attempt, subject_id: str, amount_minor: int | None = None) -> Break | None:
    """The payor has the money twice: we gave it back and the bank took it as well. A person must get it back."""
    amount = amount_minor or attempt.taken_minor or attempt.amount_minor
    return opened(
        attempt,
        Break.Kind.GATEWAY_CONTRADICTS,
        Money(-amount, attempt.currency),
        "The payment was refunded, and the bank returned it as well.",
        {"says": "given back twice"},
        subject_id=subject_id,
    )


@step
def overdrawn(attempt: Attempt, amount_minor: int, *, by: str) -> Break | None:
    """More left than the receipts of a payment still held: its cash had been paid out. A person must get it back."""
    return opened(
        attempt,
        Break.Kind.GATEWAY_CONTRADICTS,
        Money(-amount_minor, attempt.currency),
        "More of the payment went back than was still here: its cash had been paid out before.",
        {"says": "overdrawn", "by": by, "overdrawn_minor": amount_minor},
    )


@step
def amount_differs(attempt: Attempt, known: Money, reported: Money, *, subject_id: str = "") -> Break | None:
    """Open the break about an amount that is not the one we know, once. Gives None when it was seen before."""
    return opened(
        attempt,
        Break.Kind.GATEWAY_AMOUNT,
        reported - known if reported.currency == known.currency else reported,
        f"We know of {known}, the processor reports {reported}.",
        {"known_minor": known.amount_minor, "reported_minor": reported.amount_minor},
        subject_id=subject_id,
    )


@step
def close_amount(subject_id: str, *, reason: str) -> None:
    """Close the break about an amount that a person has now decided."""
    for found in Break.objects.filter(subject_id=subject_id, kind=Break.Kind.GATEWAY_AMOUNT, state=Break.State.OPEN):
        breaks.close_break(found, reason=reason)


@step
def opened(
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
