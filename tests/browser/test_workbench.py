"""Match at the workbench: ticks run up sums, what is missing is pointed at, and only what ties can be matched."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import Page, expect

from compliance.models import User
from reconciliation import matches
from reconciliation.imports import import_statement
from reconciliation.models import IgnoredLine, Match
from tests.browser.conftest import sign_in
from tests.support import bank
from tests.support.books import House

pytestmark = pytest.mark.django_db(transaction=True)
LATER = bank.FIRST + dt.timedelta(days=20)


def test_lines_are_ticked_matched_and_set_aside(page: Page, house: House, admin: User) -> None:
    account = bank.account(house.operator)
    for amount in (4_500_00, 450_00, 200_00, -50_00):
        bank.received(account, amount, f"BOOK-{amount}", LATER)
    lines = (bank.line(600_00, "", "DEPOSIT 0042"), bank.line(-12_50, "", "SERVICE FEE"))
    import_statement(content=bank.statement(*lines), file_name="day.bai", actor=house.me)
    matches.run_matching(bank_account_id=account.id, actor=house.me)
    sign_in(page, admin)
    page.goto(f"/bank/accounts/{account.id}/workbench/")
    match = page.get_by_role("button", name="Match", exact=True)
    rest = page.locator('[data-sum="rest"]')
    expect(match).to_be_disabled()
    page.get_by_text("DEPOSIT 0042").click()
    page.get_by_role("checkbox", name=" 450.00 USD").check()
    expect(rest).to_have_text("150.00")
    page.get_by_role("checkbox", name=" 200.00 USD").check()
    expect(rest).to_have_text("−50.00")
    expect(page.locator("tr[data-like]")).to_have_count(1)
    page.locator("tr[data-like] input").check()
    expect(rest).to_have_attribute("data-tie", "yes")
    page.get_by_label("Why?").fill("Two checks less one returned.")
    match.click()
    expect(page.get_by_text("Matched: 600.00 USD")).to_be_visible()
    assert Match.objects.get().amount_minor == 600_00
    page.get_by_text("SERVICE FEE").click()
    page.get_by_label("Why?").fill("Waived.")
    page.get_by_role("button", name="Set bank lines aside").click()
    expect(page.get_by_text("1 bank line set aside.")).to_be_visible()
    assert IgnoredLine.objects.get().statement_line.amount_minor == -12_50
