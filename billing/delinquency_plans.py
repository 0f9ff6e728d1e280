"""Pure: what a delinquency plan says about past due money, and when each of its steps is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import BadAmount, Money

REMINDER, LATE_FEE, NOTICE, CANCEL = "reminder", "late_fee", "notice", "cancel"
COLLECTIONS, WRITE_OFF = "collections", "write_off"
ACTIONS = (REMINDER, LATE_FEE, NOTICE, CANCEL, COLLECTIONS, WRITE_OFF)
ENDS = (COLLECTIONS, WRITE_OFF)
STOPPED_BY_MORATORIUM = (LATE_FEE, NOTICE, CANCEL, COLLECTIONS)
CALENDAR, BUSINESS = "calendar", "business"
MAX_STEPS = 20
MAX_DAYS = 365
AddBusinessDays = Callable[[dt.date, int], dt.date]
_KEYS = {
    "spec": {"steps", "thresholds", "grace", "bill", "automatic", "minimum_notice_days", "mail_within_days"},
    "steps": {"action", "after_days", "days"},
    "thresholds": {"enter", "exit", "cancel"},
    "grace": {"days", "kind"},
}


class DelinquencyPlanUnreadable(Invalid):
    """The delinquency plan's spec says something that cannot be done; the field says where."""

    code = "delinquency_plan_unreadable"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, some days after the due date of the oldest unpaid invoice.

    A cancellation waits for the day its notice names, whatever `after_days` says; what follows it counts from there.
    """

    action: str
    after_days: int
    days: str


@dataclass(frozen=True, slots=True)
class DelinquencySpec:
    """A delinquency plan, read and checked. Thresholds are amounts as written, in the currency of the invoices.

    `enter`: past due money up to it is left alone. `exit`: a shortfall up to it counts as paid. `cancel`: no notice
    for less. `automatic`: false asks a person before each notice and cancellation.
    """

    steps: tuple[Step, ...]
    enter: str
    exit: str
    cancel: str
    grace_days: int
    grace_kind: str
    automatic: bool
    minimum_notice_days: int
    mail_within_days: int


STANDARD: dict[str, Any] = {
    "steps": [
        {"action": REMINDER, "after_days": 3},
        {"action": LATE_FEE, "after_days": 5},
        {"action": NOTICE, "after_days": 7},
        {"action": CANCEL, "after_days": 7},
        {"action": COLLECTIONS, "after_days": 30},
    ],
    "thresholds": {"enter": "5.00", "exit": "1.00", "cancel": "25.00"},
}
"""What an operator without a plan of its own gets when it publishes 'default'."""


def read(spec: Any) -> DelinquencySpec:
    """Read and check a delinquency plan's spec.

    Takes:  `steps` (a list of {action, after_days, days}), `thresholds` {enter, exit, cancel}, `grace` {days, kind},
            `bill` direct|agency, `automatic`, `minimum_notice_days`, `mail_within_days`; all but `steps` optional.
            Agency bill is not automatic unless it says so.
    Raises: DelinquencyPlanUnreadable, naming the key.
    """
    spec = _object(spec, "spec")
    thresholds = _object(spec.get("thresholds", {}), "thresholds")
    grace = _object(spec.get("grace", {}), "grace")
    bill = _one_of(spec.get("bill", "direct"), "bill", ("direct", "agency"))
    automatic = spec.get("automatic", bill == "direct")
    if not isinstance(automatic, bool):
        raise DelinquencyPlanUnreadable("automatic is true or false.", field="automatic")
    found = DelinquencySpec(
        steps=_steps(spec.get("steps")),
        enter=_amount(thresholds.get("enter", "5.00")),
        exit=_amount(thresholds.get("exit", "1.00")),
        cancel=_amount(thresholds.get("cancel", "25.00")),
        grace_days=_whole(grace.get("days", 0), "grace", 0, 90),
        grace_kind=_one_of(grace.get("kind", CALENDAR), "grace", (CALENDAR, BUSINESS)),
        automatic=automatic,
        minimum_notice_days=_whole(spec.get("minimum_notice_days", 0), "minimum_notice_days", 0, 180),
        mail_within_days=_whole(spec.get("mail_within_days", 1), "mail_within_days", 0, 30),
    )
    _rising(found)
    return found


def minor(amount: str, currency: str) -> int:
    """A threshold in minor units of a currency. Raises: BadAmount when it has decimals that the currency lacks."""
    return Money.parse(amount, currency, field="thresholds").amount_minor


def past_due_from(spec: DelinquencySpec, due_on: dt.date, add_business_days: AddBusinessDays) -> dt.date:
    """The first day on which an invoice due on a day is past due: the day after its due date and grace."""
    return after(due_on, spec.grace_days, spec.grace_kind, add_business_days) + dt.timedelta(days=1)


def after(on: dt.date, days: int, kind: str, add_business_days: AddBusinessDays) -> dt.date:
    """Some calendar or business days later."""
    return add_business_days(on, days) if kind == BUSINESS else on + dt.timedelta(days=days)


def due_on(
    spec: DelinquencySpec,
    position: int,
    *,
    entered_on: dt.date,
    ended_on: dt.date | None,
    add_business_days: AddBusinessDays,
) -> dt.date | None:
    """The day a step is due; none after the last one.

    Takes:  `ended_on`, the day cover ended for non-payment: collections and write-off then count from it.
    """
    if position >= len(spec.steps):
        return None
    step = spec.steps[position]
    start = ended_on if ended_on is not None and step.action in ENDS else entered_on
    return after(start, step.after_days, step.days, add_business_days)


def position_of(spec: DelinquencySpec, action: str) -> int | None:
    """Where the plan takes an action first; none if it never does."""
    return next((position for position, step in enumerate(spec.steps) if step.action == action), None)


def _steps(listed: Any) -> tuple[Step, ...]:
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_STEPS:
        raise DelinquencyPlanUnreadable(f"steps is a list of 1 to {MAX_STEPS}.", field="steps")
    read_steps = [_object(step, "steps") for step in listed]
    return tuple(
        Step(
            action=_one_of(step.get("action"), "steps", ACTIONS),
            after_days=_whole(step.get("after_days"), "steps", 0, MAX_DAYS),
            days=_one_of(step.get("days", CALENDAR), "steps", (CALENDAR, BUSINESS)),
        )
        for step in read_steps
    )


def _rising(spec: DelinquencySpec) -> None:
    """Refuse steps out of order, a cancellation without its notice, and thresholds that contradict each other."""
    actions = [step.action for step in spec.steps]
    for action in (NOTICE, CANCEL, *ENDS):
        if actions.count(action) > 1:
            raise DelinquencyPlanUnreadable(f"A plan takes the step {action} once.", field="steps")
    for position, action in enumerate(actions):
        before = actions[position - 1] if position else ""
        if (action == CANCEL) != (before == NOTICE):
            raise DelinquencyPlanUnreadable("A notice and its cancel follow each other.", field="steps")
        if before in ENDS and action not in ENDS:
            raise DelinquencyPlanUnreadable(f"Nothing but {' or '.join(ENDS)} follows {before}.", field="steps")
    if actions[-1] == NOTICE:
        raise DelinquencyPlanUnreadable("A notice is followed by cancel.", field="steps")
    counted = [step.after_days for step in spec.steps if step.action not in (CANCEL, *ENDS)]
    if counted != sorted(counted):
        raise DelinquencyPlanUnreadable("The days of the steps must not fall.", field="steps")
    enter, leave, cancel = (minor(amount, "KWD") for amount in (spec.enter, spec.exit, spec.cancel))
    if leave > enter or cancel < enter:
        raise DelinquencyPlanUnreadable("Thresholds rise: exit, enter, cancel.", field="thresholds")


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DelinquencyPlanUnreadable(f"{name} is an object with {', '.join(sorted(_KEYS[name]))}.", field=name)
    for key in value:
        if key not in _KEYS[name]:
            known = ", ".join(sorted(_KEYS[name]))
            where = str(key) if name == "spec" else name
            raise DelinquencyPlanUnreadable(f"The plan's {name} has no {key!r}; it has {known}.", field=where)
    return value


def _amount(value: Any) -> str:
    """A threshold as written, once it reads as an amount of zero or more in some currency."""
    try:
        money = Money.parse(value, "KWD", field="thresholds")
    except BadAmount as error:
        raise DelinquencyPlanUnreadable(error.message, field="thresholds") from None
    if money.amount_minor < 0:
        raise DelinquencyPlanUnreadable("A threshold is zero or more.", field="thresholds")
    return str(value)


def _one_of(value: Any, field: str, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise DelinquencyPlanUnreadable(f"{field}: {value!r} is not one of {', '.join(known)}.", field=field)
    return value


def _whole(value: Any, field: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise DelinquencyPlanUnreadable(f"{field}: {value!r} must be a whole number from {low} to {high}.", field=field)
    return value
