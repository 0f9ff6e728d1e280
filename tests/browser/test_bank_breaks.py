"""Breaks and money on its way, in a real browser: a page that follows by itself, and a break resolved by hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from compliance.models import User
from coverpay.kernel import clock
from payments import settlement
from payments.gateways.sandbox import Sandbox
from reconciliation.models import Break
from tests.browser.conftest import sign_in
from tests.support import bank, books, resolving
from tests.support.books import House

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_page_of_a_payment_shows_where_its_money_is_without_being_loaded_again(
    page: Page, house: House, admin: User, sandbox: Sandbox
) -> None:
    payment = books.paid(house, books.billed(house))
    sign_in(page, admin)
    page.goto(f"/payments/{payment.id}/")
    page.evaluate("window.sameDocument = true")
    here = page.get_by_role("region", name="Where the money is").locator("[aria-current=step]")
    expect(here).to_contain_text("At the processor")
    sandbox.close_day(house.account.merchant, clock.today())
    (payout,) = settlement.import_payouts(account_id=house.account.id, since=clock.today(), actor=house.me)
    expect(here).to_contain_text(payout.reference)
    resolving.stated(house, bank.line(payout.amount_minor, payout.reference))
    expect(here).to_contain_text("On the bank statement")
    assert page.evaluate("window.sameDocument"), "the page was never loaded again"


def test_a_bank_fee_is_taken_on_looked_at_and_posted(page: Page, house: House, admin: User) -> None:
    found = resolving.bank_fee(house)
    sign_in(page, admin)
    page.goto("/bank/breaks/")
    page.get_by_role("link", name="On the bank statement only").click()
    page.get_by_label("Who works on it").select_option(admin.id)
    page.get_by_role("button", name="Say so").click()
    expect(page.get_by_role("complementary", name="Work on it")).to_contain_text(str(admin))
    page.get_by_role("link", name="Resolve by a posting").click()
    page.get_by_label("Why?").fill("Monthly fee.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="What is posted")).to_contain_text("due_from_operating")
    page.get_by_role("button", name="Post it and match").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Closed")
    assert Break.objects.get(pk=found.pk).state == "closed"
