"""Which lines hang together: by a shared reference, or by one amount near in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from reconciliation.matching.lines import BankLine, BookLine
from reconciliation.matching.names import normal

Key = tuple[str | int, ...]
Group = tuple[list[BankLine], list[BookLine], str]


def by_reference(
    bank_lines: Iterable[BankLine], book_lines: Iterable[BookLine], alike: Callable[[BankLine | BookLine], Key]
) -> list[Group]:
    """Gather lines that share a reference and are otherwise `alike` into groups, each with its first reference.

    A bank line may give several references and so tie several sets of book lines together. A group of one and one is
    a pair that nobody else claims.
    """
    claims: dict[Key, list[BookLine]] = defaultdict(list)
    for book in book_lines:
        if spelled := normal(book.reference):
            claims[(spelled, *alike(book))].append(book)
    groups = _Joined()
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


class _Joined:
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
