"""Lines for tests of matching, and what its results say in short."""

from __future__ import annotations

import datetime as dt

from reconciliation.matching import BankLine, BookLine, MatchResult

ACCOUNT = "bnk_trust"


def day(number: int) -> dt.date:
    return dt.date(2026, 1, number)


def bank(
    id: str,
    amount: int,
    on: int = 5,
    *references: str,
    currency: str = "USD",
    account: str = ACCOUNT,
    text: str = "",
    payer: str = "",
) -> BankLine:
    """A bank line of January 2026."""
    return BankLine(id, account, amount, currency, day(on), references, text, payer)


def book(
    id: str,
    amount: int,
    on: int = 5,
    reference: str = "",
    currency: str = "USD",
    account: str = ACCOUNT,
    subject: str = "",
    party: str = "",
) -> BookLine:
    """A book line of January 2026."""
    return BookLine(id, account, amount, currency, day(on), reference, subject, party)


def groups(result: MatchResult) -> dict[str, str]:
    """The matches, each as its lines, with its stage."""
    return {
        f"{' '.join(sorted(found.bank_line_ids))} = {' '.join(sorted(found.book_line_ids))}": found.stage
        for found in result.matches
    }


def kinds(result: MatchResult) -> dict[str, str]:
    """The breaks, by their line."""
    return {found.line_id: found.kind.value for found in result.breaks}
