"""Pure: where a change of what is charged goes among the dates that are not billed yet."""

from __future__ import annotations

from collections.abc import Sequence

from billing.plans.spec import ROUNDINGS


def add(standing: Sequence[int], change_minor: int, mode: str, rounding: str = "last") -> list[int]:
    """Put more on dates.

    Takes:  what stands on each date, at least one; `change_minor` > 0; `mode` spread (evenly), next or last.
    Gives:  what stands then; the sum rises by exactly the change.
    """
    if mode == "spread":
        parts = ROUNDINGS[rounding](change_minor, [1] * len(standing))
    else:
        place = 0 if mode == "next" else len(standing) - 1
        parts = [change_minor if number == place else 0 for number in range(len(standing))]
    return [minor + part for minor, part in zip(standing, parts, strict=True)]


def take(standing: Sequence[int], change_minor: int, mode: str, rounding: str = "last") -> list[int]:
    """Take off dates, none of them below zero.

    Takes:  what stands on each date, zero or more; 0 < `change_minor` <= their sum; `mode` spread (in proportion to
            what stands), next (from the first date on) or last (from the last date back).
    Gives:  what stands then; the sum falls by exactly the change.
    """
    parts = ROUNDINGS[rounding](change_minor, standing) if mode == "spread" else [0] * len(standing)
    parts = [min(part, minor) for part, minor in zip(parts, standing, strict=True)]
    left = change_minor - sum(parts)
    order = range(len(standing)) if mode == "next" else reversed(range(len(standing)))
    for number in order:
        more = min(left, standing[number] - parts[number])
        parts[number] += more
        left -= more
    return [minor - part for minor, part in zip(standing, parts, strict=True)]


def by_arrears(target: Sequence[int], covered_minor: int) -> list[int]:
    """What is left of each date's target once what is billed already covers the earliest dates.

    Takes:  a target >= 0 for each date; 0 <= `covered_minor` <= their sum.
    """
    return take(target, covered_minor, "next")
