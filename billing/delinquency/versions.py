"""Delinquency plans as versioned data: the next version never touches the one in use."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from billing import delinquency_plans
from billing.models import DelinquencyPlanVersion
from compliance import access, audit
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from policies.models import Policy

DEFAULT = "default"


@command
def publish(*, code: str, spec: Mapping[str, Any], effective_from: dt.date, actor: Actor) -> DelinquencyPlanVersion:
    """Publish how past due money of a program is followed, from a date on.

    Takes:  `code`, a program's code, or 'default' for every program without a plan of its own.
    Gives:  the version; the one there is when the last says the same from the same date.
    Raises: DelinquencyPlanUnreadable, BadText, Forbidden.
    """
    access.require(actor, Permission.BILLING_WRITE)
    organization_id = access.organization_of(actor)
    code = texts.line(code, field="code", at_most=40)
    delinquency_plans.read(spec)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    rows = DelinquencyPlanVersion.objects.filter(organization_id=organization_id, code=code)
    last = rows.order_by("-number").first()
    if last is not None and last.spec == dict(spec) and last.effective_from == effective_from:
        audit.record(action="delinquency_plan.find", object_id=last.id, organization_id=organization_id)
        return last
    version = DelinquencyPlanVersion.objects.create(
        organization_id=organization_id,
        code=code,
        number=last.number + 1 if last else 1,
        effective_from=effective_from,
        spec=dict(spec),
    )
    audit.record(
        action="delinquency_plan.publish",
        object_id=version.id,
        organization_id=organization_id,
        before={"version": last.id} if last else {},
        after={"number": version.number, "effective_from": effective_from.isoformat(), "spec": dict(spec)},
    )
    return version


def in_force(policy: Policy, on: dt.date) -> DelinquencyPlanVersion | None:
    """The plan that follows past due money of a policy from a day on: its program's own, or the default, or none."""
    rows = DelinquencyPlanVersion.objects.filter(organization_id=policy.operator_id, effective_from__lte=on)
    for code in (policy.program.code, DEFAULT):
        version = rows.filter(code=code).order_by("-effective_from", "-number").first()
        if version is not None:
            return version
    return None
