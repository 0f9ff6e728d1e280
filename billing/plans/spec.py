"""Pure: a plan's spec, read and checked. Every key has a meaning or is refused by name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import BadAmount, Money, allocate, allocate_to_last

_PERCENT_SCALE = 10_000
WHOLE = 100 * _PERCENT_SCALE
MAX_INSTALLMENTS = 120
ROUNDINGS = {"largest_remainder": allocate, "last": allocate_to_last}
CADENCES = {"monthly": 1, "quarterly": 3, "semi_annual": 6}
ANCHORS = ("effective", "bind", "issue-date")
BUSINESS_DAYS = ("none", "next", "previous")
ENDORSEMENTS = ("now", "spread", "next", "last")
CREDITS = ("next", "spread", "last", "unapplied")
ORDERS = ("due_on", "component")
CHOICES = {
    "rounding": (*ROUNDINGS,),
    "cadence": (*CADENCES,),
    "anchor": ANCHORS,
    "business_days": BUSINESS_DAYS,
    "endorsement": ENDORSEMENTS,
    "credit": CREDITS,
}
FEES = ("late_fee", "nsf_fee", "reinstatement_fee")
LIMITS = {"low_bill": "5", "nonpay_threshold": "25", "small_balance": "5"}
"""Limits that hold when a plan names none, in any currency."""
_KEYS = {
    "spec": {"down_payment", "installments", "installment_fee", "due_day", "bill_lead_days"}
    | {"blackout_days_before_expiry", "max_installments", "allocation", "partial_payments", *CHOICES, *FEES, *LIMITS},
    "down_payment": {"percent", "in_full"},
    "installments": {"month", "weight"},
    "installments by count": {"count", "every_months"},
    "installment_fee": {"amount", "from"},
    "fee by state": {"amount", "states"},
    "allocation": {"order", "components"},
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
class Fee:
    """A fee of the plan as written, with what some states have instead."""

    amount: str = "0"
    states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """A plan, read and checked.

    `down_percent_scaled` is the down payment in ten-thousandths of a percent, None where a cadence makes all dates
    equal; `in_full` are the components that the down payment takes whole; `fee_amount`, in the currency of the
    charges, comes with every installment from number `fee_from` on, the first one that asks for money being 1.
    With `every_months` (a cadence) the steps follow from the length of the term.
    """

    down_percent_scaled: int | None
    in_full: frozenset[str]
    steps: tuple[Step, ...]
    fee_amount: str
    fee_from: int
    due_day: int | None
    bill_lead_days: int
    rounding: str
    every_months: int | None = None
    anchor: str = "effective"
    business_days: str = "none"
    blackout_days: int = 0
    max_installments: int = MAX_INSTALLMENTS + 1
    endorsement: str = "spread"
    credit: str = "spread"
    spread_rounding: str = "last"
    fees: Mapping[str, Fee] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    allocation_order: tuple[str, ...] = ORDERS
    allocation_components: tuple[str, ...] = ()
    partial_payments: bool = False

    def fee(self, component: str, state_code: str, currency: str) -> Money:
        """What a late, returned payment or reinstatement fee is in a state; zero when the plan names none.

        Raises: BadAmount when the plan's fee has decimals that the currency lacks.
        """
        fee = self.fees.get(component, Fee())
        return Money.parse(fee.states.get(state_code, fee.amount), currency, field=component)

    def limit(self, name: str, currency: str) -> Money:
        """`low_bill`, `nonpay_threshold` or `small_balance`; as LIMITS when the plan names none. Raises: BadAmount."""
        return Money.parse(self.limits.get(name, LIMITS[name]), currency, field=name)


def read(spec: Any) -> PlanSpec:
    """Read and check a plan's spec; every key may be left out.

    Takes:  `down_payment` {percent, in_full}; `installments` (a list of {month, weight} or {count, every_months}) or
            `cadence`; `due_day` 1-31; `anchor`; `bill_lead_days`; `business_days`; `blackout_days_before_expiry`;
            `max_installments`; `installment_fee` {amount, from}; `late_fee`, `nsf_fee`, `reinstatement_fee` (a text
            or {amount, states}); `endorsement`, `credit`; `rounding`; `low_bill`, `nonpay_threshold`,
            `small_balance`; `allocation` {order, components}; `partial_payments`, whether a payor may
            pay part of a bill.
    Raises: PlanUnreadable, naming the key.
    """
    spec = _object(spec, "spec")
    down = _object(spec.get("down_payment") or {}, "down_payment")
    fee = _object(spec.get("installment_fee") or {}, "installment_fee")
    allocation = _object(spec.get("allocation") or {}, "allocation")
    chosen = {key: _choice(spec[key], key) for key in CHOICES if key in spec}
    steps = _steps(spec.get("installments") or [])
    return PlanSpec(
        down_percent_scaled=_down(down, steps, chosen.get("cadence")),
        in_full=frozenset(_names(down.get("in_full") or [], "down_payment", "in_full")),
        steps=steps,
        fee_amount=_amount(fee.get("amount", "0"), "installment_fee"),
        fee_from=_whole(fee.get("from", 2), "installment_fee", 1, MAX_INSTALLMENTS),
        due_day=None if spec.get("due_day") is None else _whole(spec["due_day"], "due_day", 1, 31),
        bill_lead_days=_whole(spec.get("bill_lead_days", 0), "bill_lead_days", 0, 180),
        rounding=chosen.get("rounding", "largest_remainder"),
        every_months=CADENCES.get(chosen.get("cadence", "")),
        anchor=chosen.get("anchor", "effective"),
        business_days=chosen.get("business_days", "none"),
        blackout_days=_whole(spec.get("blackout_days_before_expiry", 0), "blackout_days_before_expiry", 0, 366),
        max_installments=_whole(
            spec.get("max_installments", MAX_INSTALLMENTS + 1), "max_installments", 1, MAX_INSTALLMENTS + 1
        ),
        endorsement=chosen.get("endorsement", "spread"),
        credit=chosen.get("credit", "spread"),
        spread_rounding=chosen.get("rounding", "last"),
        fees={key: _fee(spec[key], key) for key in FEES if key in spec},
        limits={key: _amount(spec[key], key) for key in LIMITS if key in spec},
        allocation_order=_order(allocation.get("order", [*ORDERS])),
        allocation_components=_names(allocation.get("components") or [], "allocation", "components"),
        partial_payments=_flag(spec.get("partial_payments", False), "partial_payments"),
    )


def _down(down: Mapping[str, Any], steps: tuple[Step, ...], cadence: str | None) -> int | None:
    """The down payment's share; None where a cadence makes the first date like the others."""
    if cadence and steps:
        raise PlanUnreadable("A plan has installments or a cadence, not both.", field="cadence")
    if cadence and "percent" not in down:
        return None
    percent = _percent(down.get("percent", "100" if not steps else "0"))
    if not (steps or cadence) and percent != WHOLE:
        raise PlanUnreadable("A plan without installments takes 100 percent down.", field="down_payment")
    if (steps or cadence) and percent == WHOLE:
        key = "installments" if steps else "cadence"
        raise PlanUnreadable(f"A plan that takes 100 percent down has no {key}.", field=key)
    return percent


def _object(value: Any, name: str, at: str | None = None) -> Mapping[str, Any]:
    at = at or name
    if not isinstance(value, Mapping):
        raise PlanUnreadable(f"{at} is an object with {', '.join(sorted(_KEYS[name]))}.", field=at)
    for key in value:
        if key not in _KEYS[name]:
            known = ", ".join(sorted(_KEYS[name]))
            where = str(key) if name == "spec" else at
            raise PlanUnreadable(f"The plan's {at} has no {key!r}; it has {known}.", field=where)
    return value


def _choice(value: Any, key: str) -> str:
    if not isinstance(value, str) or value not in CHOICES[key]:
        raise PlanUnreadable(f"{key} is one of {', '.join(CHOICES[key])}.", field=key)
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


def _names(listed: Any, at: str, what: str) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise PlanUnreadable(f"{what} is a list of components.", field=at)
    return tuple(listed)


def _order(listed: Any) -> tuple[str, ...]:
    known = isinstance(listed, list) and all(isinstance(name, str) and name in ORDERS for name in listed)
    if not known or not listed or len(set(listed)) != len(listed):
        raise PlanUnreadable(f"The order of an allocation lists {' and '.join(ORDERS)} once each.", field="allocation")
    return tuple(listed)


def _fee(value: Any, key: str) -> Fee:
    if not isinstance(value, Mapping):
        return Fee(_amount(value, key))
    value = _object(value, "fee by state", key)
    states = value.get("states") or {}
    if not isinstance(states, Mapping) or not all(isinstance(state, str) and len(state) == 2 for state in states):
        raise PlanUnreadable(f"states of {key} is an object of amounts by two-letter state.", field=key)
    return Fee(
        _amount(value.get("amount", "0"), key), {state: _amount(amount, key) for state, amount in states.items()}
    )


def _amount(amount: Any, key: str) -> str:
    """An amount as written, once it reads as zero or more in some currency."""
    try:
        money = Money.parse(amount, "KWD", field=key)
    except BadAmount as error:
        raise PlanUnreadable(error.message, field=key) from None
    if money.amount_minor < 0:
        raise PlanUnreadable(f"{key} is zero or more.", field=key)
    return str(amount)


def _percent(value: Any) -> int:
    try:
        scaled = Decimal(str(value)) * _PERCENT_SCALE
    except InvalidOperation:
        raise PlanUnreadable(f"{value!r} is not a percentage.", field="down_payment") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or not 0 <= scaled <= WHOLE:
        raise PlanUnreadable(
            "The down payment is 0 to 100 percent, at most four decimals.",
            field="down_payment",
        )
    return int(scaled)


def _flag(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise PlanUnreadable(f"{key} is true or false.", field=key)
    return value


def _whole(value: Any, key: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise PlanUnreadable(f"{key}: {value!r} must be a whole number from {low} to {high}.", field=key)
    return value
