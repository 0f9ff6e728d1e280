"""ACH for the seeded book: the file of what is staged, and news of the bank that waits for a person."""

from __future__ import annotations

from payments.ach import files
from payments.models import GatewayAccount
from tests.support import ach, ach_bank
from tests.support.ach import Desk
from tests.support.books import House


def filed(house: House) -> None:
    """Build the file of the validation that is staged; the bank returns an entry that nobody knows."""
    desk = Desk(house, account_of(house))
    assert files.build_file(account_id=desk.account.id, actor=house.me) is not None
    ach.received(desk, ach_bank.returned("121000359999999", "R01", 100))


def account_of(house: House) -> GatewayAccount:
    """The account of the house that sends files."""
    return GatewayAccount.objects.get(gateway="nacha", organization=house.operator)
