"""What each step of a delinquency plan does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from billing import delinquency_plans, equity, fees, notice_texts, notices, past_due
from billing.delinquency import cures, endings, records
from billing.delinquency_plans import DelinquencySpec
from billing.models import Delinquency, DelinquencyStep, Notice
from billing.past_due import PastDue
from compliance import explanations, moratoriums
from compliance.explanations import Figure
from compliance.models import Moratorium
from coverpay.kernel import bus
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from policies import cancellations, earning, transactions
from policies.events import PremiumPaid
from policies.models import Cancellation, Component, Term

Action = DelinquencyStep.Action
_DAY = dt.timedelta(days=1)


@step
def take(delinquency: Delinquency, on: dt.date) -> None:
    """Take the step that is due. Afterwards another step is next, or the same on a later day, or a person decides."""
    spec = records.spec_of(delinquency)
    if delinquency.next_position >= len(spec.steps):
        delinquency.next_on = None
        delinquency.save(update_fields=["next_on"])
        return
    action = spec.steps[delinquency.next_position].action
    due = past_due.of_term(delinquency.term, spec, on)
    if action in delinquency_plans.STOPPED_BY_MORATORIUM and _stopped(delinquency, action, on):
        return
    _TAKES[action](delinquency, spec, due, on)


def move_on(delinquency: Delinquency, spec: DelinquencySpec, ended_on: dt.date | None = None) -> None:
    """Put the following step next, on its day."""
    delinquency.next_position += 1
    delinquency.next_on = delinquency_plans.due_on(
        spec,
        delinquency.next_position,
        entered_on=delinquency.entered_on,
        ended_on=ended_on,
        add_business_days=past_due.business_days_later,
    )


@step
def skip(delinquency: Delinquency, on: dt.date) -> None:
    """Go past the step that waits for a person; past a notice means past its cancellation too."""
    spec = records.spec_of(delinquency)
    position = delinquency.next_position
    action = spec.steps[position].action if position < len(spec.steps) else ""
    if action == delinquency_plans.CANCEL:
        cures.withdraw(delinquency, on, "A person decided not to cancel.")
        action = delinquency_plans.NOTICE
    if action == delinquency_plans.NOTICE:
        _skip_cancellation(delinquency, spec)
        return
    move_on(delinquency, spec)
    delinquency.save(update_fields=["next_position", "next_on"])


def _stopped(delinquency: Delinquency, action: str, on: dt.date) -> bool:
    """Wait while a moratorium is in force; what was announced for one of its days is taken back."""
    moratorium = _moratorium(delinquency, on)
    if moratorium is None:
        return False
    reason = f"Moratorium: {moratorium.name}"
    if action == delinquency_plans.CANCEL:
        cures.withdraw(delinquency, on, reason)
    delinquency.next_on = on + _DAY
    known = delinquency.steps.filter(action=Action.HOLD, facts__moratorium=moratorium.id)
    if known.exists():
        delinquency.save()
    else:
        records.write(
            delinquency, Action.HOLD, on, moratorium=moratorium.id, reason=reason, citation=moratorium.citation
        )
    return True


def _moratorium(delinquency: Delinquency, on: dt.date) -> Moratorium | None:
    insured, state_code = delinquency.policy.insured, delinquency.term.state_code
    return moratoriums.in_force(
        delinquency.policy.operator_id,
        state_code=state_code,
        postal_code=insured.postal_code if insured.state in ("", state_code) else "",
        on=on,
    )


def _reminder(delinquency: Delinquency, spec: DelinquencySpec, due: PastDue, on: dt.date) -> None:
    content = notice_texts.reminder(delinquency.policy, due.lines, delinquency.currency)
    letter = notices.prepare_letter(delinquency, Notice.Kind.REMINDER, content, due.followed_minor)
    why = past_due.why(due.lines)
    explanations.record([Figure(letter.id, "demanded", due.followed_minor, delinquency.currency, why)])
    facts = {"notice": letter.id, "past_due_minor": due.followed_minor}
    _done(delinquency, spec, Action.REMINDER, on, facts)


def _late_fee(delinquency: Delinquency, spec: DelinquencySpec, due: PastDue, on: dt.date) -> None:
    """Charge the plan's late fee; where no rule allows it the step passes without one, and says why."""
    facts: dict[str, Any] = {"amount_minor": 0}
    before = DelinquencyStep.objects.filter(
        delinquency__term=delinquency.term,
        delinquency__entered_on=delinquency.entered_on,
        action=Action.LATE_FEE,
        facts__amount_minor__gt=0,
    )
    if before.exists():
        _done(delinquency, spec, Action.LATE_FEE, on, {**facts, "reason": "Charged before for the same due date."})
        return
    try:
        item = fees.charge(
            delinquency.policy, delinquency.term, Component.LATE_FEE, reason=f"Past due: {delinquency.id}"
        )
    except fees.FeeNotAllowed as refused:
        facts["reason"] = refused.message
    else:
        facts |= {"amount_minor": item.amount_minor, "item": item.id} if item else {"reason": "The plan names none."}
    _done(delinquency, spec, Action.LATE_FEE, on, facts)


def _notice(delinquency: Delinquency, spec: DelinquencySpec, due: PastDue, on: dt.date) -> None:
    """Make a notice of cancellation, if the term can still end and enough premium is past due."""
    if delinquency.term.state != Term.State.IN_FORCE or delinquency.term.expires_on <= on:
        _skip_cancellation(delinquency, spec)
        return
    if due.premium_minor < threshold_minor(delinquency, spec):
        _tomorrow(delinquency, on)
        return
    if not _may_go_on(delinquency, spec, "make a notice of cancellation"):
        return
    rule = notices.rule_of(delinquency.policy, delinquency.term, on)
    if rule.needs_decision:
        records.ask(delinquency, rule.needs_decision)
        return
    notice = notices.prepare_cancellation(delinquency, rule, due, on)
    facts = {"notice": notice.id, "demanded_minor": notice.demanded_minor, "cancel_on": str(notice.cancel_on)}
    records.write(delinquency, Action.NOTICE, on, **facts)
    delinquency.next_position += 1
    delinquency.next_on = None
    delinquency.save(update_fields=["next_position", "next_on"])


def _cancel(delinquency: Delinquency, spec: DelinquencySpec, due: PastDue, on: dt.date) -> None:
    """End the term on the day its mailed notice named, if everything the notice said still holds."""
    notice = cures.live_notice(delinquency)
    pending = delinquency.term.cancellations.filter(
        state=Cancellation.State.PENDING, reason=Cancellation.Reason.NONPAYMENT
    ).first()
    if notice is None or notice.state != Notice.State.MAILED or pending is None:
        cures.withdraw(delinquency, on, "The cancellation it announced is not pending any more.")
        records.ask(delinquency, "The announced cancellation was taken back: decide how to go on.")
        return
    if due.premium_minor < threshold_minor(delinquency, spec):
        cures.withdraw(delinquency, on, "What is still due is less than a cancellation takes.")
        _tomorrow(delinquency, on)
        return
    if due.premium_minor + past_due.received_since(notice) < notice.demanded_minor:
        cures.withdraw(delinquency, on, "It demands more than was due after all.")
        return
    if not _may_go_on(delinquency, spec, "cancel for non-payment"):
        return
    _take_effect(delinquency, spec, notice, pending, on)


def _take_effect(
    delinquency: Delinquency, spec: DelinquencySpec, notice: Notice, pending: Cancellation, on: dt.date
) -> None:
    ended_on = pending.effective_on
    left = _uncollected(delinquency, ended_on)
    delinquency.cancel()
    facts = {"notice": notice.id, "cancellation": pending.id, "effective_on": ended_on.isoformat(), **left}
    records.write(delinquency, Action.CANCEL, on, **facts)
    move_on(delinquency, spec, ended_on)
    if delinquency.next_on is None:
        delinquency.ended_on = on
    delinquency.save()
    cancellations.take_effect_locked(delinquency.policy, pending)
    content = notice_texts.cancelled(
        delinquency.policy, ended_on, Money(left["uncollected_minor"], delinquency.currency)
    )
    notices.prepare_letter(delinquency, Notice.Kind.CANCELLED, content)


def _uncollected(delinquency: Delinquency, ended_on: dt.date) -> dict[str, int]:
    """What cover up to its end has earned, and what of that is not paid; kept with its explanation."""
    term = delinquency.term
    said, slices = transactions.conditions_of(term), transactions.slices_of(term)
    paid = bus.ask(PremiumPaid(term_id=term.id))

    def earned(day: dt.date) -> int:
        return earning.earned_minor(slices, day, said.day_count)

    left = equity.uncollected_minor(earned, on=ended_on, paid_minor=paid)
    why = equity.why_uncollected(earned, on=ended_on, paid_minor=paid)
    cause = f"uncollected {ended_on.isoformat()}"
    if not any(each.figure == cause for each in explanations.of(delinquency.id)):
        explanations.record([Figure(delinquency.id, cause, left, delinquency.currency, why)])
    return {"earned_minor": earned(ended_on), "paid_minor": paid, "uncollected_minor": left}


def _collections(delinquency: Delinquency, spec: DelinquencySpec, due: PastDue, on: dt.date) -> None:
    """Hand what is left to collections; nothing left closes the delinquency."""
    if due.followed_minor <= 0:
        cures.close(delinquency, on, "Nothing is left to collect.")
        return
    delinquency.collect()
    records.write(delinquency, Action.COLLECTIONS, on, left_minor=due.followed_minor)
    move_on(delinquency, spec, on)
    delinquency.save()


def _write_off(delinquency: Delinquency, spec: DelinquencySpec, due: PastDue, on: dt.date) -> None:
    """Give up what is left if it is small; a larger amount takes a person with an approval."""
    endings.write_off(delinquency, on)


def _skip_cancellation(delinquency: Delinquency, spec: DelinquencySpec) -> None:
    """Go past the notice and its cancellation: the term has ended, its debt is only collected."""
    delinquency.next_position += 1
    move_on(delinquency, spec)
    delinquency.save(update_fields=["next_position", "next_on"])


def threshold_minor(delinquency: Delinquency, spec: DelinquencySpec) -> int:
    """The least premium past due that a term may end for: the larger of both plans' thresholds, and above zero."""
    own = delinquency_plans.minor(spec.cancel, delinquency.currency)
    return max(own, endings.plan_limit_minor(delinquency, "nonpay_threshold"), 1)


def _may_go_on(delinquency: Delinquency, spec: DelinquencySpec, what: str) -> bool:
    if spec.automatic or records.allowed_to_go_on(delinquency):
        return True
    records.ask(delinquency, f"The plan asks a person before we {what}.")
    return False


def _tomorrow(delinquency: Delinquency, on: dt.date) -> None:
    delinquency.next_on = on + _DAY
    delinquency.save()


def _done(delinquency: Delinquency, spec: DelinquencySpec, action: str, on: dt.date, facts: dict[str, Any]) -> None:
    records.write(delinquency, action, on, **facts)
    move_on(delinquency, spec)
    delinquency.save(update_fields=["next_position", "next_on"])


_TAKES: dict[str, Callable[[Delinquency, DelinquencySpec, PastDue, dt.date], None]] = {
    delinquency_plans.REMINDER: _reminder,
    delinquency_plans.LATE_FEE: _late_fee,
    delinquency_plans.NOTICE: _notice,
    delinquency_plans.CANCEL: _cancel,
    delinquency_plans.COLLECTIONS: _collections,
    delinquency_plans.WRITE_OFF: _write_off,
}
