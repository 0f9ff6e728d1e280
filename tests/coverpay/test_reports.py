"""Reports: figures by hand, two ways to each figure that tie, and files that hold the very same."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from typing import Any

import pytest

from compliance.models import Organization
from coverpay.kernel import clock
from coverpay.kernel.errors import Forbidden, Invalid, NotFound
from coverpay.reports import asking, catalog, tables
from coverpay.reports.tables import Column, Report
from payments import settlement
from reconciliation.ledger.models import Account
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
YEAR = {"from_on": "2025-01-01"}


@pytest.fixture
def traded(house: House) -> House:
    """Half of the 10,718.00 of DOMAIN.md is paid and paid out; another invoice is open."""
    books.paid(house, books.billed(house))
    books.pay_out(house)
    settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)
    books.billed(house)
    return house


def made(house: House, name: str, **said: str) -> Report:
    return catalog.make(name, house.me, {**YEAR, **said})


def by(report: Report, *keys: str, figure: str = "amount") -> dict[Any, int]:
    return {tuple(row[key] for key in keys) if len(keys) > 1 else row[keys[0]]: row[figure] for row in report.rows}


@pytest.mark.parametrize("name", catalog.CATALOG)
def test_every_report_is_made_with_its_formula_ties_and_has_its_files(traded: House, name: str) -> None:
    report = made(traded, name)
    assert report.ties, report.proofs
    assert report.formula
    assert report.name == name
    lines = list(csv.reader(io.StringIO(tables.as_csv(report))))
    assert len(lines) == len(report.rows) + 1
    assert zipfile.ZipFile(io.BytesIO(tables.as_xlsx(report))).testzip() is None


@pytest.mark.parametrize("name", catalog.CATALOG)
def test_every_report_of_an_empty_house_is_empty_and_ties(house: House, name: str) -> None:
    report = made(house, name)
    assert report.ties
    assert all(not row.get("amount") for row in report.rows)


def test_the_trial_balance_has_equal_debits_and_credits_and_every_account_that_is_not_zero(traded: House) -> None:
    report = made(traded, "trial-balance")
    shown = {(row["code"], row["owner"]): (row["debit"] or 0) - (row["credit"] or 0) for row in report.rows}
    assert shown == books.trial_balance(traded)
    (total,) = report.totals
    assert total["debit"] == total["credit"] > 0


def test_on_the_page_owners_have_names_and_a_figure_leads_to_the_lines_behind_it(traded: House) -> None:
    staff = world.pages(world.member(traded.operator, "finance"))
    shown = staff.get("/reports/trial-balance/").content.decode()
    payable = Account.objects.get(code="premium_payable")
    carrier = Organization.objects.get(pk=payable.owner)
    assert f'data-label="Owner" class="">{carrier.name}' in shown
    assert f'<a href="/ledger/accounts/{payable.pk}/">' in shown
    assert staff.get(f"/ledger/accounts/{payable.pk}/").status_code == 200


def test_receivables_roll_forward_from_invoiced_and_applied_to_what_invoices_have_open(traded: House) -> None:
    report = made(traded, "receivables")
    assert by(report, "what") == {
        "Opening": 0, "cash.applied": -535_900, "invoice.issued": 1_071_800, "Closing": 535_900,
    }  # fmt: skip
    (proof,) = report.proofs
    assert (proof.one_minor, proof.other_minor, proof.ties) == (535_900, 535_900, True)


def test_cash_rolls_forward_per_bank_account(traded: House) -> None:
    assert by(made(traded, "cash"), "what") == {"Opening": 0, "payout.recorded": 520_329, "Closing": 520_329}


def test_the_general_ledger_carries_each_balance_to_the_trial_balance(traded: House) -> None:
    report = made(traded, "general-ledger")
    last = {(row["code"], row["owner"]): row["balance"] for row in report.rows}
    assert {key: balance for key, balance in last.items() if balance} == books.trial_balance(traded)
    later = catalog.make("general-ledger", traded.me, {"from_on": clock.today().isoformat()})
    assert later.rows
    assert {row["posted_on"] for row in later.rows} == {clock.today()}


def test_unearned_premium_is_written_less_earned_by_day(traded: House) -> None:
    (row,) = made(traded, "unearned-premium", at="2026-05-11").rows
    # Two policies of 10,000 from 2026-01-31 over 365 days; 100 days are earned: 2,739.73 each.
    assert (row["terms"], row["written"], row["earned"]) == (2, 2_000_000, 2 * 273_973)
    assert row["unearned"] == 2_000_000 - 2 * 273_973


def test_income_shows_commission_collected_and_what_processors_kept(traded: House) -> None:
    amounts = by(made(traded, "income"), "what")
    assert amounts["Collected commission of ours, still in trust"] == 75_000
    assert amounts["What processors keep"] == -15_571


def test_written_counts_charges_by_component(traded: House) -> None:
    amounts = by(made(traded, "written"), "component")
    assert amounts == {"premium": 2_000_000, "carrier_fee": 50_000, "surplus_lines_tax": 93_600}


def test_aging_and_suspense_show_what_is_open(traded: House) -> None:
    assert sum(row["total"] for row in made(traded, "aging").rows) == 535_900
    assert made(traded, "suspense").rows == []


def test_a_stranger_sees_none_of_it_and_a_viewer_no_ledger(traded: House) -> None:
    stranger = world.actor(world.organization("mga"), "admin")
    for name in catalog.CATALOG:
        assert not [row for row in catalog.make(name, stranger, YEAR).rows if row.get("amount")]
    with pytest.raises(Forbidden):
        catalog.make("trial-balance", world.actor(traded.operator, "viewer"), YEAR)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"at": "soon"}, "at"),
        ({"from_on": "2026-02-30"}, "from_on"),
        ({"from_on": "2026-03-01", "to_on": "2026-02-01"}, "to_on"),
    ],
)
def test_a_day_that_cannot_be_read_is_named(said: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        asking.read(said)
    assert refused.value.field == field


def test_an_unknown_report_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        catalog.make("magic", house.me, {})


def test_files_hold_nothing_a_spreadsheet_takes_for_a_formula_and_exact_amounts() -> None:
    columns = [Column("name", "Name"), Column("currency", "Currency"), Column("amount", "Amount", tables.MONEY),
               Column("on", "On", tables.DAY)]  # fmt: skip
    row = {"name": "=1+1", "currency": "JPY", "amount": -1234, "on": dt.date(2026, 2, 2)}
    report = Report("x", "X", "says", columns, [row], "f", tables.totals_of([row], columns))
    assert tables.as_csv(report).splitlines()[1] == "'=1+1,JPY,-1234,2026-02-02"
    assert report.totals == [{"currency": "JPY", "amount": -1234}]
    sheet = zipfile.ZipFile(io.BytesIO(tables.as_xlsx(report))).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<v>-1234</v>" in sheet
