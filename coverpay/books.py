"""Prove the books: what the ledger says, beside what invoices, credits, receipts, attempts and payouts say.

Every figure is worked out a second time from the rows that caused it; whatever differs is named. Each check is one
set-based query of rows to compare: organization, account (or what else is compared), owner, currency, the expected and
the found amount; NULL stands for something that is not there at all. Debit positive, minor units.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from coverpay.book_causes import COMPARE
from coverpay.book_checks import ACCOUNTS, CHECKS, RECEIPTS, TERMS
from coverpay.kernel.money import EXPONENTS, Money

__all__ = ["ACCOUNTS", "CHECKS", "RECEIPTS", "TERMS", "Difference", "Total", "check", "compare"]


@dataclass(frozen=True, slots=True)
class Total:
    """What one check compared on one account of one organization, minor units, debit positive."""

    organization_id: str
    check: str
    account: str
    currency: str
    expected_minor: int
    found_minor: int
    count: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not tie, minor units, debit positive; None where there is nothing at all."""

    organization_id: str
    check: str
    account: str
    owner: str
    currency: str
    expected_minor: int | None
    found_minor: int | None

    @property
    def difference_minor(self) -> int:
        """What was found less what was expected."""
        return (self.found_minor or 0) - (self.expected_minor or 0)

    def __str__(self) -> str:
        what = f"{self.account} of {self.owner}" if self.owner else self.account
        expected, found = (_shown(amount, self.currency) for amount in (self.expected_minor, self.found_minor))
        return f"{what}: expected {expected}, found {found}, difference {_shown(self.difference_minor, self.currency)}"


def check(organization_id: str | None = None) -> list[Difference]:
    """Compare every book with what caused it, at one moment; an empty list is the proof.

    Takes: one organization, or None for all.
    """
    return [row for row in compare(organization_id) if isinstance(row, Difference)]


def compare(organization_id: str | None = None) -> Iterator[Total | Difference]:
    """Go through every check, all at one moment. Gives: the totals of what was compared, and every difference."""
    with _one_moment():
        for name, query in CHECKS.items():
            with connection.chunked_cursor() as cursor:
                cursor.execute(COMPARE.format(query=query), {"organization": organization_id or ""})
                for organization, account, owner, currency, expected, found, count in cursor:
                    if count:
                        yield Total(organization, name, account, currency, expected, found, count)
                    else:
                        yield Difference(organization, name, account, owner, currency, expected, found)


def _shown(amount_minor: int | None, currency: str) -> str:
    if amount_minor is None:
        return "nothing"
    return str(Money(amount_minor, currency)) if currency in EXPONENTS else f"{amount_minor} {currency}".strip()


@contextmanager
def _one_moment() -> Iterator[None]:
    """Read everything from one snapshot of the database; inside a transaction already, as that one sees it."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
