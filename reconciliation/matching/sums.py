"""Which of some amounts come to a target: every answer up to a few, proved to be all, or said not to be.

Amounts that must be part of any answer, or cannot be, are settled first; what is left is split in halves whose sums
meet in the middle, so that n amounts cost two lists of 2**(n/2) sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 16
"""How many answers are found before the search ends: two would do to know that it is not unique."""
FEW = 12
"""So few open amounts are always searched, if only to show that two answers fit."""
NOISE_PPM = 50_000
"""Where this many accidental answers (in millionths) are to be expected, a search says nothing."""
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Sums:
    """The answers, as places in the amounts; `unproved` says why these may not be all."""

    answers: tuple[tuple[int, ...], ...] = ()
    unproved: str = ""


@dataclass(frozen=True, slots=True)
class _Settled:
    """Places that are in every answer, places that are open, and what the open ones must come to."""

    sure: list[int]
    free: list[int]
    rest: int


def find(amounts: Sequence[int], target: int, *, most: int, max_nodes: int) -> Sums:
    """Find the sets of 2 to `most` amounts that come to the target.

    Takes:  amounts of either sign, none zero.
    Gives:  up to `ENOUGH` answers. With more sums to look at than `max_nodes`, or so many that accidents are to be
            expected, nothing is looked at.
    """
    settled = _settle(amounts, target)
    if settled is None:
        return Sums()
    sure, free, rest = settled.sure, settled.free, settled.rest
    half = len(free) >> 1
    if len(free) > FEW:
        nodes = (1 << half) + (1 << (len(free) - half)) if len(free) < 2 * max_nodes.bit_length() else max_nodes + 1
        if nodes > max_nodes:
            return Sums(unproved=f"{len(free)} lines have more sums than the bound of {max_nodes:,} lets us look at")
        if chance_ppm(1 << len(free), [amounts[at] for at in free], rest) > NOISE_PPM:
            return Sums(unproved=f"{len(free)} lines have so many sums that some fit by accident")
    found: list[tuple[int, ...]] = []
    masks: dict[int, list[int]] = {}
    for mask, total in enumerate(_all_sums([amounts[at] for at in free[:half]])):
        masks.setdefault(total, []).append(mask)
    for high, total in enumerate(_all_sums([amounts[at] for at in free[half:]])):
        for low in masks.get(rest - total, ()):
            mask = low | high << half
            if 2 <= mask.bit_count() + len(sure) <= most:
                found.append(tuple(sorted([*sure, *(at for bit, at in enumerate(free) if mask >> bit & 1)])))
                if len(found) == ENOUGH:
                    return Sums(tuple(found), unproved="there are more answers")
    return Sums(tuple(found))


def _settle(amounts: Sequence[int], target: int) -> _Settled | None:
    """Set apart what must be in and what cannot be: a part too large for what is left, or without which it falls short.

    Gives: None when nothing can come to the target.
    """
    sure: list[int] = []
    free = list(range(len(amounts)))
    while True:
        values = [amounts[at] for at in free]
        up = sum([value for value in values if value > 0])
        down = sum([value for value in values if value < 0])
        above, below = up - target, target - down
        if above < 0 or below < 0:
            return None
        most = min(above, below)
        still = [at for at in free if -most <= amounts[at] <= most]
        if len(still) == len(free):
            return _Settled(sure, free, target)
        held = [at for at in free if amounts[at] > above or -amounts[at] > below]
        sure += held
        target -= sum([amounts[at] for at in held])
        free = still


def _all_sums(amounts: Sequence[int]) -> list[int]:
    """The sum of every subset, at the place whose bits say which amounts are in it."""
    found = [0]
    for amount in amounts:
        found += [total + amount for total in found]
    return found


def fitting(amounts: Sequence[int], target: int) -> list[int]:
    """The amounts that fit into the target at all, next to what those of the other sign give back."""
    down = sum(amount for amount in amounts if amount < 0)
    up = sum(amount for amount in amounts if amount > 0)
    return [amount for amount in amounts if (amount <= target - down if amount > 0 else -amount <= up - target)]


def looks(count: int, size: int) -> int:
    """How many sets are at least as simple as one of `size` out of `count` amounts that fit.

    Leaving few out is as simple as taking few: all of them is one set.
    """
    return sum(math.comb(count, at) for at in range(min(size, count - size) + 1))


def chance_ppm(looked_at: int, fit: Sequence[int], target: int) -> int:
    """How probable it is, in millionths, that one of the sets looked at comes to the target by accident.

    Sums spread over about what is taken or what is left out, whichever is less, in steps of the common divisor.
    """
    step = math.gcd(target, *fit) or 1
    spread = max(max(abs(amount) for amount in fit), min(abs(target), abs(sum(fit) - target)))
    return looked_at * step * MILLION // spread
