"""What a person does with a delinquency: hold it, let it go on, take a promise to pay, decide what it waits for."""

from __future__ import annotations

import datetime as dt

from django.db.models import Sum

from billing.delinquency import actions, cures, records
from billing.models import Delinquency, DelinquencyStep, Notice, Receipt
from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition, Invalid
from coverpay.kernel.money import Money
from policies import locks

Action = DelinquencyStep.Action
CHOICES = ("proceed", "skip", "rescind", "close")
MOST_DAYS = 366


@command
def hold(*, delinquency_id: str, until: dt.date, reason: str, actor: Actor) -> Delinquency:
    """Stop the clock through a day. A notice and its pending cancellation are taken back, and made anew afterwards.

    Raises: NotFound, Forbidden, IllegalTransition unless active, Invalid.
    """
    delinquency = _locked(delinquency_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    _require(delinquency, Delinquency.State.ACTIVE)
    _pause(delinquency, _coming(until, "until"), reason)
    records.write(delinquency, Action.HOLD, clock.today(), until=until.isoformat(), reason=reason)
    return delinquency


@command
def release(*, delinquency_id: str, reason: str = "", actor: Actor) -> Delinquency:
    """Let the clock of a held delinquency run again. Raises: NotFound, Forbidden, IllegalTransition unless held."""
    delinquency = _locked(delinquency_id, actor)
    _require(delinquency, Delinquency.State.HELD)
    reason = texts.line(reason, field="reason", at_most=300, empty=True)
    _release(delinquency, clock.today(), reason or "Released by a person.")
    return delinquency


@command
def promise(*, delinquency_id: str, amount: Money, pay_by: dt.date, actor: Actor) -> Delinquency:
    """Take a promise to pay by a day: the clock stands through it, and runs again if it is broken.

    Raises: NotFound, Forbidden, IllegalTransition unless active, Invalid.
    """
    delinquency = _locked(delinquency_id, actor)
    _require(delinquency, Delinquency.State.ACTIVE)
    if amount.currency != delinquency.currency or amount.amount_minor <= 0:
        raise Invalid(f"Promise an amount above zero in {delinquency.currency}.", field="amount")
    _pause(delinquency, _coming(pay_by, "pay_by"), "Promise to pay.")
    delinquency.promised_on = pay_by
    delinquency.promised_minor = amount.amount_minor
    said = {"pay_by": pay_by.isoformat(), "amount_minor": amount.amount_minor}
    records.write(delinquency, Action.PROMISE, clock.today(), **said)
    return delinquency


@command
def decide(*, delinquency_id: str, choice: str, reason: str, actor: Actor) -> Delinquency:
    """Say how a delinquency goes on that waits for a person.

    Takes:  `proceed` with the step it waits at (a rule that is not established must be decided as well), `skip` the
            step, `rescind` the pending cancellation as paid, or `close` it.
    Raises: NotFound, Forbidden, IllegalTransition unless it waits, Invalid.
    """
    delinquency = _locked(delinquency_id, actor)
    reason = texts.line(reason, field="reason", at_most=300)
    if choice not in CHOICES:
        raise Invalid(f"A choice is one of {', '.join(CHOICES)}.", field="choice")
    if not delinquency.needs_decision:
        raise IllegalTransition("The delinquency waits for no decision.", field="delinquency")
    asked, on = delinquency.needs_decision, clock.today()
    delinquency.needs_decision = ""
    if choice in ("proceed", "skip"):
        delinquency.next_on = delinquency.next_on or on
    records.write(delinquency, Action.DECISION, on, choice=choice, reason=reason, asked=asked)
    if choice == "skip":
        actions.skip(delinquency, on)
    elif choice == "rescind":
        _rescind(delinquency, on)
    elif choice == "close":
        cures.withdraw(delinquency, on, reason)
        cures.close(delinquency, on, reason)
    return delinquency


@step
def release_when_over(delinquency: Delinquency, on: dt.date) -> None:
    """Let the clock run again once the day of a hold or promise has passed; a promise is then kept or broken."""
    if delinquency.held_until is not None and delinquency.held_until < on:
        _release(delinquency, on, _how_it_went(delinquency))


def _how_it_went(delinquency: Delinquency) -> str:
    if delinquency.promised_minor is None:
        return "The hold is over."
    made = delinquency.steps.filter(action=Action.PROMISE).order_by("-id")[0]
    rows = Receipt.objects.filter(
        policy_id=delinquency.policy_id, created_at__gte=made.created_at, reversal__isnull=True
    )
    came = rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    kept = "kept" if came >= delinquency.promised_minor else "broken"
    return f"Promise {kept}: {Money(came, delinquency.currency)} came by {delinquency.promised_on}."


def _release(delinquency: Delinquency, on: dt.date, reason: str) -> None:
    delinquency.release()
    delinquency.held_until = delinquency.promised_on = delinquency.promised_minor = None
    delinquency.hold_reason = ""
    delinquency.next_on = max(delinquency.next_on or on, on)
    records.write(delinquency, Action.RELEASE, on, reason=reason)


def _pause(delinquency: Delinquency, until: dt.date, reason: str) -> None:
    cures.withdraw(delinquency, clock.today(), reason)
    delinquency.hold()
    delinquency.held_until = until
    delinquency.hold_reason = reason


def _rescind(delinquency: Delinquency, on: dt.date) -> None:
    notice = cures.live_notice(delinquency)
    if notice is None or notice.state != Notice.State.MAILED:
        raise IllegalTransition("No cancellation is pending that could be rescinded.", field="choice")
    cures.rescind(delinquency, notice, on)
    cures.cure_or_go_on(delinquency, on)


def _locked(delinquency_id: str, actor: Actor) -> Delinquency:
    """A delinquency of the actor's organization, its policy locked. Raises: NotFound, Forbidden."""
    rows = Delinquency.objects.all()
    found = access.get_operable(actor, rows, delinquency_id, permission=Permission.BILLING_WRITE)
    locks.lock(found.policy_id)
    return rows.select_related(
        "policy__program", "policy__operator", "policy__insured", "term__program_version", "plan_version"
    ).get(pk=found.pk)


def _require(delinquency: Delinquency, state: str) -> None:
    if delinquency.state != state:
        said = f"The delinquency is {delinquency.get_state_display().lower()}, not {state}."
        raise IllegalTransition(said, field="delinquency")


def _coming(day: dt.date, field: str) -> dt.date:
    today = clock.today()
    if not today <= day <= today + dt.timedelta(days=MOST_DAYS):
        raise Invalid(f"Choose a day from today on, at most {MOST_DAYS} days away.", field=field)
    return day
