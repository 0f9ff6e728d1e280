"""Deposits when everything happens at once, and when there are many: once each, and nothing left over."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Receipt, SuspenseItem
from coverpay import books as proof
from coverpay.kernel.errors import Busy, IllegalTransition
from payments import deposit_returns, deposit_sweeps, deposits, lockbox
from payments.deposits import Item
from payments.models import Deposit, DepositItem
from tests.support import lockbox_writer, plain
from tests.support.books import House
from tests.support.database import at_once
from tests.support.deposits import taken_in
from tests.support.lockbox_writer import Paper
from tests.support.ties import differences

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_deposit_recorded_by_eight_at_once_is_one_deposit_placed_once(house: House) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    results = at_once(*[lambda: taken_in(house, Item(600_000, policy.number), Item(5, "?"))] * 8)
    assert {type(result) for result in results} <= {Deposit, Busy}
    deposit_sweeps.sweep()
    assert (Deposit.objects.count(), SuspenseItem.objects.count(), Receipt.objects.count()) == (1, 2, 1)
    assert proof.check() == [] and differences(house) == []


def test_a_check_bounced_and_taken_out_at_once_goes_back_once(house: House) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    item = taken_in(house, Item(600_000, policy.number)).items.get()
    results = at_once(
        *[lambda: deposit_returns.bounce(item_id=item.id, reason="NSF", actor=house.me)] * 4,
        *[lambda: deposits.take_out(item_id=item.id, reason="Wrong", actor=house.me)] * 4,
    )
    refused = [result for result in results if isinstance(result, Exception)]
    assert {type(error) for error in refused} <= {IllegalTransition, Busy}
    if all(isinstance(result, Exception) for result in results[:4]):
        deposit_returns.bounce(item_id=item.id, reason="NSF", actor=house.me)  # each met the taking out, and said so
    assert DepositItem.objects.get().state == "bounced"
    assert proof.check() == [] and differences(house) == []


def test_a_file_is_recorded_in_as_many_statements_however_many_checks_it_has(house: House) -> None:
    def statements(checks: int) -> int:
        content = lockbox_writer.file(*(Paper(checks + number, str(number)) for number in range(checks)))
        with CaptureQueriesContext(connection) as ran:
            lockbox.import_file(bank_account_id=house.bank.id, content=content, actor=house.me)
        return len(ran)

    statements(1)
    assert statements(300) <= statements(3) + 5
