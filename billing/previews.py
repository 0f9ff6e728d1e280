"""How the bills of a policy would look: before it is bound, by every plan there is, and after an endorsement.

Everything here is computed by the same functions that write schedules, and writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing import plans, schedules, slots, standing
from billing.models import PlanVersion, Schedule
from billing.reslicing import Resliced
from billing.slots import Slot
from billing.standing import Key, Standing
from coverpay.kernel import clock
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import BadAmount
from policies.models import Charge, Component, Policy, Term


class NothingCharged(Conflict):
    """The policy has no term with charges that a plan could spread."""

    code = "nothing_charged"


@dataclass(frozen=True, slots=True)
class InstallmentPreview:
    """One bill to come, by component; the plan's fee apart."""

    sequence: int
    bill_on: dt.date
    due_on: dt.date
    components: dict[str, int]
    fee_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class SchedulePreview:
    """The bills of a term by one plan, with what they come to."""

    plan: str
    plan_version: str
    name: str
    currency: str
    installments: list[InstallmentPreview]

    @property
    def total_minor(self) -> int:
        return sum(each.total_minor for each in self.installments)

    @property
    def fees_minor(self) -> int:
        return sum(each.fee_minor for each in self.installments)


@dataclass(frozen=True, slots=True)
class PlanOption:
    """One plan beside the others: what is due first, what follows, and what it costs in all.

    `installment_minor` is the largest bill after the first. A plan that cannot bill this policy says why in `refused`.
    """

    plan: str
    plan_version: str
    name: str
    currency: str
    number: int = 0
    down_payment_minor: int = 0
    installment_minor: int = 0
    fees_minor: int = 0
    total_minor: int = 0
    first_due_on: dt.date | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What is still to be billed of a term, before and after a change, and what comes off what is billed."""

    plan: str
    plan_version: str
    currency: str
    before: list[InstallmentPreview]
    after: list[InstallmentPreview]
    credited_minor: int

    @property
    def before_minor(self) -> int:
        return sum(each.total_minor for each in self.before)

    @property
    def after_minor(self) -> int:
        return sum(each.total_minor for each in self.after)


def schedule_preview(policy: Policy, plan_code: str = "") -> SchedulePreview:
    """The bills of a visible policy's last term by its plan, or by another. Raises: NothingCharged, NotFound (plan)."""
    term, charges = _charged(policy)
    version = schedules.plan_in_force(policy.operator_id, plan_code or term.plan_code, term.effective_on)
    return _preview(term, charges, version, schedules.due_day_of(slots.payors_of(policy)))


def compare_plans(policy: Policy) -> list[PlanOption]:
    """Every plan in force when a visible policy's last term begins, the cheapest first. Raises: NothingCharged."""
    term, charges = _charged(policy)
    versions = (
        PlanVersion.objects.filter(organization_id=policy.operator_id, effective_from__lte=term.effective_on)
        .order_by("code", "-effective_from", "-number")
        .distinct("code")
    )
    due_day = schedules.due_day_of(slots.payors_of(policy))
    options = [_option(term, charges, version, due_day) for version in versions]
    return sorted(options, key=lambda option: (bool(option.refused), option.total_minor, option.number, option.plan))


def endorsement_preview(
    policy: Policy, changes: Mapping[str, int], effective_on: dt.date, *, mode: str | None = None
) -> ChangePreview:
    """What is to be billed of a term once so much more (less) is charged of some components.

    Takes:  signed minor units by component; a day of the term.
    Raises: NothingCharged, Invalid (effective_on, component), UnknownMode.
    """
    term = policy.terms.filter(effective_on__lte=effective_on, expires_on__gt=effective_on).order_by("-number").first()
    if term is None:
        raise Invalid(f"No term of policy {policy.number} has the day {effective_on}.", field="effective_on")
    last = Schedule.objects.filter(term=term).select_related("plan_version").order_by("-number").first()
    if last is None:
        raise NothingCharged(f"Policy {policy.number} has no schedule for that term yet.", field="policy")
    standings = _changed(standing.of_term(term), changes)
    figured = schedules.figure(policy, term, last, mode, standings)
    return change_preview(last.plan_version, last.currency, slots.unbilled(term), figured)


def change_preview(version: PlanVersion, currency: str, before: Sequence[Slot], figured: Resliced) -> ChangePreview:
    """What is to be billed now, and as it was figured."""
    return ChangePreview(
        plan=version.code,
        plan_version=str(version),
        currency=currency,
        before=listed(before),
        after=listed(figured.slots),
        credited_minor=sum(figured.excess.values()),
    )


def listed(dates: Sequence[Slot]) -> list[InstallmentPreview]:
    """Dates with what they ask for by component; late and returned payment fees count as components."""
    return [_of_slot(sequence, slot) for sequence, slot in enumerate(dates, start=1)]


def _of_slot(sequence: int, slot: Slot) -> InstallmentPreview:
    components: dict[str, int] = {}
    for key, minor in [*slot.amounts.items(), *((fee.key, fee.amount_minor) for fee in slot.carried)]:
        components[key.component] = components.get(key.component, 0) + minor
    return InstallmentPreview(sequence, slot.bill_on, slot.due_on, components, slot.fee_minor, slot.total_minor)


def _charged(policy: Policy) -> tuple[Term, list[Charge]]:
    """The last term, and the charges that its first transaction wrote: what a plan spreads."""
    term = policy.terms.order_by("-number").first()
    charges = list(Charge.objects.filter(transaction__term=term, transaction__sequence=1).order_by("id"))
    if term is None or not charges:
        raise NothingCharged(f"Policy {policy.number} has no charges that a plan could spread.", field="policy")
    return term, charges


def _preview(term: Term, charges: Sequence[Charge], version: PlanVersion, due_day: int | None) -> SchedulePreview:
    planned = schedules.planned_for(
        plans.read(version.spec),
        charges,
        term,
        made_on=clock.today(),
        due_day=due_day,
    )
    return SchedulePreview(
        plan=version.code,
        plan_version=str(version),
        name=version.name,
        currency=charges[0].currency,
        installments=[_of_planned(each) for each in planned.installments],
    )


def _of_planned(planned: plans.PlannedInstallment) -> InstallmentPreview:
    components: dict[str, int] = {}
    for share in planned.shares:
        if share.charge_id is not None:
            components[share.component] = components.get(share.component, 0) + share.amount.amount_minor
    return InstallmentPreview(
        planned.sequence, planned.bill_on, planned.due_on, components, planned.fee_minor, planned.total_minor
    )


def _option(term: Term, charges: Sequence[Charge], version: PlanVersion, due_day: int | None) -> PlanOption:
    code, named, currency = version.code, version.name, charges[0].currency
    try:
        found = _preview(term, charges, version, due_day)
    except (BadAmount, plans.PlanUnreadable) as error:
        return PlanOption(code, str(version), named, currency, refused=error.message)
    totals = [each.total_minor for each in found.installments]
    return PlanOption(
        plan=code,
        plan_version=str(version),
        name=named,
        currency=currency,
        number=len(totals),
        down_payment_minor=totals[0],
        installment_minor=max(totals[1:], default=0),
        fees_minor=found.fees_minor,
        total_minor=found.total_minor,
        first_due_on=found.installments[0].due_on,
    )


def _changed(standings: dict[Key, Standing], changes: Mapping[str, int]) -> dict[Key, Standing]:
    """Standings with so much more charged; a component goes to the key that has most of it."""
    found = dict(standings)
    for component, minor in changes.items():
        keys = [key for key in found if key.component == component]
        if not keys:
            known = ", ".join(sorted({key.component for key in found if key.component in Component.values}))
            raise Invalid(f"Nothing is charged for {component!r}; charged are {known}.", field="component")
        key = max(keys, key=lambda each: found[each].charged_minor)
        found[key] = found[key].plus(minor)
    return found
