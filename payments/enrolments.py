"""What ends an enrolment in autopay: the payor, another method, or the method itself when it is blocked or removed."""

from __future__ import annotations

from compliance import audit, events
from coverpay.kernel import clock
from coverpay.kernel.commands import step
from payments.models import Autopay, PaymentMethod
from policies.models import Policy

_OVER = (PaymentMethod.State.BLOCKED, PaymentMethod.State.REMOVED)


@step
def end_locked(autopay: Autopay, reason: str) -> None:
    """End a standing enrolment; what is on its way already goes on."""
    autopay.ended_at = clock.now()
    autopay.save(update_fields=["ended_at"])
    tell("autopay.ended", autopay, autopay.policy, reason)


@step
def end_for_method_locked(method: PaymentMethod, reason: str) -> int:
    """End every enrolment that charges a locked method first, and forget it as fallback. Gives how many ended.

    An enrolment whose first method is gone goes on with its fallback, enrolled in its place.
    """
    standing = Autopay.objects.select_related("policy", "fallback").filter(ended_at__isnull=True)
    ending = list(standing.filter(payment_method=method).order_by("policy_id"))
    for autopay in ending:
        end_locked(autopay, reason)
        if autopay.fallback is not None and autopay.fallback.state not in _OVER:
            enrol_locked(autopay.policy, autopay.fallback)
    for autopay in standing.filter(fallback=method).order_by("policy_id"):
        autopay.fallback = None
        autopay.save(update_fields=["fallback"])
    return len(ending)


@step
def enrol_locked(policy: Policy, method: PaymentMethod, *, fallback: PaymentMethod | None = None) -> Autopay:
    """Let a method pay a policy that has no standing enrolment."""
    autopay = Autopay.objects.create(
        policy=policy, method=method.kind, token="", payment_method=method, fallback=fallback
    )
    tell("autopay.enrolled", autopay, policy)
    return autopay


@step
def tell(type: str, autopay: Autopay, policy: Policy, reason: str = "") -> None:
    """Write down that an enrolment began or ended."""
    facts = {"method": autopay.method, "payment_method": autopay.payment_method_id, "fallback": autopay.fallback_id}
    audit.record(action=type, object_id=autopay.id, organization_id=policy.operator_id, after=facts, reason=reason)
    events.record(
        type=type,
        organization_id=policy.operator_id,
        object_id=autopay.id,
        subject_id=policy.id,
        data={"autopay": autopay.id, "policy": policy.id, **facts},
    )
