"""Pure: the order in which cash covers open lines, as the plan says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An open line as far as its turn is concerned. `position` settles what the plan leaves open."""

    id: str
    due_on: dt.date
    component: str
    position: tuple[str, int]


def ordered(lines: Sequence[OpenLine], *, order: Sequence[str], components: Sequence[str]) -> list[OpenLine]:
    """Put lines in the order in which cash covers them.

    Takes:  `order`, of `due_on` and `component`, what counts first; `components` in their turn, all others after them.
    Gives:  the lines, those that are equal in the order in which they were billed.
    """
    turn = {component: place for place, component in enumerate(components)}

    def key(line: OpenLine) -> tuple[Any, ...]:
        by = {"due_on": line.due_on.toordinal(), "component": turn.get(line.component, len(turn))}
        return (*(by[name] for name in order), line.due_on.toordinal(), line.position)

    return sorted(lines, key=key)
