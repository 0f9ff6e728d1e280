"""A change of payment plan or due day in the middle of a term: what is not billed is sliced anew."""

from __future__ import annotations

from dataclasses import dataclass

from billing import plans, previews, reslicing, schedules, slots, standing
from billing.models import PlanVersion, Schedule
from billing.previews import ChangePreview
from billing.reslicing import Resliced
from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Policy, Term


class NothingToReplan(Conflict):
    """No term of the policy has a schedule with something left to bill."""

    code = "nothing_to_replan"


@dataclass(frozen=True, slots=True)
class _Figured:
    """A plan change worked out: the schedule it replaces, the plan it follows, and where everything goes."""

    term: Term
    last: Schedule
    version: PlanVersion
    resliced: Resliced


@command
def change_plan(*, policy_id: str, plan_code: str, actor: Actor, due_day: int | None = None) -> Schedule:
    """Slice what is not billed of the current term anew, by another plan or another due day.

    Takes:  the code of a plan in force today (it may be the same plan); a due day 1-31 in place of the plan's own.
    Gives:  the next schedule.
    Raises: NotFound, Forbidden, NothingToReplan, Invalid (due_day), BadAmount.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.BILLING_WRITE)
    policy = locks.lock(policy_id)
    figured = _figure(policy, plan_code, due_day)
    day = f", due on day {due_day}" if due_day else ""
    return schedules.replace(
        policy,
        figured.last,
        figured.resliced,
        transaction_id="",
        reason=f"Plan changed to {figured.version.code}{day}",
        version=figured.version,
    )


def preview(policy: Policy, plan_code: str, due_day: int | None = None) -> ChangePreview:
    """The same figures as `change_plan` for a visible policy; it writes nothing. Raises: as `change_plan`."""
    figured = _figure(policy, plan_code, due_day)
    return previews.change_preview(figured.version, figured.last.currency, figured.term, figured.resliced)


def _figure(policy: Policy, plan_code: str, due_day: int | None) -> _Figured:
    if due_day is not None and not 1 <= due_day <= 31:
        raise Invalid(f"A due day is 1 to 31, not {due_day}.", field="due_day")
    last = _last_schedule(policy)
    term = last.term
    version = schedules.plan_in_force(policy.operator_id, plan_code, clock.today())
    spec = plans.read(version.spec)
    standings = standing.of_term(term)
    if not any(each.remaining_minor > 0 for each in standings.values()):
        raise NothingToReplan(f"Policy {policy.number} has nothing left to bill by another plan.", field="policy")
    resliced = reslicing.reslice(
        slots.unbilled(term),
        standings,
        spec,
        schedules.places_of(policy, term, spec, due_day),
        fee_minor=Money.parse(spec.fee_amount, last.currency, field="installment_fee").amount_minor,
        now=schedules.now_of(spec, term),
    )
    return _Figured(term, last, version, resliced)


def _last_schedule(policy: Policy) -> Schedule:
    """The last schedule of the term that is in force, or of an offered one. Raises: NothingToReplan."""
    found = (
        Schedule.objects.filter(policy=policy, term__state__in=[Term.State.IN_FORCE, Term.State.OFFERED])
        .select_related("term", "plan_version")
        .order_by("term__number", "-number")
        .first()
    )
    if found is None:
        raise NothingToReplan(f"Policy {policy.number} has no term that is billed by a plan.", field="policy")
    return found
