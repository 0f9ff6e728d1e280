"""The payment plan that a term is billed by: the version its newest schedule was made under."""

from __future__ import annotations

from billing import plans
from billing.models import Schedule
from billing.plans import PlanSpec

NO_PLAN = plans.read({})


def of_term(term_id: str) -> PlanSpec:
    """What the plan of a term says; a plan that says nothing where the term has no schedule yet."""
    schedule = Schedule.objects.filter(term_id=term_id).select_related("plan_version").order_by("-number").first()
    return plans.read(schedule.plan_version.spec) if schedule else NO_PLAN
