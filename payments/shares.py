"""Pure: how what was taken, and what goes back, divides over the parts of a payment and its surcharge."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from coverpay.kernel.money import round_minor


def taken_surcharge(surcharge: int, asked: int, taken: int) -> int:
    """What of an amount taken is the surcharge: all of it, or in proportion when less was taken than asked for."""
    return surcharge if taken >= asked else round_minor(Decimal(surcharge) * taken / asked)


def divided(parts: Sequence[int], surcharge: int, taken: int) -> list[int]:
    """Divide what was taken over the parts, in minor units.

    What is left of it after the surcharge fills the parts in their order; whatever is beyond all of them is the
    first one's.
    """
    left = taken - taken_surcharge(surcharge, sum(parts) + surcharge, taken)
    found = []
    for part in parts:
        found.append(min(part, left))
        left -= found[-1]
    found[0] += left
    return found


def surcharge_back(surcharge: int, taken: int, *, before: int, before_surcharge: int, amount: int) -> int:
    """What of an amount given back is surcharge, so that all that ever went back holds its proportion, rounded once.

    Takes:  the surcharge and the whole that were taken; what went back before, and what of it was surcharge.
    Gives:  less than the amount: some of the money itself always goes back.
    """
    due = round_minor(Decimal(surcharge) * (before + amount) / taken) - before_surcharge
    return max(0, min(due, amount - 1, surcharge - before_surcharge))
