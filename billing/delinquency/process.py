"""How past due money is followed: it enters a plan, and each night the plan's next step is taken when it is due."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q, QuerySet

from billing import delinquency_plans, past_due
from billing.delinquency import actions, cures, pauses, versions
from billing.models import Delinquency, DelinquencyStep, Invoice
from compliance import audit, events, explanations
from compliance.explanations import Figure
from coverpay.kernel import clock
from coverpay.kernel.commands import step
from policies.models import Policy, Term

_ONCE_PER_TERM = (Delinquency.State.CANCELLED, Delinquency.State.COLLECTIONS)
_RUNNING = (Delinquency.State.ACTIVE, *_ONCE_PER_TERM)


def to_enter(organization_id: str, on: dt.date) -> QuerySet[Policy]:
    """The policies of an organization that have an open overdue invoice and may have to enter a plan."""
    overdue = Invoice.objects.filter(policy__operator_id=organization_id, state=Invoice.State.OPEN, due_on__lt=on)
    return Policy.objects.filter(pk__in=overdue.values("policy_id")).order_by("id")


def to_advance(organization_id: str, on: dt.date) -> QuerySet[Delinquency]:
    """The delinquencies of an organization for which something is due on a day."""
    due = Q(state__in=_RUNNING, needs_decision="", next_on__lte=on)
    over = Q(state=Delinquency.State.HELD, held_until__lt=on)
    return Delinquency.objects.filter(due | over, policy__operator_id=organization_id).order_by("policy_id", "id")


@step
def enter_due(policy: Policy, on: dt.date | None = None) -> list[Delinquency]:
    """Let each term of a locked policy whose past due money is above the enter threshold enter its plan.

    Gives: the new delinquencies; none for a term that is followed already, or without a plan in force.
    """
    on = on or clock.today()
    version = versions.in_force(policy, on)
    if version is None:
        return []
    spec = delinquency_plans.read(version.spec)
    entered = []
    for due in past_due.by_term(policy, spec, on):
        enough = due.followed_minor > delinquency_plans.minor(spec.enter, policy.program.currency)
        followed = Delinquency.objects.filter(term_id=due.term_id, state__in=[*Delinquency.LIVE, *_ONCE_PER_TERM])
        if not enough or followed.exists():
            continue
        since = past_due.oldest_due_on(due.lines)
        delinquency = Delinquency.objects.create(
            policy=policy,
            term=Term.objects.get(pk=due.term_id),
            plan_version=version,
            entered_on=since,
            past_due_minor=due.followed_minor,
            currency=policy.program.currency,
            next_on=delinquency_plans.due_on(
                spec, 0, entered_on=since, ended_on=None, add_business_days=past_due.business_days_later
            ),
        )
        why = past_due.why(due.lines, plan=str(version))
        explanations.record([Figure(delinquency.id, "past_due", due.followed_minor, delinquency.currency, why)])
        _tell_entered(delinquency, str(version))
        entered.append(delinquency)
    return entered


@step
def advance(delinquency: Delinquency, on: dt.date | None = None) -> list[DelinquencyStep]:
    """Take every step of a delinquency that is due by a day; the policy is locked.

    Gives: the steps taken, none when nothing is due: running twice, or late, changes nothing more.
    """
    on = on or clock.today()
    delinquency = _fresh(delinquency)
    last = delinquency.steps.order_by("-id").values_list("id", flat=True).first() or ""
    if delinquency.state == Delinquency.State.HELD:
        pauses.release_when_over(delinquency, on)
    if delinquency.state == Delinquency.State.ACTIVE and not delinquency.needs_decision:
        cures.bring_in_line(delinquency, on)
    while _is_due(delinquency, on):
        actions.take(delinquency, on)
    return list(delinquency.steps.filter(id__gt=last).order_by("id"))


def _is_due(delinquency: Delinquency, on: dt.date) -> bool:
    runs = delinquency.state in _RUNNING
    waits = bool(delinquency.needs_decision)
    return runs and not waits and delinquency.next_on is not None and delinquency.next_on <= on


def _fresh(delinquency: Delinquency) -> Delinquency:
    return Delinquency.objects.select_related(
        "policy__program", "policy__operator", "policy__insured", "term__program_version", "plan_version"
    ).get(pk=delinquency.pk)


def _tell_entered(delinquency: Delinquency, plan: str) -> None:
    said = {
        "past_due_minor": delinquency.past_due_minor,
        "entered_on": delinquency.entered_on.isoformat(),
        "plan": plan,
    }
    operator_id = delinquency.policy.operator_id
    audit.record(action="delinquency.entered", object_id=delinquency.id, organization_id=operator_id, after=said)
    events.record(
        type="delinquency.entered",
        organization_id=operator_id,
        object_id=delinquency.id,
        subject_id=delinquency.policy_id,
        data={"delinquency": delinquency.id, "policy": delinquency.policy_id, **said},
    )
