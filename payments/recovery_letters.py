"""What a payor is told about a case: what failed, what happens next and when, and what is to be done."""

from __future__ import annotations

import datetime as dt

from coverpay.kernel import clock
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from payments import (
    collection,
    messages,
    recovery,
    recovery_limits,
    recovery_methods,
    recovery_plans,
    recovery_versions,
)
from payments.models import Message, RecoveryCase, RecoveryStep


@step
def write(
    case: RecoveryCase, template: str, *, key: str, link: str = "", link_expires_at: dt.datetime | None = None
) -> Message:
    """Plan a message to the payor of a locked case, once for its key."""
    payor = recovery_methods.payor_of(case)
    invoices = [part.invoice for part in case.payment.parts.select_related("invoice")]
    still = sum(collection.open_minor_of(invoices).values())
    end = recovery_limits.cover_end(recovery_limits.policy_ids_of(case.payment))
    method = case.attempt.payment.payment_method
    return messages.plan_locked(
        template,
        organization=case.policy.operator,
        key=f"recovery:{key}",
        subject_id=case.id,
        party=payor,
        policy=case.policy,
        context={
            "invoice": case.invoice,
            "amount": Money(case.amount_minor, case.currency),
            "open": Money(still, case.currency),
            "reason": _in_plain_words(case),
            "method": str(method) if method else "",
            "retry_on": next_charge_on(case),
            "cover_ends_on": end.on if end else None,
            "link": link,
            "link_expires_at": link_expires_at,
        },
    )


def next_charge_on(case: RecoveryCase) -> dt.date | None:
    """The day, in the plan's zone, on which the plan charges next: planned already, or what would be planned."""
    if case.plan is None:
        return None
    spec = recovery_versions.spec_of(case.plan)
    planned = case.steps.filter(state=RecoveryStep.State.PLANNED, kind__in=recovery_plans.CHARGES).first()
    if planned is not None:
        return planned.due_at.astimezone(spec.zone).date()
    now = clock.now()
    for wanted in spec.steps(case.failure_class)[recovery.following(case) :]:
        due = recovery_plans.due(spec, wanted, now, recovery.bounds_of(case, wanted.kind))
        if wanted.kind in recovery_plans.CHARGES and not due.refused:
            return due.at.astimezone(spec.zone).date()
        now = now if due.refused else due.at
    return None


def _in_plain_words(case: RecoveryCase) -> str:
    """Why it failed, for the payor: no code, no word about fraud or lost cards."""
    return {
        "soft": "the bank did not pay it",
        "limit": "a limit of the card or account was reached",
        "gateway": "it could not be processed",
        "details": "the payment details could not be used",
    }.get(case.failure_class, "the bank refused it")
