"""The trust position: what is in fiduciary accounts, whose it is, and how much may leave them.

The floor is computed gross, per owner (11 NYCRR 20.3(b)(4)): every owner's money is there in full, and what one was
paid too much never lowers what another is owed. Money still at a processor is not in the account yet.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.db.models import Sum

from coverpay.kernel.figures import Explained
from reconciliation.ledger import balances
from reconciliation.ledger.balances import AccountBalance
from reconciliation.ledger.models import Entry, Line

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
    put_in_operating_minor: int = 0

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
    def premium_in_operating_minor(self) -> int:
        """Fiduciary money that was deposited into accounts of ours and is not back; it counts as paid back last."""
        return max(min(self.put_in_operating_minor, self.due_from_operating_minor), 0)

    @property
    def ours_put_in_minor(self) -> int:
        """Money of operating that lies in fiduciary accounts: what it put in beyond what it owed."""
        return max(-self.due_from_operating_minor, 0)

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
    put_in: dict[str, int] = defaultdict(int)
    for _, currency, amount in _put_in_operating(book_id, at):
        put_in[currency] += amount
    return _of_day(book_id, at, balances.trial_balance(book_id, at), put_in)


def daily(book_id: str, from_on: dt.date, to_on: dt.date) -> list[Position]:
    """The positions of every day of a range, oldest first: what stood before it, and each day's lines, read at once."""
    standing = {row.account_id: row for row in balances.trial_balance(book_id, from_on - dt.timedelta(days=1))}
    lines = Line.objects.filter(account__book=book_id, posted_on__range=(from_on, to_on)).order_by()
    moved: dict[dt.date, list[tuple[int, int]]] = defaultdict(list)
    for on, account_id, amount in lines.values_list("posted_on", "account").annotate(sum=Sum("amount_minor")):
        moved[on].append((account_id, int(amount)))
    put = sorted(_put_in_operating(book_id, to_on), reverse=True)
    put_in: dict[str, int] = defaultdict(int)
    found: list[Position] = []
    for number in range((to_on - from_on).days + 1):
        day = from_on + dt.timedelta(days=number)
        for account_id, amount in moved[day]:
            row = standing[account_id]
            standing[account_id] = replace(row, balance_minor=row.balance_minor + amount)
        while put and put[-1][0] <= day:
            _, currency, amount = put.pop()
            put_in[currency] += amount
        found += _of_day(book_id, day, standing.values(), put_in)
    return found


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
    if position.premium_in_operating_minor:
        words = "Premium was deposited into an account of ours, and is not all paid back to trust."
        found.append(Warning("operating_cash", "", position.premium_in_operating_minor, currency, words))
    if position.ours_put_in_minor:
        words = "Money of ours lies in fiduciary accounts: operating put in more than it owed."
        found.append(Warning("due_from_operating", "", position.ours_put_in_minor, currency, words))
    if position.deficit_after_processors_minor:
        words = "The accounts hold less than owners are owed, even once processors have paid out."
        found.append(Warning("trust_cash", "", position.deficit_after_processors_minor, currency, words))
    return found


def _put_in_operating(book_id: str, at: dt.date | None) -> list[tuple[dt.date, str, int]]:
    """Deposits of fiduciary money into operating cash: the day, the currency, the amount that operating owes for it.

    Such an entry debits operating cash and credits what operating owes to trust. Reversals, and what they reverse, are
    none.
    """
    deposits = Entry.objects.filter(
        book=book_id,
        reverses__isnull=True,
        reversed_by__isnull=True,
        lines__account__code="operating_cash",
        lines__amount_minor__gt=0,
    )
    owing = Line.objects.filter(account__book=book_id, account__code="due_to_trust", amount_minor__lt=0)
    if at is not None:
        owing = owing.filter(posted_on__lte=at)
    rows = owing.filter(entry__in=deposits).order_by().values_list("posted_on", "currency", "amount_minor")
    return [(on, currency, -amount) for on, currency, amount in rows]


def _of_day(
    book_id: str, at: dt.date | None, rows: Iterable[AccountBalance], put_in: Mapping[str, int]
) -> list[Position]:
    by_currency: dict[str, list[AccountBalance]] = defaultdict(list)
    for balance in rows:
        by_currency[balance.currency].append(balance)
    return [
        replace(_position(book_id, currency, at, mine), put_in_operating_minor=put_in.get(currency, 0))
        for currency, mine in sorted(by_currency.items())
    ]


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
