"""Pure: what a payment plan says, the installments it makes of charges, and where a later change of them goes.

Every charge is split over the same weights, so each component sums exactly over the schedule, to the cent.
"""

from billing.plans.building import ChargeDue, PlannedInstallment, PlannedSchedule, Share, build
from billing.plans.dates import Shift, due_date
from billing.plans.spec import CREDITS, ENDORSEMENTS, MAX_INSTALLMENTS, ROUNDINGS, PlanSpec, PlanUnreadable, Step, read

__all__ = [
    "CREDITS",
    "ENDORSEMENTS",
    "MAX_INSTALLMENTS",
    "ROUNDINGS",
    "ChargeDue",
    "PlanSpec",
    "PlanUnreadable",
    "PlannedInstallment",
    "PlannedSchedule",
    "Share",
    "Shift",
    "Step",
    "build",
    "due_date",
    "read",
]
