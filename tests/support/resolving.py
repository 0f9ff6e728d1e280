"""Breaks in tests that wait for a posting: statements of a house's accounts that the books do not know yet."""

from __future__ import annotations

import datetime as dt
import itertools

from coverpay.kernel import clock
from reconciliation import bank_accounts, imports, matches
from reconciliation.ledger.models import Fund
from reconciliation.models import BankAccount, Break, Statement
from tests.support import bai2_writer as writer
from tests.support.books import House

_number = itertools.count(1)


def operating(house: House) -> BankAccount:
    """An account of our own at the same bank."""
    return bank_accounts.open_bank_account(
        name="Operating", bank_id=house.bank.bank_id, account_mark=f"OP-{next(_number)}", currency="USD",
        fund=Fund.OPERATING, actor=house.me,
    )  # fmt: skip


def stated(
    house: House, *lines: writer.Detail, account: BankAccount | None = None, on: dt.date | None = None
) -> list[Break]:
    """Import a statement of one day that follows the last one, and match. Gives: the account's open breaks."""
    account = account or house.bank
    before = Statement.objects.filter(bank_account=account).order_by("-as_of", "-id").first()
    opening = before.closing_minor if before else 0
    day = writer.Group(
        on or clock.today(), (writer.Account(account.account_mark, opening, lines, account.currency),), account.bank_id
    )
    done = imports.import_statement(content=writer.write([day]), file_name="day.bai", actor=house.me)
    assert done.state == "imported", done.problems
    matches.run_matching(bank_account_id=account.id, actor=house.me)
    return list(Break.objects.filter(bank_account=account, state=Break.State.OPEN).order_by("id"))


def bank_fee(house: House, minor: int = 1_250, account: BankAccount | None = None) -> Break:
    """The break of a monthly fee the bank took."""
    found = stated(house, writer.Detail("698", minor, ("0",), "", "", "MONTHLY FEE"), account=account)
    return next(each for each in found if each.difference_minor == -minor)
