"""Pure: the installments a plan makes of charges."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing.plans.dates import Position, Shift, positions
from billing.plans.spec import ROUNDINGS, PlanSpec
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money


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

    @property
    def total_minor(self) -> int:
        return sum(share.amount.amount_minor for share in self.shares)

    @property
    def fee_minor(self) -> int:
        return sum(share.amount.amount_minor for share in self.shares if share.charge_id is None)


@dataclass(frozen=True, slots=True)
class PlannedSchedule:
    """The installments of a plan, and for each charge why it was split as it was."""

    installments: tuple[PlannedInstallment, ...]
    why: Mapping[str, Explained]


def build(
    spec: PlanSpec,
    charges: Sequence[ChargeDue],
    *,
    anchor: dt.date,
    currency: str,
    expires_on: dt.date | None = None,
    shift: Shift | None = None,
    bill_from: dt.date | None = None,
    due_day: int | None = None,
) -> PlannedSchedule:
    """Make the installments of charges.

    Takes:  charges of one currency; `anchor` is the first due date (the term's first day); the rest as `positions`.
    Gives:  installments in rising due date, each with at least one share; per charge the shares sum exactly to it.
    Raises: BadAmount when the plan's fee has decimals that the currency lacks.
    """
    fee = Money.parse(spec.fee_amount, currency, field="installment_fee")
    places = positions(spec, anchor=anchor, expires_on=expires_on, shift=shift, bill_from=bill_from, due_day=due_day)
    shares: list[list[Share]] = [[] for _ in places]
    why: dict[str, Explained] = {}
    for charge in charges:
        weights = weights_of(spec, places, charge.component)
        parts = ROUNDINGS[spec.rounding](charge.amount.amount_minor, weights)
        why[charge.id] = _explain(spec, charge, weights, parts)
        for position, part in enumerate(parts):
            if part:
                shares[position].append(Share(charge.id, charge.component, Money(part, currency)))
    installments: list[PlannedInstallment] = []
    for place, taken in zip(places, shares, strict=True):
        if taken:
            sequence = len(installments) + 1
            charged = [Share(None, "installment_fee", fee)] if fee and sequence >= spec.fee_from else []
            installments.append(PlannedInstallment(sequence, place.bill_on, place.due_on, (*taken, *charged)))
    return PlannedSchedule(tuple(installments), why)


def weights_of(spec: PlanSpec, places: Sequence[Position], component: str) -> list[int]:
    """How a component is split over the dates: by the plan's weights, or all of it with the down payment."""
    if component in spec.in_full:
        return [place.down_weight for place in places]
    return [place.weight for place in places]


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
