"""Which lines of one side stand near a line of the other: within the window, and of its party."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from reconciliation.matching.items import Item
from reconciliation.matching.lines import BankLine
from reconciliation.matching.marks import Whole


class Near:
    """The lines of one side by day, and those of each party by themselves."""

    __slots__ = ("_all", "_bound", "_of_party", "_window")

    def __init__(self, items: Sequence[Item], window: int, bound: int) -> None:
        self._window = window
        self._bound = bound
        self._all = _Days(items)
        by_party: dict[str, list[Item]] = {}
        for item in items:
            for party in item.named if isinstance(item.line, BankLine) else (item.party,):
                if party:
                    by_party.setdefault(party, []).append(item)
        self._of_party = {party: _Days(some) for party, some in by_party.items() if len(some) > 1}

    def all(self, target: Item) -> tuple[Sequence[Item], str]:
        """The lines within the window of a line; none, and a word on it, where they are more than the bound."""
        first, last = target.day - self._window, target.day + self._window
        if (count := self._all.count(first, last)) > self._bound:
            return (), f"{count} lines are more than the bound of {self._bound}"
        return self._all.between(first, last), ""

    def own(self, target: Item) -> Sequence[Item]:
        """The lines within the window that are of the party the bank's side speaks of."""
        first, last = target.day - self._window, target.day + self._window
        parties = target.named if isinstance(target.line, BankLine) else (target.party,)
        known = [days for party in parties if (days := self._of_party.get(party))]
        if len(known) == 1:
            return known[0].between(first, last)
        several = [item for days in known for item in days.between(first, last)]
        return sorted(several, key=lambda item: (item.day, item.line.id))

    def within(self, target: Item, sets: Iterable[Whole]) -> list[Whole]:
        """Those of the sets that lie within the window of a line."""
        return [one for one in sets if one.is_within(target.day - self._window, target.day + self._window)]


class _Days:
    """Items in the order of their days."""

    __slots__ = ("_days", "_items")

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._days = [item.day for item in items]

    def count(self, first: int, last: int) -> int:
        return bisect_right(self._days, last) - bisect_left(self._days, first)

    def between(self, first: int, last: int) -> Sequence[Item]:
        return self._items[bisect_left(self._days, first) : bisect_right(self._days, last)]
