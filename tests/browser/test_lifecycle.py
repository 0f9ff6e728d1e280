"""The life of a policy in a real browser: bind by a plan, endorse, pay, cancel after a look, reinstate."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from compliance.models import User
from policies import lifecycle
from tests.browser.conftest import sign_in
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_policy_is_bound_endorsed_paid_cancelled_and_reinstated(
    page: Page, house: House, admin: User, worker: None
) -> None:
    policy = lifecycle.quote(request=books.request(number="HPU-9"), actor=house.me)
    sign_in(page, admin)
    page.goto(f"/policies/{policy.id}/")
    _bind(page)
    _endorse(page)
    _pay(page)
    _cancel(page)
    _reinstate(page)
    timeline = page.get_by_role("region", name="Timeline")
    for words in ("Quoted: new business", "Bound, schedule set", "Endorsement", "Payment by card", "Reinstatement"):
        expect(timeline.get_by_text(words, exact=True).first).to_be_visible()


def _bind(page: Page) -> None:
    page.get_by_role("link", name="Bind…").click()
    row = page.get_by_role("row", name="Thirds")
    expect(row).to_contain_text("3,644.12")
    row.get_by_role("radio").check()
    page.get_by_role("button", name="Preview the schedule").click()
    expect(page.get_by_role("region", name="Schedule by Thirds")).to_contain_text("2026-03-31")
    page.get_by_role("button", name="Bind by this plan").click()
    expect(page.get_by_role("status")).to_contain_text("is bound; its schedule is set")
    page.get_by_role("button", name="Bill what is due").click()
    expect(page.get_by_role("status")).to_contain_text("HPU-9-001 is issued")


def _endorse(page: Page) -> None:
    page.get_by_role("link", name="Endorse…").click()
    page.get_by_label("In force from").fill("2026-03-02")
    page.get_by_label("New premium of a full term (USD)").fill("12,000.00")
    page.get_by_label("What changes in the cover?").fill("A second kitchen")
    page.get_by_role("button", name="Preview").click()
    happens = page.get_by_role("region", name="What would happen")
    expect(happens).to_contain_text("1,835.62")
    happens.get_by_text("Why this amount: Change of written premium").click()
    page.get_by_role("button", name="Endorse", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Endorsed from 2026-03-02")
    expect(page.get_by_role("main")).to_contain_text("11,835.62")


def _pay(page: Page) -> None:
    page.get_by_role("main").get_by_role("link", name="HPU-9-001", exact=True).first.click()
    page.get_by_label("Token of the card or account").fill("tok_ok")
    page.get_by_role("button", name="Take payment").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded")
    page.get_by_role("link", name="HPU-9-001").first.click()
    page.get_by_role("main").get_by_role("link", name="HPU-9", exact=True).first.click()


def _cancel(page: Page) -> None:
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_label("First day without cover").fill("2026-02-02")
    page.get_by_role("button", name="Preview").click()
    happens = page.get_by_role("region", name="What would happen")
    expect(happens).to_contain_text("Return premium")
    expect(happens).to_contain_text("Paid too much then")
    page.get_by_role("button", name="Cancel the policy").click()
    expect(page.get_by_role("status")).to_contain_text("Cancelled as of 2026-02-02")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Cancelled")


def _reinstate(page: Page) -> None:
    page.get_by_role("link", name="Reinstate…").click()
    page.get_by_label("Why?").fill("Cancelled in error")
    page.get_by_label("The insured signed a statement of no loss").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="What would happen")).to_contain_text("Days without cover")
    page.get_by_role("button", name="Reinstate the policy").click()
    expect(page.get_by_role("status")).to_contain_text("Reinstated; cover goes on from 2026-02-02")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Issued")
