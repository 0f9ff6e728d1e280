"""What a bank or processor keeps back, by the fee terms of the rules."""

from __future__ import annotations

from collections.abc import Sequence

from reconciliation.matching.lines import BankLine, BookLine, FeeTerm

MILLION = 1_000_000


def explained(terms: Sequence[FeeTerm], bank: BankLine, books: Sequence[BookLine]) -> tuple[FeeTerm, ...]:
    """Find the terms whose fee is exactly what the bank line falls short of the books.

    All terms that speak of the line are tried together, then each alone. Gives none where nothing explains it.
    """
    if not terms:
        return ()
    total = sum(book.amount_minor for book in books)
    short = total - bank.amount_minor
    if short <= 0:
        return ()
    text = f"{bank.payer} {bank.text}".casefold()
    speaking = tuple(term for term in terms if term.text_contains.casefold() in text)
    for tried in (speaking, *((term,) for term in speaking)):
        if tried and sum(fee(term, books, total) for term in tried) == short:
            return tried
    return ()


def fee(term: FeeTerm, books: Sequence[BookLine], total: int) -> int:
    """The fee of one term in minor units: of each line that moves the way the total does, or once of the total."""
    if term.per == "deposit":
        return share(abs(total), term) + term.fixed_minor
    moved = [abs(book.amount_minor) for book in books if (book.amount_minor < 0) == (total < 0)]
    return sum(share(amount, term) + term.fixed_minor for amount in moved)


def share(amount: int, term: FeeTerm) -> int:
    """The share of an amount in whole minor units, rounded once as the term says."""
    whole, rest = divmod(amount * term.ppm, MILLION)
    if term.rounding == "down" or 2 * rest < MILLION:
        return whole
    if 2 * rest == MILLION and term.rounding == "half_even":
        return whole + whole % 2
    return whole + 1
