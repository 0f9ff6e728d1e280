"""Pure: what a payment plan says, and the installments it makes of charges.

Every charge is split over the same weights, so each component sums exactly over the schedule, to the cent.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import BadAmount, Money, allocate, allocate_to_last

_PERCENT_SCALE = 10_000
_WHOLE = 100 * _PERCENT_SCALE
MAX_INSTALLMENTS = 120
ROUNDINGS = {"largest_remainder": allocate, "last": allocate_to_last}
_KEYS = {
    "spec": {"down_payment", "installments", "installment_fee", "due_day", "bill_lead_days", "rounding"},
    "down_payment": {"percent", "in_full"},
    "installments": {"month", "weight"},
    "installments by count": {"count", "every_months"},
    "installment_fee": {"amount", "from"},
}


class PlanUnreadable(Invalid):
    """The plan's spec says something that cannot be done; the field says where."""

    code = "plan_unreadable"


@dataclass(frozen=True, slots=True)
class Step:
    """One installment after the down payment: months after the anchor, and its weight."""

    month: int
    weight: int


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """A plan, read and checked.

    `down_percent_scaled` is the down payment in ten-thousandths of a percent; `in_full` are the components that the
    down payment takes whole; `fee_amount`, in the currency of the charges, comes with every installment from number
    `fee_from` on, the first one that asks for money being 1.
    """

    down_percent_scaled: int
    in_full: frozenset[str]
    steps: tuple[Step, ...]
    fee_amount: str
    fee_from: int
    due_day: int | None
    bill_lead_days: int
    rounding: str


@dataclass(frozen=True, slots=True)
class ChargeDue:
    """A charge to spread: its id, component and amount (negative for a credit)."""

    id: str
    component: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Share:
    """What one installment takes of one charge; `charge_id` is None for the plan's own fee."""

    charge_id: str | None
    component: str
    amount: Money


@dataclass(frozen=True, slots=True)
class PlannedInstallment:
    """One date of a schedule with its shares; never empty."""

    sequence: int
    bill_on: dt.date
    due_on: dt.date
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class PlannedSchedule:
    """The installments of a plan, and for each charge why it was split as it was."""

    installments: tuple[PlannedInstallment, ...]
    why: Mapping[str, Explained]


def read(spec: Any) -> PlanSpec:
    """Read and check a plan's spec.

    Takes:  keys `down_payment` {percent, in_full}, `installments` (a list of {month, weight} or {count, every_months}),
            `installment_fee` {amount, from}, `due_day` 1-31 or null, `bill_lead_days`, `rounding`.
    Raises: PlanUnreadable, naming the key.
    """
    spec = _object(spec, "spec")
    down = _object(spec.get("down_payment") or {}, "down_payment")
    fee = _object(spec.get("installment_fee") or {}, "installment_fee")
    steps = _steps(spec.get("installments") or [])
    percent = _percent(down.get("percent", "100" if not steps else "0"))
    if not steps and percent != _WHOLE:
        raise PlanUnreadable("A plan without installments takes 100 percent down.", field="down_payment")
    if steps and percent == _WHOLE:
        raise PlanUnreadable("A plan that takes 100 percent down has no installments.", field="installments")
    rounding = spec.get("rounding", "largest_remainder")
    if not isinstance(rounding, str) or rounding not in ROUNDINGS:
        raise PlanUnreadable(f"Rounding is one of {', '.join(ROUNDINGS)}.", field="rounding")
    return PlanSpec(
        down_percent_scaled=percent,
        in_full=_in_full(down.get("in_full") or []),
        steps=steps,
        fee_amount=_fee(fee.get("amount", "0")),
        fee_from=_whole(fee.get("from", 2), "installment_fee", 1, MAX_INSTALLMENTS),
        due_day=None if spec.get("due_day") is None else _whole(spec["due_day"], "due_day", 1, 31),
        bill_lead_days=_whole(spec.get("bill_lead_days", 0), "bill_lead_days", 0, 180),
        rounding=rounding,
    )


def build(spec: PlanSpec, charges: Sequence[ChargeDue], *, anchor: dt.date, currency: str) -> PlannedSchedule:
    """Make the installments of charges.

    Takes:  charges of one currency; `anchor` is the first due date (the term's first day).
    Gives:  installments in rising due date, each with at least one share; per charge the shares sum exactly to it.
    Raises: BadAmount when the plan's fee has decimals that the currency lacks.
    """
    fee = Money.parse(spec.fee_amount, currency, field="installment_fee")
    dates = [
        anchor,
        *(due_date(anchor, step.month, spec.due_day) for step in spec.steps),
    ]
    shares: list[list[Share]] = [[] for _ in dates]
    why: dict[str, Explained] = {}
    for charge in charges:
        weights = _weights(spec, charge.component)
        parts = ROUNDINGS[spec.rounding](charge.amount.amount_minor, weights)
        why[charge.id] = _explain(spec, charge, weights, parts)
        for position, part in enumerate(parts):
            if part:
                shares[position].append(Share(charge.id, charge.component, Money(part, currency)))
    installments: list[PlannedInstallment] = []
    for due_on, taken in zip(dates, shares, strict=True):
        if taken:
            sequence = len(installments) + 1
            charged = [Share(None, "installment_fee", fee)] if fee and sequence >= spec.fee_from else []
            installments.append(
                PlannedInstallment(sequence, _bill_date(spec, anchor, due_on), due_on, (*taken, *charged))
            )
    return PlannedSchedule(tuple(installments), why)


def due_date(anchor: dt.date, months: int, due_day: int | None = None) -> dt.date:
    """The date some months after the anchor, on its day of month or the chosen one.

    A day that a short month lacks becomes its last day, and comes back in the next month that has it.
    """
    if months == 0 and due_day is None:
        return anchor
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(due_day or anchor.day, last))


def _bill_date(spec: PlanSpec, anchor: dt.date, due_on: dt.date) -> dt.date:
    """Some days before the due date, and never before cover begins."""
    return max(anchor, due_on - dt.timedelta(days=spec.bill_lead_days))


def _weights(spec: PlanSpec, component: str) -> list[int]:
    if component in spec.in_full or not spec.steps:
        return [1] + [0] * len(spec.steps)
    whole = sum(step.weight for step in spec.steps)
    rest = _WHOLE - spec.down_percent_scaled
    return [
        spec.down_percent_scaled * whole,
        *(rest * step.weight for step in spec.steps),
    ]


def _explain(spec: PlanSpec, charge: ChargeDue, weights: list[int], parts: list[int]) -> Explained:
    return Explained(
        formula=f"{charge.component} split by the plan's weights; cents by {spec.rounding.replace('_', ' ')}",
        inputs={
            "charge_minor": charge.amount.amount_minor,
            "weights": ":".join(str(weight) for weight in _reduced(weights)),
            "parts_minor": " + ".join(str(part) for part in parts),
        },
    )


def _reduced(weights: list[int]) -> list[int]:
    divisor = math.gcd(*weights) or 1
    return [weight // divisor for weight in weights]


def _object(value: Any, name: str, field: str | None = None) -> Mapping[str, Any]:
    field = field or name
    if not isinstance(value, Mapping):
        raise PlanUnreadable(f"{field} is an object with {', '.join(sorted(_KEYS[name]))}.", field=field)
    for key in value:
        if key not in _KEYS[name]:
            known = ", ".join(sorted(_KEYS[name]))
            where = str(key) if name == "spec" else field
            raise PlanUnreadable(f"The plan's {field} has no {key!r}; it has {known}.", field=where)
    return value


def _steps(listed: Any) -> tuple[Step, ...]:
    if isinstance(listed, Mapping):
        listed = _object(listed, "installments by count", "installments")
        count = _whole(listed.get("count"), "installments", 1, MAX_INSTALLMENTS)
        every = _whole(listed.get("every_months", 1), "installments", 1, 12)
        listed = [{"month": every * number, "weight": 1} for number in range(1, count + 1)]
    if not isinstance(listed, list) or len(listed) > MAX_INSTALLMENTS:
        raise PlanUnreadable(f"Installments are a list of at most {MAX_INSTALLMENTS}.", field="installments")
    read_steps = [_object(step, "installments") for step in listed]
    steps = tuple(
        Step(
            month=_whole(step.get("month"), "installments", 1, 120),
            weight=_whole(step.get("weight", 1), "installments", 1, 1_000_000),
        )
        for step in read_steps
    )
    if any(later.month <= earlier.month for earlier, later in itertools.pairwise(steps)):
        raise PlanUnreadable("The months of installments must rise.", field="installments")
    return steps


def _in_full(listed: Any) -> frozenset[str]:
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise PlanUnreadable("in_full is a list of components.", field="down_payment")
    return frozenset(listed)


def _fee(amount: Any) -> str:
    """The fee as written, once it reads as an amount of zero or more in some currency."""
    try:
        money = Money.parse(amount, "KWD", field="installment_fee")
    except BadAmount as error:
        raise PlanUnreadable(error.message, field="installment_fee") from None
    if money.amount_minor < 0:
        raise PlanUnreadable("The installment fee is zero or more.", field="installment_fee")
    return str(amount)


def _percent(value: Any) -> int:
    try:
        scaled = Decimal(str(value)) * _PERCENT_SCALE
    except InvalidOperation:
        raise PlanUnreadable(f"{value!r} is not a percentage.", field="down_payment") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or not 0 <= scaled <= _WHOLE:
        raise PlanUnreadable(
            "The down payment is 0 to 100 percent, at most four decimals.",
            field="down_payment",
        )
    return int(scaled)


def _whole(value: Any, field: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise PlanUnreadable(
            f"{field}: {value!r} must be a whole number from {low} to {high}.",
            field=field,
        )
    return value
