"""Recovery plans as versioned data: of one program, or of every program without a plan of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from compliance import access, audit
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from payments import recovery_plans
from payments.models import RecoveryPlan
from payments.recovery_plans import RecoverySpec
from policies.models import Policy, Program


@command
def publish(
    *, spec: Mapping[str, Any], effective_from: dt.date, actor: Actor, program_id: str | None = None
) -> RecoveryPlan:
    """Publish what is done about failed payments of a program, or of all without a plan of their own, from a date on.

    Cases that are open go on by the version they began with. The same again gives the version that says it.

    Raises: Forbidden, NotFound (program), RecoveryPlanUnreadable.
    """
    access.require(actor, Permission.PAYMENTS_WRITE)
    organization_id = access.organization_of(actor)
    program = None
    if program_id:
        program = access.get_operable(
            actor, Program.objects.all(), program_id, permission=Permission.PAYMENTS_WRITE, field="program"
        )
    recovery_plans.read(spec)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)  # versions are numbered in a row
    last = RecoveryPlan.objects.filter(organization_id=organization_id, program=program).order_by("-number").first()
    if last is not None and last.spec == dict(spec) and last.effective_from == effective_from:
        audit.record(action="recovery_plan.find", object_id=last.id, organization_id=organization_id)
        return last
    plan = RecoveryPlan.objects.create(
        organization_id=organization_id,
        program=program,
        number=last.number + 1 if last else 1,
        effective_from=effective_from,
        spec=dict(spec),
    )
    audit.record(
        action="recovery_plan.publish",
        object_id=plan.id,
        organization_id=organization_id,
        before={"version": last.id} if last else {},
        after={
            "program": program.id if program else None,
            "number": plan.number,
            "effective_from": effective_from.isoformat(),
            "spec": dict(spec),
        },
    )
    return plan


def in_force(policy: Policy, on: dt.date) -> RecoveryPlan | None:
    """The plan for a policy's payments that fail on a day: its program's own, or the one for all, or none."""
    rows = RecoveryPlan.objects.filter(organization_id=policy.operator_id, effective_from__lte=on)
    for program_id in (policy.program_id, None):
        plan = rows.filter(program_id=program_id).order_by("-effective_from", "-number").first()
        if plan is not None:
            return plan
    return None


def spec_of(plan: RecoveryPlan) -> RecoverySpec:
    """A published plan, read."""
    return recovery_plans.read(plan.spec)
