"""How a delinquency is written down: its steps, its audit entry and its public event, always the three together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from billing import delinquency_plans
from billing.delinquency_plans import DelinquencySpec
from billing.models import Delinquency, DelinquencyStep
from compliance import audit, events
from coverpay.kernel.commands import step

_EVENTS = {
    DelinquencyStep.Action.REMINDER: "delinquency.reminded",
    DelinquencyStep.Action.LATE_FEE: "delinquency.late_fee",
    DelinquencyStep.Action.CANCEL: "delinquency.cancelled",
    DelinquencyStep.Action.COLLECTIONS: "delinquency.collections",
    DelinquencyStep.Action.HOLD: "delinquency.held",
    DelinquencyStep.Action.RELEASE: "delinquency.released",
    DelinquencyStep.Action.PROMISE: "delinquency.promised",
    DelinquencyStep.Action.CURE: "delinquency.cured",
    DelinquencyStep.Action.REOPEN: "delinquency.reopened",
    DelinquencyStep.Action.DECISION: "delinquency.decided",
    DelinquencyStep.Action.CLOSE: "delinquency.closed",
}
"""Notices, rescissions and credits tell of themselves."""


@step
def write(delinquency: Delinquency, action: str, on: dt.date, **facts: Any) -> DelinquencyStep:
    """Save a delinquency as it is now, with the step that brought it there."""
    delinquency.save()
    done = DelinquencyStep.objects.create(
        delinquency=delinquency, position=delinquency.next_position, action=action, done_on=on, facts=facts
    )
    event = _EVENTS.get(DelinquencyStep.Action(action))
    tell(delinquency, event or f"delinquency.{action}", facts, public=event is not None)
    return done


@step
def ask(delinquency: Delinquency, what: str) -> None:
    """Let a delinquency wait for a person; asking the same again writes nothing."""
    what = what[:300]
    if delinquency.needs_decision != what:
        delinquency.needs_decision = what
        delinquency.save()
        tell(delinquency, "delinquency.needs_decision", {"needs_decision": what})


@step
def tell(delinquency: Delinquency, event: str, facts: Mapping[str, Any], *, public: bool = True) -> None:
    """Audit what happened to a delinquency and, unless another event tells it, publish it."""
    operator_id = delinquency.policy.operator_id
    said = {
        "state": delinquency.state,
        "next_on": delinquency.next_on.isoformat() if delinquency.next_on else None,
        **facts,
    }
    audit.record(
        action=event,
        object_id=delinquency.id,
        organization_id=operator_id,
        after=said,
        reason=str(facts.get("reason", "")),
    )
    if public:
        events.record(
            type=event,
            organization_id=operator_id,
            object_id=delinquency.id,
            subject_id=delinquency.policy_id,
            data={"delinquency": delinquency.id, "policy": delinquency.policy_id, **said},
        )


def spec_of(delinquency: Delinquency) -> DelinquencySpec:
    """The plan a delinquency follows to its end, whatever was published since."""
    return delinquency_plans.read(delinquency.plan_version.spec)


def allowed_to_go_on(delinquency: Delinquency) -> bool:
    """Whether a person said, for the very step that is next, that it may be taken."""
    last = delinquency.steps.filter(position=delinquency.next_position).order_by("-id").first()
    if last is None or last.action != DelinquencyStep.Action.DECISION:
        return False
    return bool(last.facts.get("choice") == "proceed")
