"""Which lines hang together: by a shared reference, or by one amount near in time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from reconciliation.matching.lines import BankLine, BookLine
from reconciliation.matching.names import normal

Key = tuple[str | int, ...]
Group = tuple[list[BankLine], list[BookLine], str]


def pairs_and_crowd(
    bank_lines: Iterable[BankLine], book_lines: Iterable[BookLine]
) -> tuple[Iterator[tuple[str, BankLine, BookLine]], list[BankLine], list[BookLine]]:
    """Set apart the pairs that only each other's reference names; the rest of those tied by a reference is a crowd.

    One look at each line: nearly every line of a good month is such a pair.
    """
    claims: dict[str, BookLine] = {}
    crowded: set[str] = set()
    books: list[BookLine] = []
    for book in book_lines:
        spelled = normal(book.reference)
        if spelled and claims.setdefault(spelled, book) is not book:
            crowded.add(spelled)
            books.append(book)
    claimed: dict[str, BankLine] = {}
    banks: dict[str, BankLine] = {}
    for bank in bank_lines:
        hits = [spelled for reference in bank.references if (spelled := normal(reference)) in claims]
        if len(hits) > 1 and len(hits := list(dict.fromkeys(hits))) > 1:
            crowded.update(hits)
        for spelled in hits:
            if claimed.setdefault(spelled, bank) is not bank:
                crowded.add(spelled)
                banks[bank.id] = bank
    for spelled in crowded:
        if spelled in claimed:
            first = claimed.pop(spelled)
            banks[first.id] = first
        books.append(claims[spelled])
    return ((spelled, bank, claims[spelled]) for spelled, bank in claimed.items()), list(banks.values()), books


def by_reference(
    bank_lines: Iterable[BankLine],
    book_lines: Iterable[BookLine],
    alike: Callable[[BankLine | BookLine], Key] = lambda line: (),
    spell: Callable[[str], str] = normal,
) -> list[Group]:
    """Gather lines that share a reference and are otherwise `alike` into groups, each with its first reference.

    A bank line may give several references and so tie several sets of book lines together. A group of one and one is
    a pair that nobody else claims. `spell` says what of a book line's reference must be the bank's.
    """
    claims: dict[Key, list[BookLine]] = defaultdict(list)
    for book in book_lines:
        if spelled := spell(book.reference):
            claims[(spelled, *alike(book))].append(book)
    groups = Joined()
    edges: list[tuple[BankLine, Key]] = []
    for bank in bank_lines:
        for spelled in sorted({normal(reference) for reference in bank.references}):
            key = (spelled, *alike(bank))
            if key in claims:
                edges.append((bank, key))
                groups.join((bank.id,), key)
    found: dict[Key, tuple[dict[str, BankLine], dict[Key, list[BookLine]]]] = {}
    for bank, key in edges:
        banks, books = found.setdefault(groups.leader(key), ({}, {}))
        banks[bank.id] = bank
        books[key] = claims[key]
    return [
        (list(banks.values()), [book for some in books.values() for book in some], str(next(iter(books))[0]))
        for banks, books in found.values()
    ]


class Joined:
    """What hangs together: nodes joined one pair at a time, each group known by one of its nodes."""

    def __init__(self) -> None:
        self._above: dict[Key, Key] = {}

    def leader(self, node: Key) -> Key:
        above = self._above
        while (next_up := above.setdefault(node, node)) != node:
            above[node] = above[next_up]
            node = next_up
        return node

    def join(self, one: Key, other: Key) -> None:
        self._above[self.leader(one)] = self.leader(other)


def parts(
    banks: Sequence[BankLine], books: Sequence[BookLine], window: int
) -> list[tuple[list[BankLine], list[BookLine]]]:
    """Cut lines of one reference where no line stands for longer than `window` days: a reference used again later."""
    lines: list[BankLine | BookLine] = sorted((*banks, *books), key=lambda line: line.posted_on)
    found: list[tuple[list[BankLine], list[BookLine]]] = []
    last: dt.date | None = None
    for line in lines:
        if last is None or (line.posted_on - last).days > window:
            found.append(([], []))
        last = line.posted_on
        if isinstance(line, BankLine):
            found[-1][0].append(line)
        else:
            found[-1][1].append(line)
    return found


def near(banks: list[BankLine], books: list[BookLine], window: int) -> Iterator[tuple[list[BankLine], list[BookLine]]]:
    """Split lines of one amount into groups connected by dates at most `window` days apart; one side alone is left out.

    Both lists are sorted by date. A bank line reaches a run of neighbouring book lines, so groups are runs as well.
    """
    reach: list[tuple[int, int]] = []
    low = high = 0
    for bank in banks:
        while low < len(books) and (bank.posted_on - books[low].posted_on).days > window:
            low += 1
        high = max(high, low)
        while high < len(books) and (books[high].posted_on - bank.posted_on).days <= window:
            high += 1
        reach.append((low, high))
    group: list[BankLine] = []
    start = end = 0
    for bank, (low, high) in zip(banks, reach, strict=True):
        if group and low >= end:
            yield group, books[start:end]
            group = []
        if low < high:
            start = start if group else low
            end = high
            group.append(bank)
    if group:
        yield group, books[start:end]
