"""Pure: what a recovery plan says about a failed payment, and when each of its steps is due.

A plan has a list of steps for each class of failure. The time of a step counts from the end of the one before: from the
failure itself, from a message sent, from a retry that failed. A charge moves to the next payday when the plan names
paydays, to a business day, behind what the network wants awaited, and before the day cover ends; where no such moment
is left it is refused with the reason. What is no charge is never refused: where it would be too late, it comes sooner.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compliance import business_days
from coverpay.kernel.errors import Invalid
from payments import failure_codes, recovery_days
from payments.failure_words import DETAILS, GATEWAY, HARD, LIMIT, SOFT, UNKNOWN

RETRY, FALLBACK, MESSAGE = "retry", "fallback", "message"
ASK_DETAILS, HAND_OVER = "ask_details", "hand_over"
KINDS = (RETRY, FALLBACK, MESSAGE, ASK_DETAILS, HAND_OVER)
CHARGES = (RETRY, FALLBACK)
RETRIED = (SOFT, LIMIT, GATEWAY)
TEMPLATES = ("payment_failed", "will_retry", "new_details_needed")
DAYS, BUSINESS_DAYS, HOURS = "days", "business_days", "hours"
SEPARATE, WITH_RETRY = "separate", "with_retry"
MOST_STEPS = 12
MOST_DAYS = 120
_KEYS = {
    "spec": {"zone", "at", "basis", "fees", "business_days", "classes"},
    "steps": {"do", "after", "on", "template"},
    "after": {DAYS, BUSINESS_DAYS, HOURS},
}
_DAY = dt.timedelta(days=1)


class RecoveryPlanUnreadable(Invalid):
    """The recovery plan's spec says something that cannot be done; the field says where."""

    code = "recovery_plan_unreadable"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, so many `unit` after the one before; `on` names the days it waits for, the first that comes."""

    kind: str
    amount: int = 0
    unit: str = HOURS
    on: tuple[str, ...] = ()
    template: str = ""

    def __str__(self) -> str:
        return {
            RETRY: "try again",
            FALLBACK: "charge the other method",
            MESSAGE: f"message {self.template.replace('_', ' ')}",
            ASK_DETAILS: "ask for new details",
            HAND_OVER: "a person goes on",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class RecoverySpec:
    """A recovery plan, read and checked.

    `basis`: on whose reading the codes' facts are used that were not read in primary text; without it nothing is tried
    again. `fees`: whether a retry by card takes open fees for returned payments along; a bank debit never does.
    """

    zone: zoneinfo.ZoneInfo
    at: dt.time
    basis: str
    fees: str
    business_days_only: bool
    classes: Mapping[str, tuple[Step, ...]]

    def steps(self, class_: str) -> tuple[Step, ...]:
        """The steps for a class; a class the plan does not name goes to a person."""
        return self.classes.get(class_) or (Step(HAND_OVER),)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between when and when a charge may be made: from a moment on, through a day (UTC), with the reasons for both.

    `refused` says why it may not be made at all.
    """

    earliest: dt.datetime | None = None
    last_on: dt.date | None = None
    why_earliest: str = ""
    why_last: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """When a step is due and how that came about; `refused` says why it is never due."""

    at: dt.datetime
    why: tuple[str, ...]
    refused: str = ""


STANDARD: dict[str, Any] = {
    "zone": "America/New_York",
    "at": "09:00",
    "basis": "Return and response codes as our bank and processor publish them.",
    "fees": SEPARATE,
    "classes": {
        SOFT: [
            {"do": MESSAGE, "template": "payment_failed"},
            {"do": RETRY, "after": {DAYS: 3}, "on": ["1", "15", "friday"]},
            {"do": MESSAGE, "template": "will_retry"},
            {"do": RETRY, "after": {DAYS: 5}, "on": ["1", "15", "friday"]},
            {"do": FALLBACK, "after": {BUSINESS_DAYS: 1}},
            {"do": ASK_DETAILS},
            {"do": HAND_OVER, "after": {DAYS: 5}},
        ],
        LIMIT: [
            {"do": MESSAGE, "template": "payment_failed"},
            {"do": RETRY, "after": {BUSINESS_DAYS: 2}},
            {"do": FALLBACK, "after": {BUSINESS_DAYS: 1}},
            {"do": ASK_DETAILS},
            {"do": HAND_OVER, "after": {BUSINESS_DAYS: 5}},
        ],
        GATEWAY: [
            {"do": RETRY, "after": {HOURS: 4}},
            {"do": RETRY, "after": {BUSINESS_DAYS: 1}},
            {"do": HAND_OVER},
        ],
        DETAILS: [
            {"do": FALLBACK},
            {"do": ASK_DETAILS},
            {"do": ASK_DETAILS, "after": {DAYS: 4}},
            {"do": HAND_OVER, "after": {DAYS: 3}},
        ],
        HARD: [
            {"do": FALLBACK},
            {"do": ASK_DETAILS},
            {"do": HAND_OVER, "after": {DAYS: 5}},
        ],
        UNKNOWN: [{"do": HAND_OVER}],
    },
}
"""What the editor begins with."""


def read(spec: Any) -> RecoverySpec:
    """Read and check a recovery plan's spec.

    Takes:  `zone` and `at` (time of day there), `basis`, `fees` separate|with_retry, `business_days` (charges only on
            them, true), and `classes`: a list of {do, after, on, template} for each class.
    Raises: RecoveryPlanUnreadable, naming the key.
    """
    spec = _object(spec, "spec")
    classes = spec.get("classes")
    if not isinstance(classes, Mapping) or not classes:
        raise RecoveryPlanUnreadable(f"classes names {', '.join(failure_codes.CLASSES)}.", field="classes")
    found = RecoverySpec(
        zone=_zone(spec.get("zone", "America/New_York")),
        at=_time(spec.get("at", "09:00")),
        basis=_text(spec.get("basis", ""), "basis", 300),
        fees=_one_of(spec.get("fees", SEPARATE), "fees", (SEPARATE, WITH_RETRY)),
        business_days_only=_true_or_false(spec.get("business_days", True), "business_days"),
        classes={_one_of(name, "classes", failure_codes.CLASSES): _steps(name, of) for name, of in classes.items()},
    )
    if not found.basis and any(step.kind == RETRY for steps in found.classes.values() for step in steps):
        raise RecoveryPlanUnreadable(
            "Say in basis who read the networks' rules, and where: their codes are not established from primary text.",
            field="basis",
        )
    return found


def due(spec: RecoverySpec, step: Step, now: dt.datetime, bounds: Bounds | None = None) -> Due:
    """When a step is due if the one before it ended now; within the bounds, if it charges."""
    bounds = bounds or Bounds()
    if step.kind not in CHARGES:
        bounds = Bounds(last_on=bounds.last_on, why_last=bounds.why_last)
    at, why = _counted(spec, step, now)
    if bounds.refused:
        return Due(at, tuple(why), bounds.refused)
    if not _fits(spec, step, at):
        at = _from(spec, step, at)
        why.append("moved to a business day")
    if bounds.earliest is not None and at < bounds.earliest:
        at = _from(spec, step, bounds.earliest)
        why.append(bounds.why_earliest)
    if bounds.last_on is None or at.date() <= bounds.last_on:
        return Due(at, tuple(why))
    return _pulled(spec, step, Due(at, tuple(why)), max(now, bounds.earliest or now), bounds)


def latest(spec: RecoverySpec, step: Step, at: dt.datetime, now: dt.datetime, bounds: Bounds) -> Due:
    """When a step planned for a moment is due after all, since its bounds became narrower."""
    if step.kind in CHARGES and bounds.refused:
        return Due(at, (), bounds.refused)
    if bounds.last_on is None or at.date() <= bounds.last_on:
        return Due(at, ())
    return _pulled(spec, step, Due(at, ()), now, bounds)


def preview(
    spec: RecoverySpec, class_: str, now: dt.datetime, bounds: Bounds | None = None, begin: int = 0
) -> list[tuple[Step, Due]]:
    """What would be done when, if a payment failed now and every charge failed at once too."""
    rows: list[tuple[Step, Due]] = []
    for step in spec.steps(class_)[begin:]:
        found = due(spec, step, now, bounds)
        rows.append((step, found))
        now = now if found.refused else found.at
    return rows


def advice(spec: RecoverySpec) -> list[str]:
    """What a plan asks for that the limits will not let happen, for whoever writes it."""
    most, days, fact = failure_codes.represent_limit()
    said: list[str] = []
    for class_ in RETRIED:
        retries = [step for step in spec.steps(class_) if step.kind == RETRY]
        if class_ == SOFT and len(retries) > most:
            said.append(
                f"{class_}: a bank debit is presented again at most {most} times within {days} days ({fact.citation});"
                f" of {len(retries)} retries the rest are passed over."
            )
    for class_ in failure_codes.CLASSES:
        if class_ not in spec.classes:
            said.append(f"{class_}: the plan has no steps for it; a person goes on at once.")
        elif spec.classes[class_][-1].kind != HAND_OVER:
            said.append(f"{class_}: after its last step nothing follows, and no person is told.")
    return said


def _counted(spec: RecoverySpec, step: Step, now: dt.datetime) -> tuple[dt.datetime, list[str]]:
    unit = step.unit.replace("_", " ").removesuffix("s" if step.amount == 1 else "")
    why = [f"{step.amount} {unit} later" if step.amount else "at once"]
    if step.on:
        why.append(_payday(step))
    if not step.amount or step.unit == HOURS:
        at = now + dt.timedelta(hours=step.amount if step.unit == HOURS else 0)
        return (_from(spec, step, at) if step.on else at), why
    day = now.astimezone(spec.zone).date()
    if step.unit == BUSINESS_DAYS:
        day = recovery_days.business_days_later(day, step.amount)
    else:
        day += step.amount * _DAY
    if step.on:
        day = next(each for each in recovery_days.days_from(day) if recovery_days.is_payday(step.on, each))
    return _moment(spec, day), why


def _payday(step: Step) -> str:
    return f"on the next payday: {', '.join(step.on)}".replace("_", " ")


def _from(spec: RecoverySpec, step: Step, at: dt.datetime) -> dt.datetime:
    """The first moment from one on that is a payday and a business day, as far as the step and the plan want them.

    Hours count exactly while the day fits; else the time of day of the plan.
    """
    first = at.astimezone(spec.zone).date()
    for day in recovery_days.days_from(first):
        wanted = not step.on or recovery_days.is_payday(step.on, day)
        moment = at if day == first and step.unit == HOURS else _moment(spec, day)
        if wanted and moment >= at and _fits(spec, step, moment):
            return moment
    raise AssertionError("there is always another business day")


def _fits(spec: RecoverySpec, step: Step, at: dt.datetime) -> bool:
    if step.kind not in CHARGES or not spec.business_days_only:
        return True
    return business_days.is_business_day(at.astimezone(spec.zone).date())


def _pulled(spec: RecoverySpec, step: Step, late: Due, first: dt.datetime, bounds: Bounds) -> Due:
    """The last moment of the plan's time of day that is still in time, or the first possible one; else a refusal."""
    assert bounds.last_on is not None
    sooner = (*late.why, f"pulled forward: {bounds.why_last}")
    day = bounds.last_on + _DAY
    while _moment(spec, day) >= first:
        moment = _moment(spec, day)
        if moment.date() <= bounds.last_on and _fits(spec, step, moment):
            return Due(moment, sooner)
        day -= _DAY
    if first.date() <= bounds.last_on and _fits(spec, step, first):
        return Due(first, sooner)
    if step.kind not in CHARGES:
        return Due(first, (*late.why, f"at once: {bounds.why_last}"))
    return Due(late.at, late.why, f"Too late: {bounds.why_last}")


def _moment(spec: RecoverySpec, day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, spec.at, spec.zone).astimezone(dt.UTC)


def _steps(class_: str, listed: Any) -> tuple[Step, ...]:
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_STEPS:
        raise RecoveryPlanUnreadable(f"{class_} is a list of 1 to {MOST_STEPS} steps.", field="classes")
    steps = tuple(_step(class_, _object(each, "steps")) for each in listed)
    if any(step.kind == HAND_OVER for step in steps[:-1]):
        raise RecoveryPlanUnreadable(f"{class_}: nothing follows {HAND_OVER}.", field="classes")
    return steps


def _step(class_: str, said: Mapping[str, Any]) -> Step:
    kind = _one_of(said.get("do"), "classes", KINDS)
    if kind == RETRY and class_ not in RETRIED:
        raise RecoveryPlanUnreadable(f"{class_}: such a method is never tried again by itself.", field="classes")
    after = _object(said.get("after", {HOURS: 0}), "after")
    if len(after) != 1:
        raise RecoveryPlanUnreadable(f"after names one of {', '.join(sorted(_KEYS['after']))}.", field="classes")
    unit, amount = next(iter(after.items()))
    most = MOST_DAYS * (24 if unit == HOURS else 1)
    if type(amount) is not int or not 0 <= amount <= most:
        raise RecoveryPlanUnreadable(f"{unit}: a whole number from 0 to {most}, not {amount!r}.", field="classes")
    on = said.get("on", [])
    if not isinstance(on, list):
        raise RecoveryPlanUnreadable(f"on is a list of {', '.join(recovery_days.PAYDAYS)}.", field="classes")
    template = _one_of(said.get("template"), "classes", TEMPLATES) if kind == MESSAGE else ""
    return Step(kind, amount, unit, tuple(_one_of(day, "classes", recovery_days.PAYDAYS) for day in on), template)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    known = ", ".join(sorted(_KEYS[name]))
    where = "classes" if name != "spec" else "spec"
    if not isinstance(value, Mapping):
        raise RecoveryPlanUnreadable(f"{name} is an object with {known}.", field=where)
    for key in value:
        if key not in _KEYS[name]:
            raise RecoveryPlanUnreadable(f"The plan's {name} has no {key!r}; it has {known}.", field=where)
    return value


def _one_of(value: Any, field: str, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise RecoveryPlanUnreadable(f"{value!r} is not one of {', '.join(known)}.", field=field)
    return value


def _text(value: Any, field: str, at_most: int) -> str:
    if not isinstance(value, str) or len(value.strip()) > at_most or not value.isprintable():
        raise RecoveryPlanUnreadable(f"{field} is a line of text, at most {at_most} characters.", field=field)
    return value.strip()


def _true_or_false(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise RecoveryPlanUnreadable(f"{field} is true or false.", field=field)
    return value


def _zone(value: Any) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise RecoveryPlanUnreadable(f"{value!r} is no time zone, such as America/Chicago.", field="zone") from None


def _time(value: Any) -> dt.time:
    try:
        found = dt.time.fromisoformat(value)
    except (ValueError, TypeError):
        raise RecoveryPlanUnreadable(f"at: {value!r} is no time of day, such as 09:00.", field="at") from None
    if found.tzinfo is not None:
        raise RecoveryPlanUnreadable("at is a time of day in the plan's zone.", field="at")
    return found
