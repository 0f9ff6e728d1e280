"""ACH for the seeded book: a file that went to the bank, a debit of it that settled, news that waits for a person."""

from __future__ import annotations

import datetime as dt

from coverpay.kernel import clock, ids
from coverpay.kernel.money import Money
from payments import accounts
from payments.ach import files, settling
from payments.gateways.base import Charge
from payments.models import GatewayAccount
from tests.support import ach, ach_bank, books, late, paying
from tests.support.ach import Desk
from tests.support.books import House


def filed(house: House) -> None:
    """Send what is staged and a debit; let it settle; the bank returns an entry that nobody knows."""
    desk = Desk(house, account_of(house))
    account = paying.mandated(house, books.bound(house), given="paper", evidence="Folder 7")
    charge = Charge(ids.new("att"), desk.account.merchant, Money(100), "ach", account.id)
    accounts.gateway_of(desk.account).charge(charge)
    file = files.build_file(account_id=desk.account.id, actor=house.me)
    assert file is not None
    files.mark_sent(file_id=file.id, actor=house.me)
    ach.received(desk, ach_bank.returned("121000359999999", "R01", 100))
    with late.at(clock.today() + dt.timedelta(days=7)):
        settling.settle_due()


def account_of(house: House) -> GatewayAccount:
    """The account of the house that sends files."""
    return GatewayAccount.objects.get(gateway="nacha", organization=house.operator)
