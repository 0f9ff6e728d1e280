"""The steps of recovery, each done once in a command of its own. State is the queue: the sweep finds what was left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.db.models import Exists, OuterRef, Q, Subquery

from billing.models import Invoice, Notice
from coverpay.kernel import actors, clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import DomainError
from coverpay.kernel.money import Money
from payments import (
    collection,
    pay_links,
    recovery,
    recovery_letters,
    recovery_limits,
    recovery_methods,
    recovery_plans,
    recovery_versions,
    sweeps,
)
from payments.collection import PaymentInProgress, Source, Wanted
from payments.models import PayLink, Payment, PaymentPart, RecoveryCase, RecoveryStep
from payments.recovery_plans import Due
from policies import locks
from policies.models import Cancellation, Policy

RECOVERER = actors.system("recovery")
LATER = dt.timedelta(hours=12)
LINK_DAYS = 14
Kind, Planned = RecoveryStep.Kind, RecoveryStep.State.PLANNED


def run_due(limit: int = 200) -> int:
    """Bring every case in line with what happened to its invoices and its cover, then do what is due.

    Gives: how many steps were tried.
    """
    sweeps.each(_ended(limit), lambda id: settle(case_id=id, actor=RECOVERER))
    sweeps.each(_out_of_time(limit), _forward)
    sweeps.each(_idle(limit), lambda id: go_on(case_id=id, actor=RECOVERER))
    due = RecoveryStep.objects.filter(state=Planned, due_at__lte=clock.now(), case__state=RecoveryCase.State.OPEN)
    return sweeps.each(list(due.order_by("due_at").values_list("id", flat=True)[:limit]), do)


def do(step_id: str) -> None:
    """Do one step if it is due."""
    do_step(step_id=step_id, actor=RECOVERER)


def _forward(step_id: str) -> None:
    bring_forward(step_id=step_id, actor=RECOVERER)


@command
def do_step(*, step_id: str, actor: Actor) -> RecoveryStep | None:
    """Do a planned step that is due, once, and plan the one after it; one that is done or not due yet is left alone."""
    found = RecoveryStep.objects.filter(pk=step_id).values_list("case_id", flat=True).first()
    if found is None:
        commands.unchanged()
        return None
    case, policies = locked(found)
    row = RecoveryStep.objects.select_related("case__policy", "payment_method").get(pk=step_id)
    if row.state != Planned or row.due_at > clock.now() or case.state != RecoveryCase.State.OPEN:
        commands.unchanged()
        return None
    if not recovery.settle_locked(case):
        take(case, row, policies)
    return row


@command
def settle(*, case_id: str, actor: Actor) -> None:
    """End a case whose invoices ask for nothing any more."""
    case, _ = locked(case_id)
    if case.state not in recovery.WINNABLE or not recovery.settle_locked(case):
        commands.unchanged()


@command
def go_on(*, case_id: str, actor: Actor) -> None:
    """Plan the next step of an open case that has none, and nothing on the way: its payment was withdrawn."""
    case, _ = locked(case_id)
    idle = case.state == RecoveryCase.State.OPEN and not case.steps.filter(state=Planned).exists()
    if not idle or recovery_limits.in_flight(case.payment).exists():
        commands.unchanged()
    elif not recovery.settle_locked(case):
        recovery.plan_next(case)


@command
def bring_forward(*, step_id: str, actor: Actor) -> RecoveryStep | None:
    """Move a planned step before the day cover ends, since that was announced after it was planned; or pass it over."""
    case, _ = locked(RecoveryStep.objects.values_list("case_id", flat=True).get(pk=step_id))
    row = RecoveryStep.objects.select_related("case__policy").get(pk=step_id)
    bounds = recovery.bounds_of(case, row.kind)
    late = bounds.refused or (bounds.last_on is not None and row.due_at.date() > bounds.last_on)
    if row.state != Planned or not late or case.plan is None or case.state != RecoveryCase.State.OPEN:
        commands.unchanged()
        return None
    wanted = recovery_plans.Step(row.kind, on=(), template=row.template)
    due = recovery_plans.latest(recovery_versions.spec_of(case.plan), wanted, row.due_at, clock.now(), bounds)
    if due.refused:
        recovery.skip(row, due.refused)
        recovery.plan_next(case)
        return row
    _move(row, due.at, *due.why)
    return row


@step
def take(case: RecoveryCase, row: RecoveryStep, policies: dict[str, Policy]) -> None:
    """Do a planned step of a locked case, whatever its time, and plan what follows."""
    _TAKES[row.kind](case, row, policies)


@step
def locked(case_id: str) -> tuple[RecoveryCase, dict[str, Policy]]:
    """Lock every policy a case's payment is about, then read the case."""
    payment_id = RecoveryCase.objects.values_list("payment_id", flat=True).get(pk=case_id)
    parts = set(PaymentPart.objects.filter(payment_id=payment_id).values_list("policy_id", flat=True))
    policies = {policy.id: policy for policy in locks.lock_many(parts)}
    return recovery.locked_case(case_id), policies


@step
def charge(case: RecoveryCase, row: RecoveryStep, policies: dict[str, Policy], source: Source) -> Payment:
    """Plan the payment of a step. Raises: what `collection.collect_locked` raises."""
    last = case.attempt.payment
    again = row.kind == Kind.RETRY and bool(case.why.get("represents")) and last.method == "ach"
    surcharge = case.payment.surcharge_minor if row.kind == Kind.RETRY else 0
    with commands.savepoint():
        payment = collection.collect_locked(
            policies,
            _wanted(case, with_fees=not again and source.method == "card"),
            source=source,
            initiator=Payment.Initiator.RECOVERY,
            surcharge_minor=surcharge,
            represents=recovery_limits.root_of(last) if again else None,
        )
    row.payment = payment
    if row.kind == Kind.FALLBACK:
        row.payment_method = source.payment_method
    case.retries += 1
    case.save(update_fields=["retries"])
    recovery.done(row, f"Payment {payment.id} of {Money(payment.amount_minor, payment.currency)}.")
    return payment


def source_of_last(case: RecoveryCase) -> Source:
    """The method that failed, to be charged again."""
    last = case.attempt.payment
    return Source(last.method, last.token, last.payment_method)


def _wanted(case: RecoveryCase, *, with_fees: bool) -> list[Wanted]:
    """What is still open of what the payment was for; with the fees for returned payments, if the plan takes them."""
    parts = list(case.payment.parts.select_related("invoice").order_by("position"))
    still = collection.open_minor_of([part.invoice for part in parts])
    wanted = [
        Wanted(part.invoice_id, min(part.amount_minor, still[part.invoice_id]))
        for part in parts
        if still[part.invoice_id] > 0
    ]
    if with_fees and case.plan and recovery_versions.spec_of(case.plan).fees == recovery_plans.WITH_RETRY:
        named = {want.invoice_id for want in wanted}
        wanted += [Wanted(invoice.id) for invoice in _fee_invoices(case) if invoice.id not in named]
    return wanted


def _fee_invoices(case: RecoveryCase) -> list[Invoice]:
    """Open invoices of the policy that ask for nothing but fees for returned payments."""
    rows = Invoice.objects.filter(
        policy_id=case.policy_id, state=Invoice.State.OPEN, currency=case.currency, account=case.invoice.account
    )
    busy = PaymentPart.objects.filter(invoice=OuterRef("pk"), live=True)
    return list(
        rows.filter(~Exists(busy), lines__component="nsf_fee")
        .exclude(pk__in=rows.exclude(lines__component="nsf_fee"))
        .distinct()
    )


def _retry(case: RecoveryCase, row: RecoveryStep, policies: dict[str, Policy]) -> None:
    _charge(case, row, policies, source_of_last(case))


def _fallback(case: RecoveryCase, row: RecoveryStep, policies: dict[str, Policy]) -> None:
    other = row.payment_method or recovery_methods.fallback_of(case)
    if other is None:
        _pass_over(case, row, "The payor has no other method that may be charged.")
    else:
        _charge(case, row, policies, Source(other.kind, payment_method=other))


def _charge(case: RecoveryCase, row: RecoveryStep, policies: dict[str, Policy], source: Source) -> None:
    """Charge if the limits still allow it today; a refusal passes the step over and goes on with the plan."""
    due = _still_due(case, row)
    if due.refused:
        _pass_over(case, row, due.refused)
    elif due.at > clock.now():
        _move(row, due.at, *due.why[1:])
    else:
        try:
            charge(case, row, policies, source)
        except PaymentInProgress as busy:
            _move(row, clock.now() + LATER, busy.message)
        except DomainError as refused:
            _pass_over(case, row, refused.message)


def _still_due(case: RecoveryCase, row: RecoveryStep) -> Due:
    """Whether a charge may be made now, by what is known now. New details of the payor are charged on any day."""
    now = clock.now()
    if case.plan is None or row.payment_method is not None:
        bounds = recovery_limits.for_method(case.payment, row.payment_method or case.payment.payment_method)
        late = bounds.last_on is not None and now.date() > bounds.last_on
        return Due(now, (), bounds.refused or (f"Too late: {bounds.why_last}" if late else ""))
    spec = recovery_versions.spec_of(case.plan)
    return recovery_plans.due(spec, recovery_plans.Step(row.kind), now, recovery.bounds_of(case, row.kind))


def _message(case: RecoveryCase, row: RecoveryStep, policies: dict[str, Policy]) -> None:
    link, until = "", None
    if row.template == "new_details_needed":
        link, until = _link(case, PayLink.Purpose.DETAILS)
    elif recovery_letters.next_charge_on(case) is None:
        link, until = _link(case, PayLink.Purpose.PAY)
    message = recovery_letters.write(case, row.template, key=row.id, link=link, link_expires_at=until)
    recovery.done(row, f"Message {message.id}: {message.get_state_display().lower()}. {message.result}".strip())
    recovery.plan_next(case)


def _ask_details(case: RecoveryCase, row: RecoveryStep, policies: dict[str, Policy]) -> None:
    row.template = "new_details_needed"
    _message(case, row, policies)


def _link(case: RecoveryCase, purpose: str) -> tuple[str, dt.datetime | None]:
    """A link where the payor pays or gives new details, for this case alone."""
    issued = pay_links.create_locked(
        policy=case.policy,
        invoice=case.invoice,
        purpose=purpose,
        days=LINK_DAYS,
        party=recovery_methods.payor_of(case),
        recovery_case=case,
    )
    return issued.url, issued.link.expires_at


def _hand_over(case: RecoveryCase, row: RecoveryStep, policies: dict[str, Policy]) -> None:
    reason = f"{case.why.get('title') or case.code}: the plan hands over."
    recovery.done(row, "Handed over.")
    recovery.hand_over(case, reason)


def _pass_over(case: RecoveryCase, row: RecoveryStep, reason: str) -> None:
    recovery.skip(row, reason)
    recovery.plan_next(case)


def _move(row: RecoveryStep, at: dt.datetime, *why: str) -> None:
    before = row.due_at
    row.due_at = at
    row.why = {**row.why, "rule": [*row.why.get("rule", []), *why]}
    row.save(update_fields=["due_at", "why"])
    recovery.tell_moved(row, before)


_TAKES: dict[str, Callable[[RecoveryCase, RecoveryStep, dict[str, Policy]], None]] = {
    Kind.RETRY: _retry,
    Kind.FALLBACK: _fallback,
    Kind.MESSAGE: _message,
    Kind.ASK_DETAILS: _ask_details,
    Kind.HAND_OVER: _hand_over,
}


def _ended(limit: int) -> list[str]:
    """Cases none of whose invoices is open any more; a plan at its end waits only for the money."""
    still = PaymentPart.objects.filter(payment=OuterRef("payment"), invoice__state=Invoice.State.OPEN)
    over = Q(state__in=recovery.RUNNING) | Q(state=RecoveryCase.State.EXHAUSTED, invoice__state=Invoice.State.PAID)
    rows = RecoveryCase.objects.filter(over, ~Exists(still))
    return list(rows.order_by("id").values_list("id", flat=True)[:limit])


def _idle(limit: int) -> list[str]:
    """Open cases without a planned step and without a payment on the way."""
    planned = RecoveryStep.objects.filter(case=OuterRef("pk"), state=Planned)
    live = PaymentPart.objects.filter(invoice=OuterRef("invoice"), live=True)
    rows = RecoveryCase.objects.filter(~Exists(planned), ~Exists(live), state=RecoveryCase.State.OPEN)
    return list(rows.order_by("id").values_list("id", flat=True)[:limit])


def _out_of_time(limit: int) -> list[str]:
    """Planned steps that would come too late, now that an end of cover is announced."""
    policy = OuterRef("case__payment__parts__policy")
    pending = Cancellation.objects.filter(term__policy=policy, state=Cancellation.State.PENDING)
    notices = Notice.objects.filter(
        policy=policy,
        kind=Notice.Kind.CANCELLATION,
        state__in=(Notice.State.PREPARED, Notice.State.MAILED),
        cancel_on__isnull=False,
    )
    rows = (
        RecoveryStep.objects.filter(state=Planned, case__state=RecoveryCase.State.OPEN)
        .annotate(
            cancelled_on=Subquery(pending.order_by("effective_on").values("effective_on")[:1]),
            named_on=Subquery(notices.order_by("cancel_on").values("cancel_on")[:1]),
        )
        .filter(Q(cancelled_on__isnull=False) | Q(named_on__isnull=False))
        .values_list("id", "kind", "due_at", "case__attempt__payment__method", "cancelled_on", "named_on")
    )
    late = set()
    for id, kind, due_at, method, *ends in rows[: limit * 10]:
        end = recovery_limits.CoverEnd(min(day for day in ends if day), "", "")
        by = method if kind == Kind.RETRY else "ach" if kind == Kind.FALLBACK else "card"
        if due_at.date() > recovery_limits.last_day(end, by, recovery_limits.SETTLEMENT_DAYS):
            late.add(id)
    return sorted(late)[:limit]
