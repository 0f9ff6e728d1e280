"""What holds lines of one side together, and the whole sets of such lines that come to an amount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from reconciliation.matching.items import PARTY, Item, is_strong, items_of_banks, items_of_books
from reconciliation.matching.pool import Pool, in_order
from reconciliation.matching.words import many


@dataclass(frozen=True, slots=True)
class Whole:
    """All lines of a mark over some days in a row."""

    items: tuple[Item, ...]
    mark: str

    def spelled(self) -> str:
        first, last = self.items[0].line.posted_on, self.items[-1].line.posted_on
        when = f"of {first}" if first == last else f"from {first} to {last}"
        mark = PARTY + self.items[0].party_as_written if self.mark.startswith(PARTY) else self.mark
        held = f" with the {mark}" if mark else ""
        return f"they are all {many(len(self.items), 'open line')} {when}{held}."

    def is_within(self, first: int, last: int) -> bool:
        return first <= self.items[0].day and self.items[-1].day <= last


def wholes(
    items: Sequence[Item], targets: Collection[int], reach: int, *, marked: bool = False
) -> dict[int, list[Whole]]:
    """Find the sets of all lines of a mark, or all that move one way, over some days in a row, by what they come to.

    Takes:  items in the order of their days; the amounts that matter; how many days a set spans at most; whether only
            marks count that hold lines together by more than their days.
    """
    found: dict[int, dict[frozenset[str], Whole]] = {}
    for mark, some in _by_mark(items):
        if marked and not is_strong(mark):
            continue
        for run in _runs(some, reach):
            total = sum([amount for _, amount in run])
            if total in targets:
                own = tuple([item for day, _ in run for item in day])
                if len(own) > 1:
                    ids = frozenset([item.line.id for item in own])
                    found.setdefault(total, {}).setdefault(ids, Whole(own, mark))
    return {total: list(sets.values()) for total, sets in found.items()}


def items_of(pool: Pool) -> tuple[list[Item], list[Item]]:
    """Work out the open lines of both sides in the order of their days, once for all stages."""
    if pool.items is None:
        banks = items_of_banks(in_order(pool.bank), pool.books.values(), pool.parties)
        pool.items = banks, items_of_books(in_order(pool.books))
    banks, books = pool.items
    pool.items = (
        [item for item in banks if item.line.id in pool.bank],
        [item for item in books if item.line.id in pool.books],
    )
    return pool.items


def lines_of_wholes(pool: Pool) -> tuple[set[str], set[str]]:
    """Find the bank lines and the book lines that are part of a whole set, or come to one, within the window."""
    banks, books = items_of(pool)
    window = pool.rules.date_window_days
    in_banks, in_books = _involved(banks, books, window), _involved(books, banks, window)
    return in_banks[0] | in_books[1], in_books[0] | in_banks[1]


def _involved(targets: Sequence[Item], parts: Sequence[Item], window: int) -> tuple[set[str], set[str]]:
    sets = wholes(parts, {target.amount for target in targets}, 2 * window)
    of_targets: set[str] = set()
    of_parts: set[str] = set()
    for target in targets:
        for whole in sets.get(target.amount, ()):
            if whole.is_within(target.day - window, target.day + window):
                of_targets.add(target.line.id)
                of_parts.update(item.line.id for item in whole.items)
    return of_targets, of_parts


def count_wholes(items: Sequence[Item]) -> int:
    """How many such sets there are among items near in time, about: how many sums it took to find one."""
    days: dict[str, set[int]] = {}
    lines = Counter(mark for item in items for mark in item.marks)
    for item in items:
        for mark in item.marks:
            if lines[mark] > 1:
                days.setdefault(mark, set()).add(item.day)
    return sum(len(some) * (len(some) + 1) // 2 for some in days.values())


def _by_mark(items: Sequence[Item]) -> Iterator[tuple[str, list[Item]]]:
    by_mark: dict[str, list[Item]] = {}
    for item in items:
        for mark in item.marks:
            by_mark.setdefault(mark, []).append(item)
    for mark, some in by_mark.items():
        if len(some) > 1:
            yield mark, some
            inward = [item for item in some if item.amount > 0]
            for one_way in (inward, [item for item in some if item.amount < 0]) if inward else ():
                if 1 < len(one_way) < len(some):
                    yield mark, one_way


def _runs(items: Sequence[Item], reach: int) -> Iterator[list[tuple[list[Item], int]]]:
    """Every run of days that spans at most `reach` days, as the lines and sum of each day."""
    by_day: dict[int, list[Item]] = {}
    for item in items:
        by_day.setdefault(item.day, []).append(item)
    days = [(day, some, sum([item.amount for item in some])) for day, some in by_day.items()]
    for start, (first, _, _) in enumerate(days):
        run: list[tuple[list[Item], int]] = []
        for day, some, amount in days[start:]:
            if day - first > reach:
                break
            run.append((some, amount))
            yield run
