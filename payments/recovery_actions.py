"""What a person does about a case: try now, take it over, give it back, stop it; and what follows from new details."""

from __future__ import annotations

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition, RuleViolation
from payments import recovery, recovery_plans, recovery_steps, recovery_versions
from payments.models import Payment, PaymentMethod, RecoveryCase, RecoveryStep
from policies.models import Policy

State = RecoveryCase.State


class RetryNotAllowed(RuleViolation):
    """A limit of the network, or the end of cover, forbids charging the method again now; the message says which."""

    code = "retry_not_allowed"


@command
def retry_now(*, case_id: str, actor: Actor) -> Payment:
    """Charge the method that failed again, now, within the limits that bind the plan too.

    A charge the plan had planned is passed over; what else it planned stays.

    Raises: NotFound, Forbidden, IllegalTransition, RetryNotAllowed, PaymentInProgress, MethodNotUsable, NoRoute.
    """
    case, policies = _locked(case_id, actor)
    _require(case, State.OPEN, State.WITH_PERSON, State.EXHAUSTED)
    bounds = recovery.bounds_of(case, RecoveryStep.Kind.RETRY)
    now = clock.now()
    why = bounds.refused
    if bounds.last_on is not None and now.date() > bounds.last_on:
        why = why or f"Too late: {bounds.why_last}."
    if bounds.earliest is not None and now < bounds.earliest:
        why = why or f"{bounds.why_earliest}, that is {bounds.earliest:%Y-%m-%d %H:%M} UTC."
    if why:
        raise RetryNotAllowed(why, citation=str(case.why.get("citation") or ""), field="case")
    if case.state == State.EXHAUSTED:
        recovery.reopen(case, "A person tries again.")
    _pass_over_charges(case, "A person tried now.")
    row = recovery.add_step(case, RecoveryStep.Kind.RETRY, now, {"rule": [f"asked for by {actor.label or actor.id}"]})
    return recovery_steps.charge(case, row, policies, recovery_steps.source_of_last(case))


@command
def hand_over(*, case_id: str, reason: str, actor: Actor) -> RecoveryCase:
    """Take an open case out of the plan's hands. Raises: NotFound, Forbidden, IllegalTransition, BadText."""
    reason = texts.line(reason, field="reason", at_most=300)
    case, _ = _locked(case_id, actor)
    _require(case, State.OPEN)
    recovery.hand_over(case, reason)
    return case


@command
def take_back(*, case_id: str, actor: Actor) -> RecoveryCase:
    """Give a case back to its plan, which goes on behind its last step. A list that is over begins anew.

    Raises: NotFound, Forbidden, IllegalTransition.
    """
    case, _ = _locked(case_id, actor)
    _require(case, State.WITH_PERSON, State.EXHAUSTED)
    recovery.reopen(case, "A person gave it back to the plan.")
    if not recovery.settle_locked(case):
        recovery.plan_next(case, begin=_begin(case))
    return case


@command
def stop(*, case_id: str, reason: str, actor: Actor) -> RecoveryCase:
    """Follow a case no more. What is owed stays owed. Raises: NotFound, Forbidden, IllegalTransition, BadText."""
    reason = texts.line(reason, field="reason", at_most=300)
    case, _ = _locked(case_id, actor)
    _require(case, State.OPEN, State.WITH_PERSON)
    recovery.end(case, State.STOPPED, reason)
    return case


@step
def details_given_locked(case: RecoveryCase, method: PaymentMethod) -> RecoveryStep | None:
    """Go on with a case since its payor gave a new method: it is charged at once. The case's policies are locked.

    Gives: the planned step; none where the case is over.
    """
    if case.state not in recovery.WINNABLE:
        return None
    if case.state != State.OPEN:
        recovery.reopen(case, f"New details: {method}.")
    recovery.pass_over_planned(case, "New details were given.")
    row = recovery.add_step(
        case, RecoveryStep.Kind.FALLBACK, clock.now(), {"rule": ["the payor gave new details", str(method)]}
    )
    row.payment_method = method
    row.save(update_fields=["payment_method"])
    return row


def _begin(case: RecoveryCase) -> int:
    """Where the plan goes on: behind its last step, or from the first where only the hand-over was left."""
    if case.plan is None:
        return 0
    steps = recovery_versions.spec_of(case.plan).steps(case.failure_class)
    following = recovery.following(case)
    left = steps[following:]
    return following if any(step.kind != recovery_plans.HAND_OVER for step in left) else 0


def _pass_over_charges(case: RecoveryCase, reason: str) -> None:
    rows = case.steps.filter(state=RecoveryStep.State.PLANNED, kind__in=recovery_plans.CHARGES)
    for row in rows.select_related("case__policy"):
        recovery.skip(row, reason)


@step
def _locked(case_id: str, actor: Actor) -> tuple[RecoveryCase, dict[str, Policy]]:
    access.get_operable(actor, RecoveryCase.objects.all(), case_id, permission=Permission.PAYMENTS_WRITE, field="case")
    return recovery_steps.locked(case_id)


def _require(case: RecoveryCase, *states: str) -> None:
    if case.state not in states:
        raise IllegalTransition(
            f"The case is {case.get_state_display().lower()}; this is for one that is {', '.join(states)}.",
            field="case",
        )
