"""Plans as versioned data, and the schedules they make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from billing import plans
from billing.models import Installment, InstallmentItem, PlanVersion, Schedule
from compliance import access, audit, events, explanations
from compliance.explanations import Figure
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import NotFound
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from policies.models import Charge, Component, PayeeKind, Policy, Term


@command
def publish_plan(
    *,
    code: str,
    name: str,
    spec: Mapping[str, Any],
    effective_from: dt.date,
    actor: Actor,
) -> PlanVersion:
    """Publish a payment plan from a date on. The same spec from the same date again gives the version that has it.

    Raises: PlanUnreadable, BadText, Forbidden.
    """
    access.require(actor, Permission.BILLING_WRITE)
    organization_id = access.organization_of(actor)
    code = texts.line(code, field="code", at_most=40)
    name = texts.line(name, field="name", at_most=120)
    unknown = plans.read(spec).in_full - set(Component.values)
    if unknown:
        raise plans.PlanUnreadable(f"There is no component {min(unknown)!r}.", field="down_payment")
    _one_at_a_time(organization_id)
    last = PlanVersion.objects.filter(organization_id=organization_id, code=code).order_by("-number").first()
    if last is not None and last.spec == dict(spec) and last.effective_from == effective_from:
        audit.record(action="plan.find", object_id=last.id, organization_id=organization_id)
        return last
    version = PlanVersion.objects.create(
        organization_id=organization_id,
        code=code,
        number=last.number + 1 if last else 1,
        name=name,
        effective_from=effective_from,
        spec=dict(spec),
    )
    audit.record(
        action="plan.publish",
        object_id=version.id,
        organization_id=organization_id,
        before={"version": last.id} if last else {},
        after={
            "number": version.number,
            "effective_from": effective_from.isoformat(),
            "spec": dict(spec),
        },
    )
    return version


def _one_at_a_time(organization_id: str) -> None:
    """Let plans of an organization be published one after the other, so that their versions are numbered in a row."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


def plan_in_force(organization_id: str, code: str, on: dt.date) -> PlanVersion:
    """The version of a plan in force on a date. Raises: NotFound."""
    version = (
        PlanVersion.objects.filter(organization_id=organization_id, code=code, effective_from__lte=on)
        .order_by("-effective_from", "-number")
        .first()
    )
    if version is None:
        raise NotFound(f"No payment plan {code!r} in force on {on}.", field="plan")
    return version


@step
def create(policy: Policy, term: Term, transaction_id: str, plan_code: str) -> Schedule:
    """Set the installments of a transaction's charges on a locked policy. Raises: NotFound (plan)."""
    version = plan_in_force(policy.operator_id, plan_code, term.effective_on)
    charges = list(Charge.objects.filter(transaction_id=transaction_id).order_by("id"))
    planned = plans.build(
        plans.read(version.spec),
        [
            plans.ChargeDue(charge.id, charge.component, Money(charge.amount_minor, charge.currency))
            for charge in charges
        ],
        anchor=term.effective_on,
        currency=charges[0].currency,
    )
    schedule = Schedule.objects.create(
        policy=policy,
        term=term,
        transaction_id=transaction_id,
        plan_version=version,
        currency=charges[0].currency,
    )
    _write(schedule, policy, planned, {charge.id: charge for charge in charges})
    _explain(schedule, version, planned, charges)
    total = sum(charge.amount_minor for charge in charges)
    after = {
        "plan": str(version),
        "installments": len(planned.installments),
        "total_minor": total,
    }
    audit.record(
        action="schedule.create",
        object_id=schedule.id,
        organization_id=policy.operator_id,
        after=after,
    )
    events.record(
        type="schedule.created",
        organization_id=policy.operator_id,
        object_id=schedule.id,
        subject_id=policy.id,
        data={"schedule": schedule.id, "policy": policy.id, **after},
    )
    return schedule


def _write(
    schedule: Schedule,
    policy: Policy,
    planned: plans.PlannedSchedule,
    charges: dict[str, Charge],
) -> None:
    rows = [
        Installment(
            id=ids.new("ins"),
            schedule=schedule,
            policy=policy,
            sequence=installment.sequence,
            bill_on=installment.bill_on,
            due_on=installment.due_on,
        )
        for installment in planned.installments
    ]
    Installment.objects.bulk_create(rows)
    InstallmentItem.objects.bulk_create(
        _item(row, share, charges.get(share.charge_id or ""), policy)
        for row, installment in zip(rows, planned.installments, strict=True)
        for share in installment.shares
    )


def _item(row: Installment, share: plans.Share, charge: Charge | None, policy: Policy) -> InstallmentItem:
    return InstallmentItem(
        id=ids.new("iit"),
        installment=row,
        charge=charge,
        component=share.component,
        amount_minor=share.amount.amount_minor,
        payee_kind=charge.payee_kind if charge else PayeeKind.OPERATOR,
        payee=charge.payee if charge else policy.operator_id,
        commission_ppm=charge.commission_ppm if charge else 0,
    )


def _explain(
    schedule: Schedule,
    version: PlanVersion,
    planned: plans.PlannedSchedule,
    charges: list[Charge],
) -> None:
    explanations.record(
        Figure(
            schedule.id,
            charge.component,
            charge.amount_minor,
            charge.currency,
            Explained(
                formula=planned.why[charge.id].formula,
                inputs=planned.why[charge.id].inputs,
                rule=f"payment plan {version.code}",
                rule_version=str(version),
            ),
        )
        for charge in charges
    )
