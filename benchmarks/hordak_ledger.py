"""django-hordak's side of the ledger benchmark, by its own models. Imported once Django is set up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from hordak.models import Account, AccountType, Leg, Transaction
from moneyed import Money

from benchmarks.contenders import AMOUNT, CODES, DAY, OWNERS, SIGNS


def open_accounts() -> None:
    """An account for every code and owner; the tree is flat and its numbers are set here, which is quicker."""
    Account.objects.bulk_create(
        Account(
            name=f"{code} {owner}",
            type=AccountType.asset,
            currencies=["USD"],
            tree_id=len(CODES) * owner + position + 1,
            lft=1,
            rght=2,
            level=0,
        )
        for owner in range(OWNERS)
        for position, code in enumerate(CODES)
    )


class Hordak:
    """Write a transaction and then each leg, as hordak documents it and does itself; many by `bulk_create`."""

    def __init__(self) -> None:
        self.accounts = list(Account.objects.order_by("tree_id"))
        self.amount = Money(Decimal(AMOUNT) / 100, "USD")

    def make(self, owner: int) -> tuple[Any, list[Any]]:
        entry = Transaction(date=DAY, description="benchmark")
        mine = self.accounts[len(CODES) * owner : len(CODES) * (owner + 1)]
        legs = [
            Leg(transaction=entry, account=account, **{"debit" if sign > 0 else "credit": self.amount})
            for account, sign in zip(mine, SIGNS, strict=True)
        ]
        return entry, legs

    def single(self, one: tuple[Any, list[Any]]) -> None:
        entry, legs = one
        with transaction.atomic():
            entry.save()
            self._attach(entry, legs)
            for leg in legs:
                leg.save()

    def batch(self, many: Sequence[tuple[Any, list[Any]]]) -> None:
        with transaction.atomic():
            Transaction.objects.bulk_create(entry for entry, _ in many)
            for entry, legs in many:
                self._attach(entry, legs)
            Leg.objects.bulk_create(leg for _, legs in many for leg in legs)

    @staticmethod
    def _attach(entry: Any, legs: list[Any]) -> None:
        for leg in legs:
            leg.transaction = entry
