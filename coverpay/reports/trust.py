"""The daily trust position: cash, floor, what is free, what is missing, and what looks like commingling."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

from compliance import access
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from coverpay.reports.asking import Asked
from coverpay.reports.tables import DAY, MONEY, Column, Proof, Report
from reconciliation import trust
from reconciliation.ledger import balances
from reconciliation.ledger.models import Book, Fund
from reconciliation.trust import Position

MOST_DAYS = 1_096
COLUMNS = (
    Column("on", "Day", DAY), Column("currency", "Currency"), Column("cash", "In the accounts", MONEY),
    Column("floor", "Has to stay", MONEY), Column("free", "May leave for us", MONEY),
    Column("deficit", "Missing", MONEY), Column("at_processors", "At processors", MONEY),
    Column("due_from_operating", "Operating owes", MONEY), Column("warnings", "Warnings"),
)  # fmt: skip
FORMULA = "floor = Σ max(owed to each other owner, 0); free = min(cash − floor, what is ours); missing = floor − cash"


def positions(actor: Actor, asked: Asked) -> Report:
    """The position of every day of a range in each currency. Raises: Invalid for more than three years."""
    if asked.to_on - asked.from_on >= dt.timedelta(days=MOST_DAYS):
        raise Invalid(f"Ask for at most {MOST_DAYS} days.", field="from_on")
    book = access.visible(actor, Book.objects.all()).first()
    found = trust.daily(book.id, asked.from_on, asked.to_on) if book else []
    kept = [each for each in found if each.cash or each.others or each.ours or each.at_processors_minor]
    return Report(
        "trust", "Daily trust position", f"Fiduciary money at the end of each day, {asked.from_on} to {asked.to_on}.",
        COLUMNS, [_row(each) for each in kept], FORMULA,
        proofs=_proofs(book, asked.to_on, kept) if book else [], citation=trust.CITATION,
    )  # fmt: skip


def _row(position: Position) -> dict[str, object]:
    said = [
        f"{Money(each.amount_minor, each.currency)} {each.code} {each.owner}".strip() + f": {each.words}"
        for each in trust.warnings(position)
    ]
    return {
        "on": position.at,
        "currency": position.currency,
        "cash": position.cash_minor,
        "floor": position.floor_minor,
        "free": position.free_minor,
        "deficit": position.deficit_minor,
        "at_processors": position.at_processors_minor,
        "due_from_operating": position.due_from_operating_minor,
        "warnings": " ".join(said),
    }


def _proofs(book: Book, to_on: dt.date, found: Sequence[Position]) -> list[Proof]:
    """The last day by another road: its trial balance; and what fiduciary accounts hold is owed to somebody."""
    held: dict[str, int] = defaultdict(int)
    owed: dict[str, int] = defaultdict(int)
    cash: dict[str, int] = defaultdict(int)
    for row in balances.trial_balance(book.id, to_on):
        if row.fund == Fund.TRUST:
            (held if row.balance_minor > 0 else owed)[row.currency] += abs(row.balance_minor)
            cash[row.currency] += row.balance_minor if row.code == "trust_cash" else 0
    last = {each.currency: each.cash_minor for each in found if each.at == to_on}
    return [
        *(Proof(f"Cash in {currency}, day by day and by the trial balance of {to_on}", last[currency], cash[currency],
                currency) for currency in sorted(last)),
        *(Proof(f"What trust holds in {currency}, and what it is owed to", held[currency], owed[currency], currency)
          for currency in sorted(last)),
    ]  # fmt: skip
