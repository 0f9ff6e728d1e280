"""Where what is left to bill of a term goes, computed without writing anything: the same for a change and its preview.

Nothing is rounded away: for each key, what the dates ask for afterwards is what is charged less what is billed.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billing.plans import PlanSpec, spreading
from billing.plans.building import weights_of
from billing.plans.dates import Position
from billing.plans.spec import ROUNDINGS
from billing.slots import Slot
from billing.standing import Key, Standing

AT_ONCE = "at_once"
RESTORE = "restore"
RESLICE = "reslice"


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one key: what it had to bill, by how much that changed, and how the change was placed."""

    key: Key
    standing: Standing
    mode: str
    unbilled_minor: int

    @property
    def change_minor(self) -> int:
        return self.unbilled_minor - self.standing.unbilled_minor


@dataclass(frozen=True, slots=True)
class Resliced:
    """The dates still to bill, what became of each key, and what invoices ask for too much by key."""

    slots: list[Slot]
    moved: list[Moved]
    excess: dict[Key, int] = field(default_factory=dict)

    @property
    def is_change(self) -> bool:
        return any(moved.change_minor for moved in self.moved)


def change(
    slots: Sequence[Slot],
    standings: Mapping[Key, Standing],
    *,
    endorsement: str,
    credit: str,
    rounding: str,
    now: tuple[dt.date, dt.date],
    fee_from: int = 1,
    billed_dates: int = 0,
) -> Resliced:
    """Place the change of each key on the dates there are.

    Takes:  `endorsement` (now, spread, next, last) for what is added, `credit` (spread, next, last, unapplied) for what
            is taken off; `now`, the bill and due date of an installment billed at once; `fee_from`, the number of the
            first date with an installment fee, `billed_dates` of which are billed already.
    """
    dates = [Slot(slot.bill_on, slot.due_on, Counter(slot.amounts), slot.fee_minor, slot.carried) for slot in slots]
    at_once = Slot(*now)
    moved: list[Moved] = []
    excess: dict[Key, int] = {}
    for key, standing in standings.items():
        over = _excess(standing, credit)
        target = standing.remaining_minor + over
        difference = target - standing.unbilled_minor
        if over:
            excess[key] = over
        mode = credit if difference < 0 else endorsement if dates else "now"
        moved.append(Moved(key, standing, mode if difference else "", target))
        if difference > 0 and mode == "now":
            at_once.amounts[key] += difference
        elif difference > 0:
            _put(dates, key, spreading.add(_on(dates, key), difference, mode, rounding))
        elif difference < 0:
            by = "next" if mode == "unapplied" else mode
            _put(dates, key, spreading.take(_on(dates, key), -difference, by, rounding))
    placed = _ordered([*dates, at_once])
    for number, slot in enumerate(placed, start=billed_dates + 1):
        slot.fee_minor = slot.fee_minor if number >= fee_from else 0
    return Resliced(placed, moved, excess)


def at_once(slots: Sequence[Slot], standings: Mapping[Key, Standing], *, now: tuple[dt.date, dt.date]) -> Resliced:
    """Ask for everything that is left on one date, now; installment fees fall away. So it is after a cancellation."""
    carried = tuple(fee for slot in slots for fee in slot.carried)
    left = Slot(*now, carried=carried)
    for key, standing in standings.items():
        left.amounts[key] = max(0, standing.remaining_minor)
    return Resliced(_ordered([left]), _moved(standings, AT_ONCE), _all_excess(standings))


def restore(
    slots: Sequence[Slot],
    standings: Mapping[Key, Standing],
    spec: PlanSpec,
    places: Sequence[Position],
    *,
    fee_minor: int,
    now: tuple[dt.date, dt.date],
) -> Resliced:
    """Put what is left back on the plan's own dates, as if nothing had happened; what those before now had is due now.

    Takes:  `places`, every date of the plan; `fee_minor`, its installment fee.
    """
    targets: dict[Key, list[int]] = {}
    for key, standing in standings.items():
        if standing.remaining_minor > 0:
            parts = ROUNDINGS[spec.rounding](standing.charged_minor, weights_of(spec, places, key.component))
            targets[key] = spreading.by_arrears(parts, max(0, standing.billed_minor))
    return Resliced(
        _placed(slots, targets, spec, places, fee_minor=fee_minor, now=now),
        _moved(standings, RESTORE),
        _all_excess(standings),
    )


def reslice(
    slots: Sequence[Slot],
    standings: Mapping[Key, Standing],
    spec: PlanSpec,
    places: Sequence[Position],
    *,
    fee_minor: int,
    now: tuple[dt.date, dt.date],
) -> Resliced:
    """Split what is left over the dates of a plan that are still to come, by their weights; now when none is."""
    today = now[0]
    left = [place if place.due_on >= today else Position(place.bill_on, place.due_on, 0, 0) for place in places]
    targets: dict[Key, list[int]] = {}
    for key, standing in standings.items():
        if standing.remaining_minor > 0:
            weights = _weights_left(spec, left, key.component)
            targets[key] = ROUNDINGS[spec.rounding](standing.remaining_minor, weights)
    return Resliced(
        _placed(slots, targets, spec, places, fee_minor=fee_minor, now=now),
        _moved(standings, RESLICE),
        _all_excess(standings),
    )


def _weights_left(spec: PlanSpec, left: Sequence[Position], component: str) -> list[int]:
    """Weights of the dates to come; where none has any, the first date to come takes it, or the last of all."""
    weights = weights_of(spec, left, component)
    if any(weights):
        return weights
    first = next((number for number, place in enumerate(left) if place.weight), len(left) - 1)
    return [int(number == first) for number in range(len(left))]


def _placed(
    slots: Sequence[Slot],
    targets: Mapping[Key, Sequence[int]],
    spec: PlanSpec,
    places: Sequence[Position],
    *,
    fee_minor: int,
    now: tuple[dt.date, dt.date],
) -> list[Slot]:
    """Make slots of a target for each date of a plan; dates before now are asked for now, without a fee."""
    at_once = Slot(*now)
    placed = [at_once, *(Slot(slot.bill_on, slot.due_on, carried=slot.carried) for slot in slots)]
    asking = 0
    for number, place in enumerate(places):
        asking += bool(place.weight or (place.down_weight and spec.in_full))
        amounts = Counter({key: parts[number] for key, parts in targets.items() if parts[number]})
        if place.due_on < now[0]:
            at_once.amounts.update(amounts)
        else:
            fee = fee_minor if amounts and asking >= spec.fee_from else 0
            placed.append(Slot(place.bill_on, place.due_on, amounts, fee))
    return _ordered(placed)


def _excess(standing: Standing, credit: str) -> int:
    """What invoices must ask for less. A credit that goes to unapplied cash comes off what is billed first."""
    over = max(0, -standing.remaining_minor)
    if credit == "unapplied":
        taken_off = standing.unbilled_minor - standing.remaining_minor
        over = max(over, min(taken_off, standing.billed_minor))
    return over


def _all_excess(standings: Mapping[Key, Standing]) -> dict[Key, int]:
    return {key: -each.remaining_minor for key, each in standings.items() if each.remaining_minor < 0}


def _moved(standings: Mapping[Key, Standing], mode: str) -> list[Moved]:
    return [Moved(key, each, mode, max(0, each.remaining_minor)) for key, each in standings.items()]


def _on(dates: Sequence[Slot], key: Key) -> list[int]:
    return [slot.amounts[key] for slot in dates]


def _put(dates: Sequence[Slot], key: Key, amounts: Sequence[int]) -> None:
    for slot, minor in zip(dates, amounts, strict=True):
        slot.amounts[key] = minor


def _ordered(slots: Sequence[Slot]) -> list[Slot]:
    """Slots by due date: those of one date are one, and what asks for nothing of the contract has no fee."""
    merged: dict[tuple[dt.date, dt.date], Slot] = {}
    for slot in slots:
        amounts = Counter({key: minor for key, minor in slot.amounts.items() if minor})
        fee = slot.fee_minor if amounts else 0
        if amounts or slot.carried:
            same = merged.setdefault((slot.due_on, slot.bill_on), Slot(slot.bill_on, slot.due_on))
            same.amounts.update(amounts)
            same.fee_minor += fee
            same.carried += slot.carried
    return [merged[when] for when in sorted(merged)]
