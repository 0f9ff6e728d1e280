"""A day at work, in a real browser: find a policy, read why, take a payment, see it on the timeline."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from compliance.models import User
from tests.browser.conftest import sign_in
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_premium_is_found_explained_collected_and_told(page: Page, house: House, admin: User, worker: None) -> None:
    invoice = books.billed(house)
    sign_in(page, admin)
    page.keyboard.press("/")
    page.keyboard.type(invoice.policy.number)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=invoice.policy.number, exact=True).click()
    page.get_by_role("main").get_by_role("link", name=invoice.number, exact=True).first.click()
    _read_why(page)
    _pay(page)
    page.get_by_role("link", name=invoice.number).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Paid")
    page.goto(f"/policies/{invoice.policy_id}/")
    timeline = page.get_by_role("region", name="Timeline")
    steps = timeline.get_by_role("listitem").all_inner_texts()
    words = ("Quoted", "Bound", "Invoice", "Posted", "Payment", "Attempt")
    titles = [next(line for line in step.splitlines() if line.startswith(words)) for step in steps]
    told = [title.partition(" ")[0].rstrip(",:") for title in titles]
    assert told == ["Quoted", "Bound", "Invoice", "Payment", "Attempt", "Posted", "Posted", "Posted"]
    expect(timeline).to_contain_text("Posted cash.applied")


def _read_why(page: Page) -> None:
    why = page.get_by_text("Why this amount: Surplus lines tax, installment 1")
    formula = page.get_by_text("surplus lines tax = rate × (premium)")
    expect(formula).to_be_hidden()
    why.click()
    expect(formula).to_be_visible()
    expect(page.get_by_text("HRS 431:8-315")).to_be_visible()
    expect(page.get_by_text("234.00 + 234.00")).to_be_visible()


def _pay(page: Page) -> None:
    expect(page.get_by_label("Amount (USD)")).to_have_value("5,359.00")
    page.get_by_label("Token of the card or account").fill("tok_ok")
    page.get_by_role("button", name="Take payment").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("5,359.00 USD Succeeded")
    expect(page.get_by_role("region", name="Where the money is").locator("[aria-current=step]")).to_contain_text(
        "At the processor"
    )


def test_a_refusal_is_said_at_its_field_and_nothing_is_lost(
    page: Page, house: House, admin: User, complaints: list[str]
) -> None:
    invoice = books.billed(house)
    sign_in(page, admin)
    page.goto(f"/invoices/{invoice.id}/")
    page.get_by_label("Token of the card or account").fill("tok_ok")
    page.get_by_label("Amount (USD)").fill("9,999.00")
    with page.expect_response("**/invoices/**") as answered:
        page.get_by_role("button", name="Take payment").click()
    assert answered.value.status == 422
    amount = page.get_by_label("Amount (USD)")
    expect(amount).to_have_attribute("aria-invalid", "true")
    expect(amount).to_have_accessible_description("Only 5,359.00 USD is open on invoice " + invoice.number + ".")
    expect(page.get_by_label("Token of the card or account")).to_have_value("tok_ok")
    assert complaints.pop().endswith("status of 422 (Unprocessable Entity)")


def test_a_person_switches_between_their_organizations(page: Page, house: House, admin: User) -> None:
    other = world.organization("agency", "second-home")
    world.member(other, "viewer", admin.email)
    policy = books.bound(house)
    sign_in(page, admin)
    page.get_by_label("Organization").select_option(other.name)
    expect(page.get_by_role("heading", level=1)).to_have_text(other.name)
    page.goto("/policies/")
    expect(page.get_by_role("main")).not_to_contain_text(policy.number)
