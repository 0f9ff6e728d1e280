"""A lockbox file becomes one deposit a lockbox and day, once, or nothing at all."""

from __future__ import annotations

import pytest

from coverpay import books as proof
from payments import accounts, deposit_sweeps, lockbox
from payments.lockbox import LockboxRefused, NoColumnMap
from payments.models import Deposit
from tests.support import books, lockbox_writer, plain
from tests.support.books import House
from tests.support.deposits import standing
from tests.support.lockbox_writer import Paper
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def three_checks(house: House) -> bytes:
    """A check for two policies with 6,000.00 open each, one for a cancelled policy, and one that names nothing."""
    one, other, gone = plain.bound(house), plain.bound(house), plain.bound(house)
    for policy in (one, other):
        plain.billed(house, policy)
    plain.cancelled(house, gone, on=books.FIRST_DAY)
    return lockbox_writer.file(
        Paper(1_200_000, "1001", "ALOHA", ((one.number, 600_000), (other.number, 600_000))),
        Paper(5_000, "7", "HILO", ((gone.number, 5_000),)),
        Paper(300),
    )


def imported(house: House, content: bytes) -> Deposit:
    (deposit,) = lockbox.import_file(bank_account_id=house.bank.id, content=content, actor=house.me)
    deposit_sweeps.sweep()
    return deposit


def test_a_file_is_looked_at_before_it_is_imported_and_then_does_what_it_showed(house: House) -> None:
    content = three_checks(house)
    shown = lockbox.preview(bank_account_id=house.bank.id, content=content, actor=house.me)
    (box,) = shown.deposits
    assert (box.lockbox, box.checks, box.amount_minor, box.placed, box.placed_minor) == (
        "0012345", 3, 1_205_300, 2, 1_200_000,
    )  # fmt: skip
    assert not Deposit.objects.exists() and shown.imported == ()
    deposit = imported(house, content)
    assert [state for state, _ in standing(deposit)] == ["placed", "placed", "suspense", "suspense"]
    assert [why for _, why in standing(deposit)][2:] == [why for _, _, why in box.held]
    assert "cancelled" in box.held[0][2]
    assert books.balance(house, "trust_cash") == 1_205_300
    assert proof.check() == [] and differences(house) == []


def test_the_same_file_again_is_the_same_deposit(house: House) -> None:
    content = three_checks(house)
    first, again = imported(house, content), imported(house, content)
    assert first.id == again.id and Deposit.objects.count() == 1
    assert lockbox.preview(bank_account_id=house.bank.id, content=content, actor=house.me).imported == (first.id,)


def test_a_file_that_does_not_tie_books_nothing_and_lists_every_reason(house: House) -> None:
    content = three_checks(house).replace(b"6001001", b"6001009", 1)
    with pytest.raises(LockboxRefused) as refused:
        imported(house, content)
    assert {problem["code"] for problem in refused.value.extra["problems"]} == {"other_check"}
    assert not Deposit.objects.exists()


def test_a_csv_needs_the_columns_of_the_manual_account(house: House) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    content = f"Number,Paid\n{policy.number},6000.00\n".encode()
    with pytest.raises(NoColumnMap):
        imported(house, content)
    columns = {"lockbox_amount_column": "Paid", "lockbox_reference_column": "Number"}
    accounts.open_account(
        gateway="manual", merchant="desk", bank_account_id=house.bank.id, actor=house.me, settings=columns
    )
    assert [state for state, _ in standing(imported(house, content))] == ["placed"]
    assert proof.check() == [] and differences(house) == []
