"""The words of matching: why lines are the same money, and why nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence

from coverpay.kernel.money import Money
from reconciliation.matching.lines import BankLine, BookLine

SPELLED = 6
"""How many lines of an answer are named in words."""


def by_reference(banks: Sequence[BankLine], books: Sequence[BookLine], reference: str) -> str:
    """Say that one reference and one amount tie a line to a line."""
    return f"Same reference {reference}, same amount {money(banks[0])}, {apart(days_between(banks, books))}."


def by_amount(banks: Sequence[BankLine], books: Sequence[BookLine], window: str) -> str:
    """Say that no other line of the amount is near. Takes: the window in days."""
    return (
        f"Same amount {money(banks[0])}, {apart(days_between(banks, books))}; no other line of this amount stands "
        f"within {many(int(window), 'day')} of either."
    )


def by_party(banks: Sequence[BankLine], books: Sequence[BookLine], party: str) -> str:
    """Say that of several lines of the amount only these speak of the party."""
    return (
        f"Same amount {money(banks[0])}, {apart(days_between(banks, books))}; of the lines of this amount near in time "
        f"only these two speak of {party}."
    )


def by_rest(banks: Sequence[BankLine], books: Sequence[BookLine], window: str) -> str:
    """Say that every other line of the amount is spoken for. Takes: the window in days."""
    return (
        f"Same amount {money(banks[0])}, {apart(days_between(banks, books))}; of the lines of this amount within "
        f"{many(int(window), 'day')} every other one is spoken for, or speaks of someone else."
    )


def by_shared_reference(banks: Sequence[BankLine], books: Sequence[BookLine], reference: str) -> str:
    """Say that all lines of one reference net to one amount."""
    return (
        f"All {sides(banks, books)} that carry the reference {reference} come to the same "
        f"{money_of(sum(line.amount_minor for line in banks), banks[0])}."
    )


def by_sum(banks: Sequence[BankLine], books: Sequence[BookLine], mark: str) -> str:
    """`mark` says what holds the lines together."""
    total = money_of(sum(line.amount_minor for line in banks), banks[0])
    return f"{sides(banks, books).capitalize()} come to the same {total}: {mark}"


def sides(banks: Sequence[BankLine], books: Sequence[BookLine]) -> str:
    """Count both sides."""
    return f"{many(len(banks), 'bank line')} and {many(len(books), 'book line')}"


def money(line: BankLine | BookLine) -> str:
    """Write a line's amount."""
    return money_of(line.amount_minor, line)


def money_of(amount_minor: int, line: BankLine | BookLine) -> str:
    """Write an amount in a line's currency."""
    return str(Money(amount_minor, line.currency))


def many(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def apart(days: int) -> str:
    """Write how many days lie between."""
    return "on the same day" if days == 0 else f"{many(days, 'day')} apart"


def days_between(banks: Sequence[BankLine], books: Sequence[BookLine]) -> int:
    """The most days that a bank line and a book line of the two sides stand apart."""
    days = [line.posted_on for line in banks], [line.posted_on for line in books]
    return max(abs((max(days[0]) - min(days[1])).days), abs((max(days[1]) - min(days[0])).days))


def added(ids: Sequence[str]) -> str:
    """An answer spelled as its lines."""
    more = [f"{len(ids) - SPELLED} more"] if len(ids) > SPELLED else []
    return " + ".join([*ids[:SPELLED], *more])
