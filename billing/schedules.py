"""Plans as versioned data, and the schedules they make."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Count, Max

from billing import credits, plans, reslicing, slots, standing
from billing.models import Installment, PayorShare, PlanVersion, Schedule
from billing.plans.dates import Position
from billing.plans.dates import positions as positions_of
from billing.reslicing import Moved, Resliced
from billing.slots import Slot
from billing.standing import Key, Standing
from compliance import access, audit, business_days, events, explanations
from compliance.explanations import Figure
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Invalid, NotFound
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from policies.models import Charge, Component, Policy, Term, Transaction


class UnknownMode(Invalid):
    """A change of a schedule is placed now, spread, next or last, goes to unapplied, at once, or is restored."""

    code = "unknown_schedule_mode"


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
    _check_components(plans.read(spec))
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


def _check_components(spec: plans.PlanSpec) -> None:
    for field, named in (("down_payment", spec.in_full), ("allocation", spec.allocation_components)):
        unknown = set(named) - set(Component.values)
        if unknown:
            raise plans.PlanUnreadable(f"There is no component {min(unknown)!r}.", field=field)


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
    payors = slots.payors_of(policy)
    planned = planned_for(plans.read(version.spec), charges, term, made_on=clock.today(), due_day=due_day_of(payors))
    schedule = Schedule.objects.create(
        policy=policy,
        term=term,
        transaction_id=transaction_id,
        plan_version=version,
        currency=charges[0].currency,
    )
    keys = {charge.id: key_of(charge) for charge in charges}
    dates = [_slot(installment, keys) for installment in planned.installments]
    slots.write(schedule, policy, dates, {key: id for id, key in keys.items()}, payors=payors)
    _explain_plan(schedule, version, planned, charges)
    total = sum(charge.amount_minor for charge in charges)
    _tell(schedule, "create", {"installments": len(planned.installments), "total_minor": total})
    return schedule


def planned_for(
    spec: plans.PlanSpec,
    charges: Sequence[Charge],
    term: Term,
    *,
    made_on: dt.date,
    due_day: int | None = None,
) -> plans.PlannedSchedule:
    """The installments of a term's charges by a plan, as a schedule made on a day has them. It writes nothing."""
    return plans.build(
        spec,
        [
            plans.ChargeDue(charge.id, charge.component, Money(charge.amount_minor, charge.currency))
            for charge in charges
        ],
        anchor=anchor_of(spec, term, made_on),
        currency=charges[0].currency,
        expires_on=term.expires_on,
        shift=business_days.shift,
        bill_from=made_on if term.number > 1 else None,
        due_day=due_day,
    )


def anchor_of(spec: plans.PlanSpec, term: Term, made_on: dt.date) -> dt.date:
    """The first due date of a plan: the term's first day or, for a first term, the day it was bound if so planned."""
    return term.effective_on if spec.anchor == "effective" or term.number > 1 else made_on


def due_day_of(payors: Sequence[PayorShare]) -> int | None:
    """The due day that the one payor of a policy chose for all bills, if there is one."""
    return payors[0].account.due_day if len(payors) == 1 else None


def key_of(charge: Charge) -> Key:
    """The key that a charge's money is kept by."""
    return Key(charge.component, charge.payee_kind, charge.payee, charge.commission_ppm)


def _slot(installment: plans.PlannedInstallment, keys: Mapping[str, Key]) -> Slot:
    slot = Slot(installment.bill_on, installment.due_on, fee_minor=installment.fee_minor)
    for share in installment.shares:
        if share.charge_id is not None:
            slot.amounts[keys[share.charge_id]] += share.amount.amount_minor
    return slot


@step
def adjust(policy: Policy, term: Term, transaction_id: str, *, reason: str, mode: str | None = None) -> Schedule:
    """Bring what is left to bill of a term in line with what is charged now, on a locked policy.

    Takes:  `mode` in place of the plan's own: now, spread, next or last for what is added; unapplied for what is taken
            off; at_once; restore. A cancelled term always asks at once, a reinstated one by its plan's dates again.
    Gives:  the next schedule, which replaces every installment not billed yet; the last one when nothing changes.
    Posts:  by `credits.credit_overbilled`, when invoices ask for more than is charged.
    Raises: NotFound (plan), UnknownMode.
    """
    last = Schedule.objects.filter(term=term).select_related("plan_version").order_by("-number").first()
    if last is None:
        return create(policy, term, transaction_id, term.plan_code)
    figured = figure(policy, term, last, _mode_of(term, transaction_id, mode), standing.of_term(term))
    schedule = last
    if figured.is_change:
        schedule = replace(policy, last, figured, transaction_id=transaction_id, reason=reason)
    if figured.excess:
        credits.credit_overbilled(policy, term, figured.excess, transaction_id=transaction_id, reason=reason)
    if not (figured.is_change or figured.excess):
        audit.record(action="schedule.keep", object_id=last.id, organization_id=policy.operator_id, reason=reason)
    return schedule


def figure(
    policy: Policy,
    term: Term,
    last: Schedule,
    mode: str | None,
    standings: Mapping[Key, Standing],
) -> Resliced:
    """Where what is left to bill of a term goes, by its last schedule's plan. It writes nothing.

    Takes:  `mode` as `adjust`; `standings` as they are, or as they would be after a change.
    Raises: UnknownMode, BadAmount.
    """
    spec = plans.read(last.plan_version.spec)
    dates = slots.unbilled(term)
    if mode == reslicing.AT_ONCE:
        return reslicing.at_once(dates, standings, now=(clock.today(), clock.today()))
    if mode == reslicing.RESTORE:
        return reslicing.restore(
            dates, standings, spec, places_of(policy, term, spec), fee_minor=_fee(spec, last), now=now_of(spec, term)
        )
    if mode not in (None, "unapplied", *plans.ENDORSEMENTS):
        raise UnknownMode(f"There is no mode {mode!r}.", field="mode")
    return reslicing.change(
        dates,
        standings,
        endorsement=mode if mode in plans.ENDORSEMENTS else spec.endorsement,
        credit=mode if mode in plans.CREDITS else spec.credit,
        rounding=spec.spread_rounding,
        now=now_of(spec, term),
        fee_from=spec.fee_from,
        billed_dates=_billed(term)[1],
    )


def places_of(policy: Policy, term: Term, spec: plans.PlanSpec, due_day: int | None = None) -> list[Position]:
    """Every date of a plan on a term that has a schedule already."""
    first = Schedule.objects.filter(term=term).order_by("number").values_list("created_at", flat=True)[:1]
    made_on = first[0].date() if first else clock.today()
    return positions_of(
        spec,
        anchor=anchor_of(spec, term, made_on),
        expires_on=term.expires_on,
        shift=business_days.shift,
        bill_from=made_on if term.number > 1 else None,
        due_day=due_day or due_day_of(slots.payors_of(policy)),
    )


def now_of(spec: plans.PlanSpec, term: Term) -> tuple[dt.date, dt.date]:
    """The bill and due date of an installment billed at once: today, and so many days later as the plan gives."""
    today = clock.today()
    due_on = business_days.shift(today + dt.timedelta(days=spec.bill_lead_days), spec.business_days)
    return today, max(today, min(due_on, term.expires_on))


@step
def replace(
    policy: Policy,
    last: Schedule,
    figured: Resliced,
    *,
    transaction_id: str,
    reason: str,
    version: PlanVersion | None = None,
) -> Schedule:
    """Write the next schedule of a term and mark what it replaces. Raises: nothing; the policy is locked."""
    version = version or last.plan_version
    schedule = Schedule.objects.create(
        policy=policy,
        term_id=last.term_id,
        number=last.number + 1,
        transaction_id=transaction_id,
        reason=reason[:200],
        plan_version=version,
        currency=last.currency,
    )
    Installment.objects.filter(schedule__term_id=last.term_id, invoice__isnull=True, replaced_by__isnull=True).update(
        replaced_by=schedule
    )
    rows = slots.write(
        schedule,
        policy,
        figured.slots,
        slots.latest_charges(last.term),
        payors=slots.payors_of(policy),
        first_sequence=_billed(last.term)[0] + 1,
    )
    _explain_moves(schedule, version, figured)
    total = sum(slot.total_minor for slot in figured.slots)
    _tell(schedule, "adjust", {"installments": len(rows), "total_minor": total}, replaces=last, reason=reason)
    return schedule


def _mode_of(term: Term, transaction_id: str, asked: str | None) -> str | None:
    """A cancelled term asks at once; else what is asked for, or the plan's own dates for a reinstatement."""
    if term.state == Term.State.CANCELLED:
        return reslicing.AT_ONCE
    if asked is not None:
        return asked
    transaction = Transaction.objects.filter(pk=transaction_id).select_related("reverses").first()
    undone = transaction.reverses.kind if transaction is not None and transaction.reverses is not None else ""
    kinds = {transaction.kind if transaction is not None else "", undone}
    cancelled = Transaction.Kind.CANCELLATION in kinds or Transaction.Kind.REINSTATEMENT in kinds
    return reslicing.RESTORE if cancelled else None


def _billed(term: Term) -> tuple[int, int]:
    """The highest number of a billed installment of a term, and how many dates are billed."""
    billed = Installment.objects.filter(schedule__term=term, invoice__isnull=False)
    found = billed.aggregate(last=Max("sequence"), dates=Count("due_on", distinct=True))
    return found["last"] or 0, found["dates"]


def _fee(spec: plans.PlanSpec, schedule: Schedule) -> int:
    return Money.parse(spec.fee_amount, schedule.currency, field="installment_fee").amount_minor


def _explain_moves(schedule: Schedule, version: PlanVersion, figured: Resliced) -> None:
    by_component: dict[str, list[Moved]] = defaultdict(list)
    for moved in figured.moved:
        by_component[moved.key.component].append(moved)
    explanations.record(
        Figure(
            schedule.id,
            component,
            sum(moved.unbilled_minor for moved in moves),
            schedule.currency,
            _why_moved(moves, figured.slots, version),
        )
        for component, moves in by_component.items()
    )


def _why_moved(moves: Sequence[Moved], dates: Sequence[Slot], version: PlanVersion) -> Explained:
    parts = [(slot.due_on, sum(slot.amounts[moved.key] for moved in moves)) for slot in dates]
    return Explained(
        formula="unbilled before + change = charged − billed + credited; the change placed by the mode",
        inputs={
            "charged_minor": sum(moved.standing.charged_minor for moved in moves),
            "billed_minor": sum(moved.standing.billed_minor for moved in moves),
            "unbilled_before_minor": sum(moved.standing.unbilled_minor for moved in moves),
            "change_minor": sum(moved.change_minor for moved in moves),
            "mode": ", ".join(sorted({moved.mode for moved in moves if moved.mode})) or "unchanged",
            "parts_minor": " + ".join(f"{minor} on {due_on}" for due_on, minor in parts if minor) or "0",
        },
        rule=f"payment plan {version.code}",
        rule_version=str(version),
    )


def _explain_plan(
    schedule: Schedule, version: PlanVersion, planned: plans.PlannedSchedule, charges: Sequence[Charge]
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


def _tell(
    schedule: Schedule, verb: str, facts: dict[str, Any], *, replaces: Schedule | None = None, reason: str = ""
) -> None:
    policy = schedule.policy
    after = {"plan": str(schedule.plan_version), **facts}
    audit.record(
        action=f"schedule.{verb}",
        object_id=schedule.id,
        organization_id=policy.operator_id,
        before={"schedule": replaces.id} if replaces else {},
        after=after,
        reason=reason,
    )
    events.record(
        type="schedule.changed" if replaces else "schedule.created",
        organization_id=policy.operator_id,
        object_id=schedule.id,
        subject_id=policy.id,
        data={"schedule": schedule.id, "policy": policy.id, **after},
    )
