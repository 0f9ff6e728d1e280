"""The pages and the route of daily proofs."""

from __future__ import annotations

import datetime as dt

import pytest

from coverpay.kernel import clock
from reconciliation import matches
from reconciliation.imports import import_statement
from reconciliation.models import BankAccount, StatementLine
from tests.support import bank, world
from tests.support.world import Api

pytestmark = pytest.mark.django_db
LATER = bank.FIRST + dt.timedelta(days=5)


@pytest.fixture
def account() -> BankAccount:
    """Two statements, of Sunday and Friday, with a fee that is open and a line in the books only."""
    mga = world.organization()
    account, finance = bank.account(mga), bank.acting(mga)
    bank.received(account, 40, "LOST")
    for content in (bank.statement(bank.line(-5, "", "FEE")), bank.statement(on=LATER, opening=-5)):
        assert not import_statement(content=content, file_name="d.bai", actor=finance).problems
    matches.run_matching(bank_account_id=account.id, actor=finance)
    return account


def test_the_list_shows_each_day_what_explains_it_and_the_days_that_are_missing(account: BankAccount) -> None:
    client = world.pages(world.member(account.organization, "finance"))
    with clock.frozen(dt.datetime(2026, 1, 12, 9, tzinfo=dt.UTC)):
        shown = client.get(f"/bank/accounts/{account.id}/proofs/").content.decode()
    assert f"/bank/accounts/{account.id}/proofs/day/?on=2026-01-04" in shown
    assert "In the books only" in shown
    assert "No statement of" in shown
    assert "2026-01-05" in shown
    assert "Does not tie" not in shown


def test_a_day_links_each_explained_item_to_its_lines(account: BankAccount) -> None:
    client = world.pages(world.member(account.organization, "finance"))
    fee = StatementLine.objects.get()
    shown = client.get(f"/bank/accounts/{account.id}/proofs/day/?on=2026-01-04").content.decode()
    assert f"/bank/statements/{fee.statement_id}/#{fee.id}" in shown
    assert "LOST" in shown
    for asked in ("?on=2026-01-05", "?on=nonsense"):
        assert client.get(f"/bank/accounts/{account.id}/proofs/day/{asked}").status_code == 404


def test_the_api_gives_a_range_of_days(account: BankAccount) -> None:
    api = Api(world.token(account.organization))
    first, second = api.get(f"bank-accounts/{account.id}/daily-proofs").json()
    assert (first["on"], first["opening_minor"], first["lines_minor"], first["closing_minor"]) == (
        "2026-01-04",
        0,
        -5,
        -5,
    )
    assert (first["ledger_minor"], first["unexplained_minor"], first["ties"]) == (40, 0, True)
    assert second["gaps"] == ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08"]
    only = api.get(f"bank-accounts/{account.id}/daily-proofs", from_on="2026-01-09", to_on="2026-01-09").json()
    assert [day["on"] for day in only] == ["2026-01-09"]
    refused = api.get(f"bank-accounts/{account.id}/daily-proofs", from_on="soon")
    assert (refused.status_code, refused.json()["field"]) == (422, "from_on")
