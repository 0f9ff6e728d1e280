"""What holds lines of one side together, and the whole sets of such lines that come to an amount."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from reconciliation.matching.lines import BankLine, BookLine
from reconciliation.matching.names import MIN_NAME, Parties, is_name, normal, normal_name
from reconciliation.matching.pool import Pool, in_order
from reconciliation.matching.words import many

Line = BankLine | BookLine
_SERIES = re.compile(r"([A-Z]{2,})[0-9]+")
_WITH_DIGIT = re.compile(r"\S*\d\S*")

ALL = ""
"""The mark of every line: only the days hold them together."""
TEXT = "text "
"""How the mark of a bank's words begins."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line with what is worked out once: its day, its marks, and the party it is of or the parties it speaks of."""

    line: Line
    amount: int
    day: int
    marks: tuple[str, ...]
    party: str
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Whole:
    """All lines of a mark over some days in a row."""

    items: tuple[Item, ...]
    mark: str

    def spelled(self) -> str:
        first, last = self.items[0].line.posted_on, self.items[-1].line.posted_on
        when = f"of {first}" if first == last else f"from {first} to {last}"
        held = f" with the {self.mark}" if self.mark else ""
        return f"they are all {many(len(self.items), 'open line')} {when}{held}."

    def is_within(self, first: int, last: int) -> bool:
        return first <= self.items[0].day and self.items[-1].day <= last


def is_strong(mark: str) -> bool:
    """Tell whether a mark holds lines together by more than their days, or words that every deposit carries."""
    return mark != ALL and not mark.startswith(TEXT)


def items_of_books(books: Iterable[BookLine]) -> list[Item]:
    """Work out book lines, in the given order."""
    found = []
    for line in books:
        party = normal_name(line.party)
        marks = [ALL]
        if party:
            marks.append(f"party {party}")
        if line.subject:
            marks.append(f"subject {line.subject}")
        if series := _SERIES.fullmatch(normal(line.reference)):
            marks.append(f"series {series[1]}")
        found.append(Item(line, line.amount_minor, line.posted_on.toordinal(), tuple(marks), party))
    return found


def items_of_banks(banks: Iterable[BankLine], books: Iterable[BookLine], parties: Parties) -> list[Item]:
    """Work out bank lines, in the given order; `books` are those whose parties they may speak of."""
    names = {normal_name(party) for party in {line.party for line in books} if is_name(party)}
    by_word: dict[str, list[str]] = {}
    for name in names:
        if len(name) >= MIN_NAME:
            by_word.setdefault(name.split()[0], []).append(name)
    found = []
    for line in banks:
        marks = [ALL]
        if payer := parties.written(line):
            marks.append(f"party {payer}")
        if text := " ".join(_WITH_DIGIT.sub("", line.text.upper()).split()):
            marks.append(TEXT + text)
        party = parties.of(line)
        named = {party} - {""}
        if by_word and not parties.learnt(line):
            said = parties.said(line)
            named |= {name for word in said for name in by_word.get(word, ()) if said.issuperset(name.split())}
        day = line.posted_on.toordinal()
        found.append(Item(line, line.amount_minor, day, tuple(marks), party, frozenset(named)))
    return found


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


def lines_of_wholes(pool: Pool) -> tuple[set[str], set[str]]:
    """Find the bank lines and the book lines that are part of a whole set, or come to one, within the window."""
    banks = items_of_banks(in_order(pool.bank), pool.books.values(), pool.parties)
    books = items_of_books(in_order(pool.books))
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
