"""How a delinquency ends well, or comes back: payment, money returned, cover that ended otherwise."""

from __future__ import annotations

import datetime as dt

from billing import delinquency_plans, notice_texts, notices, past_due
from billing.delinquency import records
from billing.delinquency_plans import DelinquencySpec
from billing.models import Delinquency, DelinquencyStep, Notice
from billing.past_due import PastDue
from compliance import deadlines
from coverpay.kernel import clock
from coverpay.kernel.commands import step
from policies import transactions
from policies.models import Policy, Term

Action = DelinquencyStep.Action


@step
def cured_by_payment(
    policy: Policy, *, on: dt.date | None = None, provisional_until: dt.date | None = None
) -> list[Delinquency]:
    """Bring the delinquencies of a locked policy in line with money that was just applied.

    Takes:  `on`, the day the money came (today); `provisional_until`, the day until which it may still be returned.
    Gives:  those that were cured: past due is down to the exit threshold, or what the notice demanded has come in. A
            pending cancellation is then rescinded, if the rule says so and its day has not come; else a person decides.
    """
    on = on or clock.today()
    live = policy.delinquencies.filter(state__in=Delinquency.LIVE).prefetch_related(
        "policy__program", "policy__operator", "policy__insured", "term__program_version", "plan_version"
    )  # seldom any: a join of all that would cost more to plan than the payment itself
    return [each for each in live.order_by("id") if bring_in_line(each, on, provisional_until)]


@step
def bring_in_line(delinquency: Delinquency, on: dt.date, provisional_until: dt.date | None = None) -> bool:
    """Cure one live delinquency if what is past due, or what its notice demanded, is paid. Gives: whether it was."""
    spec = records.spec_of(delinquency)
    due = past_due.of_term(delinquency.term, spec, clock.today())
    notice = live_notice(delinquency)
    if not _paid_enough(delinquency, spec, due, notice):
        if notice is not None and notice.state == Notice.State.PREPARED and due.premium_minor < notice.demanded_minor:
            notices.replace_overstated(delinquency, notice)
        return False
    if notice is not None and notice.state == Notice.State.MAILED:
        asked = _who_must_decide(delinquency, notice, on)
        if asked:
            records.ask(delinquency, asked)
            return False
        rescind(delinquency, notice, on)
    elif notice is not None:
        notices.void_locked(notice, "Paid before it was mailed.")
    cure(delinquency, on, due, provisional_until)
    return True


@step
def rescind(delinquency: Delinquency, notice: Notice, on: dt.date) -> None:
    """Take back a pending cancellation, because what its notice demanded was paid; cover was never interrupted."""
    notices.rescind(delinquency.policy, delinquency.term, f"Paid what notice {notice.id} demanded.")
    notices.satisfy(notice)
    notices.prepare_letter(delinquency, Notice.Kind.RESCISSION, notice_texts.rescission(delinquency.policy, notice))
    records.write(delinquency, Action.RESCIND, on, notice=notice.id, demanded_minor=notice.demanded_minor)


@step
def cure(delinquency: Delinquency, on: dt.date, due: PastDue, provisional_until: dt.date | None = None) -> None:
    """End a delinquency as paid; what fell due since starts another of its own."""
    if provisional_until is not None and provisional_until <= clock.today():
        provisional_until = None
    delinquency.cure()
    delinquency.provisional_until = provisional_until
    delinquency.needs_decision = ""
    delinquency.next_on = None
    delinquency.ended_on = on
    _clear_pause(delinquency)
    records.write(
        delinquency,
        Action.CURE,
        on,
        left_minor=due.followed_minor,
        provisional_until=provisional_until.isoformat() if provisional_until else None,
    )


@step
def cure_or_go_on(delinquency: Delinquency, on: dt.date) -> None:
    """After a rescission by a person: end it if enough is paid, else let its plan come to a notice again."""
    spec = records.spec_of(delinquency)
    due = past_due.of_term(delinquency.term, spec, clock.today())
    if due.followed_minor <= delinquency_plans.minor(spec.exit, delinquency.currency):
        cure(delinquency, on, due)
        return
    back_to_notice(delinquency, spec, on)
    delinquency.save()


@step
def money_returned(policy: Policy, *, on: dt.date | None = None) -> list[Delinquency]:
    """Reopen what money cured that was now returned. The policy is locked and the money is taken back already.

    Gives: the reopened delinquencies. A rescinded cancellation does not revive: the plan goes on with a new notice.
    """
    on = on or clock.today()
    reopened: list[Delinquency] = []
    cured = policy.delinquencies.filter(state=Delinquency.State.CURED, provisional_until__gte=on)
    for delinquency in cured.select_related("policy", "term", "plan_version").order_by("-id"):
        spec = records.spec_of(delinquency)
        due = past_due.of_term(delinquency.term, spec, on)
        again = due.followed_minor > delinquency_plans.minor(spec.exit, delinquency.currency)
        if again and not delinquency.term.delinquencies.filter(state__in=Delinquency.LIVE).exists():
            delinquency.reopen()
            delinquency.provisional_until = None
            delinquency.ended_on = None
            back_to_notice(delinquency, spec, on)
            records.write(delinquency, Action.REOPEN, on, past_due_minor=due.followed_minor, reason="Money returned.")
            reopened.append(delinquency)
    return reopened


@step
def policy_cancelled(policy: Policy, term: Term, *, reason: str = "Cover ended otherwise.") -> list[Delinquency]:
    """Close what is followed on a term of a locked policy whose cover ended otherwise: cancelled or rewritten."""
    live = policy.delinquencies.filter(term=term, state__in=Delinquency.LIVE).select_related("policy", "term")
    return [close(delinquency, clock.today(), reason) for delinquency in live.order_by("id")]


@step
def close(delinquency: Delinquency, on: dt.date, reason: str) -> Delinquency:
    """Follow a delinquency no more; its notices lose all effect."""
    for notice in delinquency.notices.filter(kind=Notice.Kind.CANCELLATION, state__in=("prepared", "mailed")):
        notices.void_locked(notice, reason)
    delinquency.close()
    delinquency.ended_on = on
    delinquency.next_on = None
    delinquency.needs_decision = ""
    _clear_pause(delinquency)
    records.write(delinquency, Action.CLOSE, on, reason=reason)
    return delinquency


@step
def withdraw(delinquency: Delinquency, on: dt.date, reason: str) -> None:
    """Take back a notice and its pending cancellation, and let the plan come to the notice again."""
    notice = live_notice(delinquency)
    notices.rescind(delinquency.policy, delinquency.term, reason)
    if notice is not None:
        notices.void_locked(notice, reason)
        back_to_notice(delinquency, records.spec_of(delinquency), on)
        delinquency.save()


def back_to_notice(delinquency: Delinquency, spec: DelinquencySpec, on: dt.date) -> None:
    """Put the plan's notice next if it was reached, else leave the place; go on from a day."""
    notice = delinquency_plans.position_of(spec, delinquency_plans.NOTICE)
    if notice is not None and delinquency.next_position > notice:
        delinquency.next_position = notice
    delinquency.next_on = on


def live_notice(delinquency: Delinquency) -> Notice | None:
    """The notice of cancellation that is prepared or mailed, if any."""
    rows = delinquency.notices.filter(kind=Notice.Kind.CANCELLATION, state__in=("prepared", "mailed"))
    return rows.select_related("policy__operator", "policy__insured", "term").order_by("-id").first()


def _paid_enough(delinquency: Delinquency, spec: DelinquencySpec, due: PastDue, notice: Notice | None) -> bool:
    """Down to the exit threshold; or, whatever it was applied to, as much came in as the notice demanded, nearly."""
    exit_minor = delinquency_plans.minor(spec.exit, delinquency.currency)
    if due.followed_minor <= exit_minor:
        return True
    if notice is None or notice.state != Notice.State.MAILED:
        return False
    return due.premium_minor <= exit_minor or past_due.received_since(notice) >= notice.demanded_minor - exit_minor


def _who_must_decide(delinquency: Delinquency, notice: Notice, on: dt.date) -> str:
    """Why a person must say whether payment rescinds a pending cancellation, or nothing."""
    if notice.cancel_on is not None and on >= notice.cancel_on:
        return f"Money came on {on}, not before the cancellation of {notice.cancel_on} took effect: go on or rescind?"
    said = transactions.conditions_of(delinquency.term)
    ruled = deadlines.payment_rescinds(
        delinquency.policy.operator_id,
        state=delinquency.term.state_code,
        line=said.line,
        admitted=said.admitted,
        on=on,
    )
    if ruled.needs_decision:
        return f"Does payment rescind the cancellation? {ruled.needs_decision}"
    if ruled.value is not True:
        return f"The rule on payment within the notice says {ruled.value}: rescind the cancellation or go on?"
    return ""


def _clear_pause(delinquency: Delinquency) -> None:
    delinquency.held_until = delinquency.promised_on = delinquency.promised_minor = None
    delinquency.hold_reason = ""
