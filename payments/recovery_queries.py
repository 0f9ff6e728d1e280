"""Reads of recovery for pages and the API: the worklist with both clocks, and one case as one timeline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Least

from billing.delinquency import records
from billing.models import Delinquency, DelinquencyStep, Notice
from compliance import access
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from payments import recovery, recovery_limits, recovery_plans, recovery_versions
from payments.models import Attempt, RecoveryCase, RecoveryStep
from policies.models import Cancellation, Policy

RECOVERY, COVER = "recovery", "cover"
ORDER = {"done": 0, "skipped": 0, "planned": 1, "expected": 2}


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of a case's timeline, by one of the two clocks: done, passed over, planned, or only expected."""

    at: dt.datetime
    clock: str
    title: str
    detail: str = ""
    state: str = "done"
    object_id: str = ""
    why: tuple[str, ...] = ()


def listed(show: str = "", text: str = "") -> QuerySet[Any]:
    """Cases with their next step and the day cover is announced to end; `show` is a state, or nothing for running."""
    planned = RecoveryStep.objects.filter(case=OuterRef("pk"), state=RecoveryStep.State.PLANNED).order_by("due_at")
    pending = Cancellation.objects.filter(term__policy=OuterRef("policy"), state=Cancellation.State.PENDING)
    named = Notice.objects.filter(
        policy=OuterRef("policy"),
        kind=Notice.Kind.CANCELLATION,
        state__in=(Notice.State.PREPARED, Notice.State.MAILED),
        cancel_on__isnull=False,
    )
    rows = RecoveryCase.objects.select_related("policy__insured", "invoice", "plan").annotate(
        next_kind=Subquery(planned.values("kind")[:1]),
        next_at=Subquery(planned.values("due_at")[:1]),
        cover_ends_on=Least(
            Subquery(pending.order_by().values("term__policy").annotate(on=Min("effective_on")).values("on")),
            Subquery(named.order_by().values("policy").annotate(on=Min("cancel_on")).values("on")),
        ),
    )
    if text:
        found = Q(policy__number__icontains=text) | Q(policy__insured__name__icontains=text)
        rows = rows.filter(found | Q(invoice__number__icontains=text) | Q(code=text) | Q(pk=text))
    if show == "all":
        return rows
    if show in RecoveryCase.State.values:
        return rows.filter(state=show)
    return rows.filter(state__in=recovery.RUNNING)


def running_of(actor: Actor, policy: Policy) -> list[Any]:
    """The running cases of a policy that the actor may see."""
    return list(access.visible(actor, listed().filter(policy=policy)).order_by("id"))


def timeline(case: RecoveryCase) -> list[Moment]:
    """What happened to a case and what is to come, by both clocks, in the order of time."""
    since = case.opened_at - dt.timedelta(days=30)
    failures = _failures(case)
    rows = [*failures[:1], *_steps(case), *failures[1:], *_expected(case), *_cover(case, since)]
    return sorted(rows, key=lambda row: (row.at, ORDER[row.state]))


def _failures(case: RecoveryCase) -> list[Moment]:
    ids = [case.payment_id, *case.steps.filter(payment__isnull=False).values_list("payment_id", flat=True)]
    rows = Attempt.objects.filter(payment__in=ids).select_related("payment", "account").order_by("id")
    return [_outcome(attempt) for attempt in rows if attempt.decided_at is not None]


def _outcome(attempt: Attempt) -> Moment:
    failed = attempt.payment.state in ("failed", "returned", "disputed")
    said = recovery.failure_of(attempt.payment, attempt).title if failed else ""
    return Moment(
        attempt.decided_at or attempt.created_at,
        RECOVERY,
        f"Payment {attempt.payment.get_state_display().lower()}",
        said,
        object_id=attempt.payment_id,
    )


def _steps(case: RecoveryCase) -> list[Moment]:
    rows = []
    for row in case.steps.order_by("number"):
        title = row.get_kind_display() + (f": {row.template.replace('_', ' ')}" if row.template else "")
        at = row.due_at if row.state == RecoveryStep.State.PLANNED else (row.done_at or row.due_at)
        why = tuple(str(reason) for reason in row.why.get("rule", []))
        rows.append(Moment(at, RECOVERY, title, row.result, row.state, row.payment_id or "", why))
    return rows


def _expected(case: RecoveryCase) -> list[Moment]:
    """What the plan does after its planned step, if that comes to nothing; as far as can be said now."""
    planned = case.steps.filter(state=RecoveryStep.State.PLANNED).order_by("due_at").last()
    if case.plan is None or planned is None or planned.why.get("class") != case.failure_class:
        return []
    spec = recovery_versions.spec_of(case.plan)
    begin = int(planned.why.get("position", 0)) + 1
    bounds = recovery_limits.for_step(case.payment)
    rows = recovery_plans.preview(spec, case.failure_class, planned.due_at, bounds, begin)
    return [Moment(due.at, RECOVERY, f"Then: {step}", due.refused, "expected", why=due.why) for step, due in rows]


def _cover(case: RecoveryCase, since: dt.datetime) -> list[Moment]:
    """The other clock: past due money, its notices, and the end of cover."""
    policies = recovery_limits.policy_ids_of(case.payment)
    rows: list[Moment] = []
    for found in Delinquency.objects.filter(policy_id__in=policies).select_related("plan_version"):
        rows += [
            Moment(_noon(done.done_on), COVER, done.get_action_display(), object_id=found.id)
            for done in found.steps.filter(done_on__gte=since.date())
        ]
        if found.state == Delinquency.State.ACTIVE and found.next_on is not None:
            rows.append(Moment(_noon(found.next_on), COVER, _next(found), state="planned", object_id=found.id))
    end = recovery_limits.cover_end(policies)
    if end is not None:
        rows.append(
            Moment(_noon(end.on), COVER, "Cover ends", end.why, "planned" if end.on >= clock.today() else "done",
                   end.object_id)
        )  # fmt: skip
    return rows


def _next(found: Delinquency) -> str:
    steps = records.spec_of(found).steps
    if found.next_position >= len(steps):
        return "Past due process: nothing more"
    return f"Next: {DelinquencyStep.Action(steps[found.next_position].action).label}"


def _noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One step of a plan as its writer sees it: what, when in the plan's zone, how that comes about."""

    title: str
    at: str
    why: tuple[str, ...]


def preview_of(spec: recovery_plans.RecoverySpec, now: dt.datetime) -> list[tuple[str, list[Foreseen]]]:
    """What a plan would do about a failure of each class now, for whoever writes it."""
    return [
        (
            class_,
            [
                Foreseen(str(step).capitalize(), f"{due.at.astimezone(spec.zone):%a %Y-%m-%d %H:%M}", due.why)
                for step, due in recovery_plans.preview(spec, class_, now)
            ],
        )
        for class_ in RecoveryCase.Class.values
    ]


def written(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A plan's spec in the order people read it; the database keeps no order."""
    order = ("zone", "at", "basis", "fees", "business_days")
    steps = {
        name: [{key: step[key] for key in ("do", "template", "after", "on") if key in step} for step in listed]
        for name, listed in sorted(
            spec.get("classes", {}).items(), key=lambda row: RecoveryCase.Class.values.index(row[0])
        )
    }
    return {**{name: spec[name] for name in order if name in spec}, "classes": steps}
