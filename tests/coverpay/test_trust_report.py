"""The daily trust position report, and commingling that the ledger shows, in the worked figures of DOMAIN.md.

An insured pays 5,359.00 of 10,718.00: 4,609.00 of it is the carrier's and the state's, 750.00 our commission.
"""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import trust as movements
from coverpay.kernel import clock
from coverpay.kernel.errors import Forbidden, Invalid
from coverpay.kernel.money import Money
from coverpay.reports import catalog
from coverpay.reports.tables import Report
from payments import settlement
from reconciliation import trust
from reconciliation.ledger.posting import Posting, credit, debit
from reconciliation.models import BankAccount
from reconciliation.trust import Position
from tests.support import books, ledger, resolving, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def operating(house: House) -> BankAccount:
    return resolving.operating(house)


def collected(house: House) -> None:
    """Half of the 10,718.00 is paid by card today; the processor pays it out tomorrow, less 155.71."""
    books.paid(house, books.billed(house))
    clock.advance(DAY)
    books.pay_out(house)
    settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)


def now(house: House) -> Position:
    return trust.position(house.book_id, "USD")


def report(house: House, from_on: dt.date, to_on: dt.date) -> Report:
    return catalog.make("trust", house.me, {"from_on": from_on.isoformat(), "to_on": to_on.isoformat()})


def mixed(house: House, own: BankAccount, minor: int, *, into_trust: bool, source: str = "mix") -> str:
    """Post money of the one fund that came to an account of the other; what it is owed to is unapplied cash."""
    amount = Money(minor)
    own_cash, owed_to = own.id, house.bank.id
    sides = (
        debit("operating_cash", amount, owner=own_cash), credit("due_to_trust", amount),
        debit("due_from_operating", amount), credit("unapplied_cash", amount),
    )  # fmt: skip
    if into_trust:
        sides = (
            debit("trust_cash", amount, owner=owed_to), credit("due_from_operating", amount),
            debit("due_to_trust", amount), credit("operating_cash", amount, owner=own_cash),
        )  # fmt: skip
    (entry,) = ledger.write(Posting(house.book_id, clock.today(), source, "mixed", sides))
    return entry


def test_each_day_shows_what_had_to_stay_and_what_was_there(house: House) -> None:
    today = clock.today()
    collected(house)
    before, first, second = report(house, today - DAY, today + DAY).rows
    assert (before["cash"], before["floor"]) == (0, 0)
    assert (first["cash"], first["floor"], first["at_processors"], first["deficit"]) == (0, 460_900, 535_900, 460_900)
    assert (second["cash"], second["floor"], second["free"], second["deficit"]) == (520_329, 460_900, 59_429, 0)
    assert second["due_from_operating"] == 15_571
    assert "155.71 USD due_from_operating: Fiduciary money bore costs of ours" in second["warnings"]


def test_running_days_say_what_the_position_of_each_day_says(house: House, operating: BankAccount) -> None:
    today = clock.today()
    collected(house)
    mixed(house, operating, 1_000, into_trust=False)
    for each in trust.daily(house.book_id, today - DAY, today + 2 * DAY):
        assert each == trust.position(house.book_id, each.currency, each.at)


def test_a_year_takes_as_many_queries_as_a_day(house: House) -> None:
    collected(house)

    def queries_of(days: int) -> int:
        with CaptureQueriesContext(connection) as ran:
            trust.daily(house.book_id, clock.today() - days * DAY, clock.today())
        return len(ran)

    assert queries_of(364) == queries_of(0) == 4


def test_its_last_day_is_proved_by_the_trial_balance_and_what_is_held_by_what_is_owed(house: House) -> None:
    collected(house)
    made = report(house, clock.today() - DAY, clock.today())
    assert made.ties
    cash, held = made.proofs
    assert (cash.one_minor, cash.other_minor) == (520_329, 520_329)
    # 5,203.29 cash + 155.71 owed by operating; and what is still to be collected, which stands on both sides.
    assert held.one_minor == held.other_minor == 520_329 + 15_571


def test_it_comes_as_csv_xlsx_and_a_page_that_says_how(house: House) -> None:
    collected(house)
    finance = world.pages(world.member(house.operator, "finance"))
    rows = list(csv.reader(io.StringIO(finance.get("/reports/trust.csv").content.decode())))
    assert rows[0][:5] == ["Day", "currency".title(), "In the accounts", "Has to stay", "May leave for us"]
    assert rows[-1][2:5] == ["5203.29", "4609.00", "594.29"]
    assert finance.get("/reports/trust.xlsx").content[:2] == b"PK"
    assert "free = min(cash − floor, what is ours)" in finance.get("/reports/trust/").content.decode()


def test_three_years_are_the_most_and_a_viewer_sees_none(house: House) -> None:
    with pytest.raises(Invalid) as refused:
        report(house, dt.date(2023, 1, 1), dt.date(2026, 1, 1))
    assert refused.value.field == "from_on"
    with pytest.raises(Forbidden):
        catalog.make("trust", world.actor(house.operator, "viewer"), {})


def test_premium_deposited_into_an_operating_account_is_found_until_it_is_paid_back(
    house: House, operating: BankAccount
) -> None:
    mixed(house, operating, 535_900, into_trust=False)
    here = now(house)
    assert (here.premium_in_operating_minor, here.cash_minor, here.deficit_minor) == (535_900, 0, 535_900)
    assert ("operating_cash", 535_900) in [(each.code, each.amount_minor) for each in trust.warnings(here)]
    back = {"bank_account_id": house.bank.id, "operating_account_id": operating.id, "reason": "x", "actor": house.me}
    movements.repay(amount=Money(500_000), reference="BACK 1", **back)
    assert now(house).premium_in_operating_minor == 35_900
    movements.repay(amount=Money(35_900), reference="BACK 2", **back)
    assert (now(house).premium_in_operating_minor, trust.warnings(now(house))) == (0, [])


def test_what_a_processor_kept_is_no_premium_in_our_account(house: House) -> None:
    collected(house)
    assert now(house).due_from_operating_minor == 15_571
    assert now(house).premium_in_operating_minor == 0


def test_operating_money_put_into_trust_beyond_what_it_owed_is_found(house: House, operating: BankAccount) -> None:
    collected(house)
    mixed(house, operating, 15_571, into_trust=True, source="owed")
    assert trust.warnings(now(house)) == []
    mixed(house, operating, 100_000, into_trust=True)
    here = now(house)
    assert here.ours_put_in_minor == 100_000
    (found,) = trust.warnings(here)
    assert (found.code, found.amount_minor) == ("due_from_operating", 100_000)
    assert found.words == "Money of ours lies in fiduciary accounts: operating put in more than it owed."


def test_a_deposit_that_was_reversed_mixed_nothing(house: House, operating: BankAccount) -> None:
    entry = mixed(house, operating, 535_900, into_trust=False)
    ledger.turn_back(entry, "mix", clock.today())
    assert (now(house).premium_in_operating_minor, trust.warnings(now(house))) == (0, [])
