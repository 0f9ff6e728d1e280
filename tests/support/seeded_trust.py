"""Trust money that moved, for the seeded book: an operating account, and interest the bank credited."""

from __future__ import annotations

from billing import trust
from coverpay.kernel.money import Money
from reconciliation import bank_accounts
from tests.support.books import House


def moved(house: House) -> None:
    """Open an operating account, and keep interest apart."""
    bank_accounts.open_bank_account(
        name="Operating", bank_id="121000358", account_mark="SEED-OP", currency="USD", fund="operating", actor=house.me
    )
    trust.record_interest(bank_account_id=house.bank.id, amount=Money(12), reference="SEED INT", actor=house.me)
