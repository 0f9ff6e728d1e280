"""Every format a bank sends is imported, chained to the day before, or set aside with its reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciliation.imports import ChainBroken, import_statement
from reconciliation.models import BankAccount, Statement, StatementImport
from tests.support import bank, world

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parent.parent / "data"
FILES = {
    "camt053": ("camt/two_days.xml", [(100_000, 560_900), (560_900, -100)]),
    "mt940": ("mt940/two_pages.sta", [(100_000, 560_900), (560_900, -100)]),
    "ofx": ("ofx/week.ofx", [(100_000, 560_900)]),
}


@pytest.fixture
def account() -> BankAccount:
    return bank.account(world.organization())


def _send(account: BankAccount, content: bytes) -> StatementImport:
    return import_statement(content=content, file_name="file", actor=bank.acting(account.organization))


@pytest.mark.parametrize("format", FILES)
def test_a_file_of_each_format_becomes_statements(account: BankAccount, format: str) -> None:
    name, balances = FILES[format]
    done = _send(account, (DATA / name).read_bytes())
    assert (done.state, done.format, done.problems) == ("imported", format, [])
    found = done.statements.order_by("as_of").values_list("opening_minor", "closing_minor")
    assert list(found) == balances
    assert done.statements.first().bank_account == account  # type: ignore[union-attr]


def test_an_ofx_file_is_proved_by_the_close_of_the_day_before(account: BankAccount) -> None:
    _send(account, bank.statement(bank.line(100_000), on=bank.FIRST.replace(day=3)))
    content = (DATA / "ofx/week.ofx").read_bytes()
    with pytest.raises(ChainBroken):
        _send(account, content.replace(b"+5359.00", b"+5359.01"))
    assert _send(account, content).state == "imported"
    assert Statement.objects.count() == 2
