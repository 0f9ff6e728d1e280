"""Past due money followed to payment, cancellation or collections."""

from billing.delinquency.cures import cured_by_payment, money_returned, policy_cancelled
from billing.delinquency.pauses import decide, hold, promise, release
from billing.delinquency.process import advance, enter_due, to_advance, to_enter
from billing.delinquency.running import advance_one, follow
from billing.delinquency.versions import in_force, publish

__all__ = [
    "advance",
    "advance_one",
    "cured_by_payment",
    "decide",
    "enter_due",
    "follow",
    "hold",
    "in_force",
    "money_returned",
    "policy_cancelled",
    "promise",
    "publish",
    "release",
    "to_advance",
    "to_enter",
]
