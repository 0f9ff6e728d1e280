"""Compare what another says about policies with what our books say, item by item. Pure.

Nothing is guessed: a policy is known by its number or not at all, and where one side names no items the policy is
compared in one sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass
from enum import StrEnum

WHOLE = ""
"""The item of a side that names none."""


class Outcome(StrEnum):
    """How the two sides of an item stand to each other; more and less are signed."""

    EQUAL = "equal"
    WE_MORE = "we_more"
    WE_LESS = "we_less"
    UNKNOWN = "unknown"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Side:
    """What one side says of one item of a policy, signed minor units; several rows of an item add up."""

    policy: str
    item: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Compared:
    """One item with both sides."""

    policy: str
    item: str
    theirs_minor: int
    ours_minor: int
    outcome: Outcome

    @property
    def difference_minor(self) -> int:
        """What the other side says less what our books say."""
        return self.theirs_minor - self.ours_minor


def compare(theirs: Iterable[Side], ours: Iterable[Side], known: Container[str]) -> tuple[Compared, ...]:
    """Put both sides of every policy and item beside each other, by policy and item.

    Takes:  `known`, the policies of ours that the other side's marks name exactly.
    """
    their_sums, our_sums = _by_policy(theirs), _by_policy(ours)
    found = []
    for policy in sorted(their_sums.keys() | our_sums.keys()):
        said, kept = their_sums.get(policy, {}), our_sums.get(policy, {})
        if said and kept and (WHOLE in said) != (WHOLE in kept):
            said, kept = {WHOLE: sum(said.values())}, {WHOLE: sum(kept.values())}
        for item in sorted(said.keys() | kept.keys()):
            if item in said or kept[item]:
                found.append(_compared(policy, item, said.get(item), kept.get(item, 0), known))
    return tuple(found)


def _by_policy(sides: Iterable[Side]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for side in sides:
        sums[side.policy][side.item] += side.amount_minor
    return {policy: _one_level(items) for policy, items in sums.items()}


def _one_level(items: dict[str, int]) -> dict[str, int]:
    """A side that names items of a policy only in part is compared in one sum."""
    return {WHOLE: sum(items.values())} if WHOLE in items else dict(items)


def _compared(policy: str, item: str, theirs: int | None, ours: int, known: Container[str]) -> Compared:
    if theirs is None:
        return Compared(policy, item, 0, ours, Outcome.MISSING)
    if policy not in known:
        return Compared(policy, item, theirs, ours, Outcome.UNKNOWN)
    outcome = Outcome.EQUAL if ours == theirs else Outcome.WE_MORE if ours > theirs else Outcome.WE_LESS
    return Compared(policy, item, theirs, ours, outcome)
