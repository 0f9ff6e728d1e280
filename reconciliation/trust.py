"""The trust position: what is in fiduciary accounts, whose it is, and how much may leave them.

The floor is computed gross, per owner (11 NYCRR 20.3(b)(4)): every owner's money is there in full, and what one was
paid too much never lowers what another is owed. Money still at a processor is not in the account yet.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from coverpay.kernel.figures import Explained
from reconciliation.ledger import balances
from reconciliation.ledger.balances import AccountBalance

CITATION = "11 NYCRR 20.3(b)(4)"
RULE = "premium trust floor, gross per owner"
OTHERS = ("premium_payable", "carrier_fee_payable", "tax_payable", "unapplied_cash", "suspense_cash",
          "unclaimed_property", "interest_in_trust")  # fmt: skip
"""Fiduciary money that is not ours."""
OURS = ("commission_in_trust", "fee_in_trust")
"""Ours once collected, and still in the trust account."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What one owner is owed of one kind, minor units; below zero: paid more than was received for them."""

    code: str
    owner: str
    owed_minor: int

    @property
    def counts_minor(self) -> int:
        """What of it the floor counts: never a deficit."""
        return max(self.owed_minor, 0)


@dataclass(frozen=True, slots=True)
class Position:
    """One book's trust money in one currency at the end of a day, minor units."""

    book_id: str
    currency: str
    at: dt.date | None
    cash: tuple[Owed, ...]
    others: tuple[Owed, ...]
    ours: tuple[Owed, ...]
    at_processors_minor: int
    due_from_operating_minor: int

    @property
    def cash_minor(self) -> int:
        """In the fiduciary bank accounts, by the books."""
        return sum(each.owed_minor for each in self.cash)

    @property
    def floor_minor(self) -> int:
        """What may not leave: what others are owed, gross."""
        return sum(each.counts_minor for each in self.others)

    @property
    def free_minor(self) -> int:
        """What may leave for ourselves: cash above the floor, and no more than is ours."""
        return max(min(self.cash_minor - self.floor_minor, sum(each.counts_minor for each in self.ours)), 0)

    @property
    def deficit_minor(self) -> int:
        """By how much the accounts hold less than the floor."""
        return max(self.floor_minor - self.cash_minor, 0)

    @property
    def deficit_after_processors_minor(self) -> int:
        """What is still missing once processors have paid out what they hold."""
        return max(self.deficit_minor - max(self.at_processors_minor, 0), 0)

    def owed(self, code: str, owner: str) -> int:
        """What one owner is owed of one kind."""
        found = (each.owed_minor for each in (*self.others, *self.ours) if (each.code, each.owner) == (code, owner))
        return next(found, 0)

    def in_account(self, bank_account_id: str) -> int:
        """What one fiduciary bank account holds, by the books."""
        return next((each.owed_minor for each in self.cash if each.owner == bank_account_id), 0)

    def without(self, code: str, owner: str, amount_minor: int) -> int:
        """The floor once an owner was paid an amount of one kind."""
        return sum(
            max(each.owed_minor - (amount_minor if (each.code, each.owner) == (code, owner) else 0), 0)
            for each in self.others
        )

    def why(self) -> Explained:
        """How the figures come about."""
        inputs: dict[str, str | int] = {"cash_minor": self.cash_minor, "floor_minor": self.floor_minor}
        for each in (*self.others, *self.ours):
            if each.owed_minor:
                inputs[f"{each.code} {each.owner}".strip()] = each.owed_minor
        return Explained(
            formula="free = min(cash − Σ max(owed to each other owner, 0), what is ours)",
            inputs=inputs,
            rule=RULE,
            citation=CITATION,
        )


@dataclass(frozen=True, slots=True)
class Warning:
    """Something that looks like money of one owner, or of ours, being mixed with another's."""

    code: str
    owner: str
    amount_minor: int
    currency: str
    words: str


def positions(book_id: str, at: dt.date | None = None) -> list[Position]:
    """The position of every currency of a book at the end of a day (now: everything posted)."""
    by_currency: dict[str, list[AccountBalance]] = defaultdict(list)
    for balance in balances.trial_balance(book_id, at):
        by_currency[balance.currency].append(balance)
    return [_position(book_id, currency, at, rows) for currency, rows in sorted(by_currency.items())]


def position(book_id: str, currency: str, at: dt.date | None = None) -> Position:
    """The position of one currency; all zero where the book has none."""
    found = (each for each in positions(book_id, at) if each.currency == currency)
    return next(found, Position(book_id, currency, at, (), (), (), 0, 0))


def warnings(position: Position) -> list[Warning]:
    """What in a position looks like commingling, each in words for the person who must look."""
    currency = position.currency
    found = [
        Warning(
            each.code, each.owner, -each.owed_minor, currency, "More was paid out than was received for this owner."
        )
        for each in (*position.others, *position.ours)
        if each.owed_minor < 0
    ]
    found += [
        Warning("trust_cash", each.owner, -each.owed_minor, currency, "The books show this account overdrawn.")
        for each in position.cash
        if each.owed_minor < 0
    ]
    if position.due_from_operating_minor > 0:
        words = "Fiduciary money bore costs of ours; operating has to pay it back."
        found.append(Warning("due_from_operating", "", position.due_from_operating_minor, currency, words))
    if position.deficit_after_processors_minor:
        words = "The accounts hold less than owners are owed, even once processors have paid out."
        found.append(Warning("trust_cash", "", position.deficit_after_processors_minor, currency, words))
    return found


def _position(book_id: str, currency: str, at: dt.date | None, rows: Iterable[AccountBalance]) -> Position:
    listed = list(rows)
    cash = tuple(Owed(row.code, row.owner, row.balance_minor) for row in listed if row.code == "trust_cash")
    return Position(
        book_id=book_id,
        currency=currency,
        at=at,
        cash=cash,
        others=_owed(listed, OTHERS),
        ours=_owed(listed, OURS),
        at_processors_minor=sum(row.balance_minor for row in listed if row.code == "processor_clearing"),
        due_from_operating_minor=sum(row.balance_minor for row in listed if row.code == "due_from_operating"),
    )


def _owed(rows: Iterable[AccountBalance], codes: tuple[str, ...]) -> tuple[Owed, ...]:
    """Liabilities with their sign turned: what is owed is above zero."""
    return tuple(Owed(row.code, row.owner, -row.balance_minor) for row in rows if row.code in codes)
