"""Payors in a real browser: on a phone, without a script, and with every fault that a page can have looked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from billing import invoices
from coverpay.kernel import clock
from payments import method_fees, pay_links
from payments.models import Payment
from policies.parties import PartyDetails
from tests.browser.test_every_page import AUDIT
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db(transaction=True)
INSURED = PartyDetails(reference="INS-B", name="Aloha Foods", postal_code="96813")


@pytest.fixture
def phone(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A phone of 390 by 844 that runs no script."""
    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": 390, "height": 844}, java_script_enabled=False
    )
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def path_of(url: str) -> str:
    return "/pay/" + url.partition("/pay/")[2]


def inspect(page: Page) -> None:
    faults = []
    for width, height in ((390, 844), (1280, 900)):
        page.set_viewport_size({"width": width, "height": height})
        faults += [f"at {width}: {fault}" for fault in page.evaluate(AUDIT)]
    assert not faults, f"{page.url}: {faults}"


def test_a_payor_pays_on_a_phone_that_runs_no_script(phone: Page, house: House, worker: None) -> None:
    invoice = books.billed(house, insured=INSURED)
    _, url = pay_links.create(invoice_id=invoice.id, actor=house.me)
    phone.goto(path_of(url))
    assert url.rpartition("/pay/")[2].strip("/") not in phone.url
    phone.get_by_label("Test card").select_option("tok_ok")
    assert not phone.get_by_label("Test bank account").is_visible()
    phone.get_by_role("button", name="Continue").click()
    assert "5,359.00" in phone.locator(".pay__total").inner_text()
    phone.get_by_role("button", name="Pay 5,359.00 USD").click()
    phone.get_by_role("heading", name="Paid. Thank you.").wait_for()
    assert Payment.objects.get().state == "succeeded"


def test_the_pages_of_payors_have_no_fault(page: Page, house: House, worker: None) -> None:
    invoice = books.billed(house, insured=INSURED)
    spec = {"channels": {"web": {"card": {"percent": "2", "cost_percent": "3"}}}}
    method_fees.publish(spec=spec, effective_from=books.SINCE, actor=house.me)
    page.goto(f"/pay/at/{house.operator.code}/")
    inspect(page)
    page.get_by_label("Policy or account number").fill(invoice.policy.number)
    page.get_by_label("ZIP or postal code").fill("96813")
    page.get_by_role("button", name="Find my bill").click()
    page.get_by_role("heading", name="What you can pay").wait_for()
    inspect(page)
    page.get_by_text("Why this amount").first.click()
    page.get_by_label("Bank account", exact=True).check()
    page.get_by_label("Test bank account").select_option("tok_out_of_order")
    inspect(page)
    page.get_by_role("button", name="Continue").click()
    inspect(page)
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Pay 5,359.00 USD").click()
    page.get_by_role("heading", name="Paid. Thank you.").wait_for()
    inspect(page)


def test_the_total_follows_what_is_chosen(page: Page, house: House) -> None:
    first = books.billed(house, insured=INSURED, plan="monthly")
    invoices.issue(policy_id=first.policy_id, through=clock.today().replace(month=4), actor=house.me)
    _, url = pay_links.create(policy_id=first.policy_id, single_use=False, actor=house.me)
    page.goto(path_of(url))
    total = page.locator("[data-total]")
    before = total.inner_text()
    page.locator("input[name=bills]").first.uncheck()
    assert total.inner_text() != before
    page.locator("input[name=bills]").first.check()
    assert total.inner_text() == before
    inspect(page)
