"""Deposits in tests: keyed as people key them, and what becomes of each item."""

from __future__ import annotations

from typing import Any

from coverpay.kernel import clock
from payments import deposits
from payments.deposits import Item
from payments.models import Deposit
from tests.support import books
from tests.support.books import House


def taken_in(house: House, *items: Item, kind: str = "check", reference: str = "slip-1", **said: Any) -> Deposit:
    """A deposit of today, recorded and placed."""
    asked: dict[str, Any] = {
        "bank_account_id": house.bank.id,
        "kind": kind,
        "reference": reference,
        "received_on": clock.today(),
        "amount_minor": sum(item.amount_minor for item in items),
        "items": items,
        "actor": house.me,
    }
    return deposits.take_in(**{**asked, **said})


def standing(deposit: Deposit) -> list[tuple[str, str]]:
    """Where each item stands, and why."""
    return list(deposit.items.order_by("position").values_list("state", "why"))


def seeded(house: House) -> Deposit:
    """A slip of three checks: one for a policy, and two whose policies nobody can read."""
    policy = books.bound(house)
    unread = [Item(10_00, "unreadable", "Seeded Orchids", number) for number in ("1002", "1003")]
    return taken_in(house, Item(10_00, policy.number, "Seeded Orchids", "1001"), *unread)
