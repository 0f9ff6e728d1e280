"""Winning back what failed: a case for a failed or returned payment, and the plan's next step for it.

An open case has one planned step, or a payment of its own on the way; whatever else is true, the sweep of
`recovery_steps` puts right. The class of the last failure chooses the list of steps; another class begins its list
anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.db.models import Max

from billing.models import Invoice
from compliance import audit, events
from coverpay.kernel import clock, jobs
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from payments import (
    collection,
    enrolments,
    failure_codes,
    failure_words,
    method_changes,
    recovery_limits,
    recovery_methods,
    recovery_plans,
    recovery_versions,
)
from payments.failure_codes import Failure
from payments.models import Attempt, Autopay, Payment, PaymentPart, RecoveryCase, RecoveryStep
from payments.recovery_plans import Bounds, RecoverySpec, Step

State = RecoveryCase.State
RUNNING = (State.OPEN, State.WITH_PERSON)
WINNABLE = (State.OPEN, State.WITH_PERSON, State.EXHAUSTED)
_NOBODY_ASKED = Payment.Initiator.PAYOR


@step
def failed_locked(payment: Payment, attempt: Attempt) -> RecoveryCase | None:
    """Follow a payment that was declined, returned or disputed; its policies are locked.

    Opens a case by the plan in force, or goes on with the case of the same debt, and plans the next step. A method its
    bank or network gave up is blocked. A payor who saw the decline on a page of ours needs no following.

    Gives: the case; none where nothing is followed.
    """
    failure = failure_of(payment, attempt)
    _give_up_method(payment, failure)
    case = _case_of(payment)
    if case is None:
        return _open(payment, attempt, failure) if _is_followed(payment) else None
    return _go_on(case, payment, attempt, failure)


@step
def paid_locked(invoice_ids: Collection[str]) -> list[RecoveryCase]:
    """End the cases whose money is here now. The policies of the invoices are locked. Gives those that were won."""
    failed = PaymentPart.objects.filter(invoice_id__in=list(invoice_ids)).values("payment_id")
    cases = _with_rows(RecoveryCase.objects.filter(payment_id__in=failed, state__in=WINNABLE))
    return [case for case in cases if settle_locked(case) and case.state == State.RECOVERED]


@step
def settle_locked(case: RecoveryCase) -> bool:
    """End a case about which nothing is left to win: paid, or asked for no more. Gives whether it ended."""
    won = case.steps.filter(payment__state=Payment.State.SUCCEEDED).order_by("number").last()
    if won is not None:
        assert won.payment is not None
        end(case, State.RECOVERED, f"Paid by {won.payment_id}, {Money(won.payment.amount_minor, case.currency)}.")
        return True
    invoices = list(Invoice.objects.filter(pk__in=recovery_limits.invoice_ids_of(case.payment)))
    still = collection.open_minor_of(invoices)
    if any(still.values()):
        return False
    if all(invoice.state == Invoice.State.PAID for invoice in invoices):
        end(case, State.RECOVERED, "Paid in another way.")
    elif case.state == State.EXHAUSTED:
        return False
    else:
        ended = ", ".join(sorted({invoice.get_state_display().lower() for invoice in invoices}))
        end(case, State.STOPPED, f"Nothing is asked for any more: {ended}.")
    return True


@step
def plan_next(case: RecoveryCase, *, begin: int | None = None) -> RecoveryStep | None:
    """Plan the step that follows in the list of the case's class; what the limits refuse is passed over, and says why.

    Takes:  `begin`, the place in the list to begin at, in place of the one after the last step.
    Gives:  the planned step; none when the list is over: the case is then exhausted.
    """
    if case.plan is None:
        hand_over(case, "No recovery plan is in force.")
        return None
    spec = recovery_versions.spec_of(case.plan)
    steps = spec.steps(case.failure_class)
    position = following(case) if begin is None else begin
    while position < len(steps):
        planned = _planned(case, spec, steps[position], position)
        if planned.state == RecoveryStep.State.PLANNED:
            return planned
        position += 1
    end(case, State.EXHAUSTED, "The plan has no further step.")
    return None


@step
def hand_over(case: RecoveryCase, reason: str) -> None:
    """Let a person go on."""
    pass_over_planned(case, "A person goes on.")
    before = case.state
    case.hand_over()
    case.result = reason[:300]
    case.save()
    tell(case, "recovery.handed_over", before, {"reason": reason})


@step
def end(case: RecoveryCase, state: str, reason: str) -> None:
    """End a case: recovered, exhausted or stopped."""
    pass_over_planned(case, reason)
    before = case.state
    {State.RECOVERED: case.recover, State.EXHAUSTED: case.exhaust, State.STOPPED: case.stop}[State(state)]()
    case.result = reason[:300]
    case.ended_at = clock.now()
    case.save()
    tell(case, f"recovery.{state}", before, {"reason": reason})


@step
def reopen(case: RecoveryCase, reason: str) -> None:
    """Let the plan go on with a case that had ended or was with a person."""
    before = case.state
    case.reopen()
    case.result, case.ended_at = "", None
    case.save()
    tell(case, "recovery.reopened", before, {"reason": reason})


@step
def add_step(
    case: RecoveryCase, kind: str, due_at: dt.datetime, why: dict[str, Any], template: str = ""
) -> RecoveryStep:
    """Write the next step of a case; the worker is woken if it is due."""
    number = (case.steps.aggregate(last=Max("number"))["last"] or 0) + 1
    row = RecoveryStep.objects.create(case=case, number=number, kind=kind, due_at=due_at, why=why, template=template)
    if due_at <= clock.now():
        jobs.wake("payments.recovery_step", row.id)
    return row


@step
def skip(row: RecoveryStep, reason: str) -> None:
    """Pass a step over, with the reason."""
    row.skip()
    row.result, row.done_at = reason[:300], clock.now()
    row.save()
    _tell_step(row, "recovery.step_skipped")


@step
def done(row: RecoveryStep, result: str) -> None:
    """Note that a step was done, and what came of it."""
    row.do()
    row.result, row.done_at = result[:300], clock.now()
    row.save()
    _tell_step(row, "recovery.step_done")


@step
def tell_moved(row: RecoveryStep, before: dt.datetime) -> None:
    """Audit that a planned step was given another time."""
    audit.record(
        action="recovery.move_step",
        object_id=row.id,
        organization_id=row.case.policy.operator_id,
        before={"due_at": before.isoformat()},
        after={"due_at": row.due_at.isoformat(), "rule": row.why.get("rule", [])},
    )


@step
def tell(case: RecoveryCase, type: str, before: str, more: dict[str, Any]) -> None:
    """Audit what happened to a case, and publish it."""
    operator_id = case.policy.operator_id
    facts = {"state": case.state, "class": case.failure_class, "code": case.code, **more}
    audit.record(
        action=type,
        object_id=case.id,
        organization_id=operator_id,
        before={"state": before} if before else {},
        after=facts,
        reason=str(more.get("reason", "")),
    )
    events.record(
        type=type,
        organization_id=operator_id,
        object_id=case.id,
        subject_id=case.policy_id,
        data={
            "recovery": case.id,
            "policy": case.policy_id,
            "invoice": case.invoice_id,
            "payment": case.payment_id,
            "amount_minor": case.amount_minor,
            "currency": case.currency,
            **facts,
        },
    )


def failure_of(payment: Payment, attempt: Attempt) -> Failure:
    """What the failure of a payment means. What a payor disputes is never charged again by itself."""
    if payment.state == Payment.State.DISPUTED or payment.disputes.exists():
        return Failure(failure_words.HARD, "answer the dispute, or ask for another way to pay", "The payor disputes it")
    network = payment.payment_method.brand if payment.payment_method else ""
    return failure_codes.classify(
        attempt.account.gateway,
        payment.method,
        attempt.outcome_code,
        attempt.network_code,
        attempt.advice,
        network=network,
    )


def bounds_of(case: RecoveryCase, kind: str) -> Bounds:
    """What holds a step of a case back: limits and the end of cover."""
    if kind == recovery_plans.RETRY:
        payment = case.attempt.payment
        return recovery_limits.for_retry(payment, case.attempt, failure_of(payment, case.attempt), case.retries)
    if kind == recovery_plans.FALLBACK:
        other = recovery_methods.fallback_of(case)
        if other is None:
            return Bounds(refused="The payor has no other method that may be charged.")
        return recovery_limits.for_method(case.payment, other)
    return recovery_limits.for_step(case.payment)


def locked_case(case_id: str) -> RecoveryCase:
    """Read a case with all it takes to go on with it; its policies are locked."""
    found: RecoveryCase = _with_rows(RecoveryCase.objects.filter(pk=case_id)).get()
    return found


def _with_rows(rows: Any) -> Any:
    return rows.prefetch_related(
        "plan",
        "policy__operator",
        "policy__insured",
        "invoice__account__payor",
        "payment__payment_method",
        "payment__policy",
        "attempt__account",
        "attempt__payment__payment_method",
        "attempt__payment__represents",
        "attempt__payment__policy",
    ).order_by("id")


def _open(payment: Payment, attempt: Attempt, failure: Failure) -> RecoveryCase:
    case = RecoveryCase.objects.create(
        policy=payment.policy,
        invoice=payment.invoice,
        payment=payment,
        attempt=attempt,
        plan=recovery_versions.in_force(payment.policy, clock.today()),
        gateway=attempt.account.gateway,
        code=_code(attempt),
        failure_class=failure.class_,
        why=failure.as_json(),
        amount_minor=payment.amount_minor,
        currency=payment.currency,
    )
    tell(case, "recovery.opened", "", {"title": failure.title, "plan": case.plan_id})
    plan_next(case)
    return case


def _go_on(case: RecoveryCase, payment: Payment, attempt: Attempt, failure: Failure) -> RecoveryCase:
    """Note another failure of the same debt, and plan what follows unless a step is planned already."""
    if case.state == State.STOPPED:
        return case
    if case.state in (State.RECOVERED, State.EXHAUSTED):
        reopen(case, f"{failure.title}.")
    ours = case.payment_id == payment.id or case.steps.filter(payment=payment).exists()
    planned = case.steps.filter(state=RecoveryStep.State.PLANNED).exists()
    if ours or not planned:
        before, changed = case.failure_class, case.failure_class != failure.class_
        case.attempt, case.gateway, case.code = attempt, attempt.account.gateway, _code(attempt)
        case.failure_class, case.why = failure.class_, failure.as_json()
        case.save()
        audit.record(
            action="recovery.failed_again",
            object_id=case.id,
            organization_id=case.policy.operator_id,
            before={"class": before},
            after={"class": failure.class_, "code": case.code, "payment": payment.id, "title": failure.title},
        )
        if case.state == State.OPEN and not planned:
            plan_next(case, begin=0 if changed else None)
    return case


def _case_of(payment: Payment) -> RecoveryCase | None:
    """The case that follows the debt of a payment: it began it, was made by it, or is running for the same invoice."""
    rows = _with_rows(RecoveryCase.objects.all())
    own = rows.filter(payment=payment).first() or rows.filter(steps__payment=payment).first()
    running = rows.filter(invoice_id__in=recovery_limits.invoice_ids_of(payment), state__in=RUNNING).first()
    if own is not None and own.state not in RUNNING and running is not None:
        return running  # type: ignore[no-any-return]
    return own or running  # type: ignore[no-any-return]


def _is_followed(payment: Payment) -> bool:
    seen = payment.initiator == _NOBODY_ASKED and payment.payment_method is None
    if not payment.capture or (seen and payment.state == Payment.State.FAILED):
        return False
    still = collection.open_minor_of([part.invoice for part in payment.parts.select_related("invoice")])
    return any(still.values())


def _give_up_method(payment: Payment, failure: Failure) -> None:
    """Block a kept method; where only a token is known, end the enrolments that charge it."""
    if not (failure.blocks_method or failure.ends_mandate):
        return
    if payment.payment_method is not None:
        method_changes.block_locked(payment.payment_method, failure.title)
        return
    policies = recovery_limits.policy_ids_of(payment)
    enrolled = Autopay.objects.select_related("policy").filter(
        policy_id__in=policies, method=payment.method, token=payment.token, ended_at__isnull=True
    )
    for autopay in enrolled.order_by("policy_id"):
        enrolments.end_locked(autopay, failure.title)


def following(case: RecoveryCase) -> int:
    """The place after the last step that the plan took for the case's class."""
    last = case.steps.filter(why__position__isnull=False).order_by("number").last()
    if last is None or last.why.get("class") != case.failure_class:
        return 0
    return int(last.why["position"]) + 1


def _planned(case: RecoveryCase, spec: RecoverySpec, wanted: Step, position: int) -> RecoveryStep:
    due = recovery_plans.due(spec, wanted, clock.now(), bounds_of(case, wanted.kind))
    why = {
        "class": case.failure_class,
        "position": position,
        "plan": str(case.plan),
        "rule": list(due.why),
        "failure": case.why.get("title", ""),
        "fact": case.why.get("fact", ""),
        "citation": case.why.get("citation", ""),
    }
    row = add_step(case, wanted.kind, due.at, why, wanted.template)
    if due.refused:
        skip(row, due.refused)
    else:
        audit.record(
            action="recovery.plan_step",
            object_id=row.id,
            organization_id=case.policy.operator_id,
            after={"case": case.id, "kind": row.kind, "due_at": due.at.isoformat(), "rule": list(due.why)},
        )
    return row


@step
def pass_over_planned(case: RecoveryCase, reason: str) -> None:
    """Pass over whatever is planned in a case."""
    for row in case.steps.filter(state=RecoveryStep.State.PLANNED).select_related("case__policy"):
        skip(row, reason)


def _code(attempt: Attempt) -> str:
    return attempt.outcome_code or attempt.network_code or "no code"


@step
def _tell_step(row: RecoveryStep, type: str) -> None:
    case = row.case
    facts = {"case": case.id, "kind": row.kind, "number": row.number, "result": row.result, "payment": row.payment_id}
    audit.record(action=type, object_id=row.id, organization_id=case.policy.operator_id, after=facts)
    events.record(
        type=type,
        organization_id=case.policy.operator_id,
        object_id=case.id,
        subject_id=case.policy_id,
        data={"recovery": case.id, "step": row.id, "policy": case.policy_id, "invoice": case.invoice_id, **facts},
    )
