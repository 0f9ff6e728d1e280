"""Payors in a real browser: on a phone, without a script, and with every fault that a page can have looked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from billing import invoices
from coverpay.kernel import clock
from payments import accounts, method_fees, pay_links, routes
from payments.models import Payment
from policies.parties import PartyDetails
from tests.browser.test_every_page import AUDIT
from tests.contracts.stripe_bench import processor
from tests.support import books
from tests.support.books import House
from tests.support.payors import waits_end  # noqa: F401  a fixture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waits_end")]
LATER = dt.date(2026, 2, 20)
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


ELEMENT = """
window.Stripe = (key) => ({
  elements: ({ clientSecret }) => ({
    create: () => ({ mount: (place) => { place.textContent = `The card form of ${key}`; } }),
  }),
  confirmSetup: async () => (window.refuse ? { error: { message: "Your card number is incomplete." } } : {}),
});
"""


def test_a_card_is_entered_in_the_processors_element(page: Page, house: House, worker: None) -> None:
    key = "sk_test_pay_browser"
    settings = {"base_url": processor().url, "publishable_key": "pk_test_browser"}
    accounts.open_account(
        gateway="stripe", merchant="acct_browser", bank_account_id=house.bank.id, actor=house.me,
        webhook_secret="whsec_" + "0" * 32, credentials={"secret_key": key}, settings=settings,
    )  # fmt: skip
    rules = [{"when": {"method": ["card"]}, "gateway": "stripe"}]
    routes.publish_routing(rules=rules, effective_from=books.SINCE, actor=house.me)
    page.route("https://js.stripe.com/**", lambda route: route.fulfill(content_type="text/javascript", body=ELEMENT))
    _, url = pay_links.create(invoice_id=books.billed(house).id, actor=house.me)
    with page.expect_response("**/card/") as answered:
        page.goto(path_of(url))
        page.get_by_role("button", name="Continue").click()
    assert answered.value.ok
    page.get_by_text("The card form of pk_test_browser").wait_for()
    inspect(page)
    page.evaluate("window.refuse = true")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("alert").get_by_text("Your card number is incomplete.").wait_for()
    page.evaluate("window.refuse = false")
    secret = str(page.locator("form[data-element]").get_attribute("data-client-secret"))
    processor().ask("setup", account=key, setup_intent=secret.partition("_secret_")[0], payment_method="pm_card_visa")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Pay 5,359.00 USD").click()
    page.get_by_role("heading", name="Paid. Thank you.").wait_for()


def test_new_details_are_given_in_two_steps(page: Page, house: House) -> None:
    invoice = books.billed(house, insured=INSURED)
    _, url = pay_links.create(policy_id=invoice.policy_id, purpose="details", actor=house.me)
    page.goto(path_of(url))
    inspect(page)
    page.get_by_role("button", name="Continue").click()
    inspect(page)
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Use this from now on").click()
    page.get_by_role("heading", name="Saved. Thank you.").wait_for()
    inspect(page)


def test_a_payment_is_scheduled_for_a_later_day(page: Page, house: House) -> None:
    policy = books.bound(house, insured=INSURED, effective_on=LATER, expires_on=LATER.replace(year=2027))
    invoices.issue(policy_id=policy.id, through=LATER, actor=house.me)
    _, url = pay_links.create(policy_id=policy.id, actor=house.me)
    page.goto(path_of(url))
    page.get_by_label("On a later day, until the due date").check()
    page.get_by_label("Pay on").fill("2026-02-18")
    inspect(page)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("I agree").check()
    inspect(page)
    page.get_by_role("button", name="Pay 5,359.00 USD").click()
    page.get_by_role("heading", name="Scheduled. Thank you.").wait_for()
    inspect(page)


def test_a_link_that_ended_and_a_wrong_code_have_no_fault(page: Page, house: House, complaints: list[str]) -> None:
    link, url = pay_links.create(invoice_id=books.billed(house).id, actor=house.me)
    pay_links.revoke(link_id=link.id, reason="sent to the wrong person", actor=house.me)
    page.goto(path_of(url))
    inspect(page)
    page.goto(f"/pay/at/{house.operator.code}/")
    page.get_by_label("Policy or account number").fill("P-1")
    page.get_by_label("ZIP or postal code").fill("00000")
    page.get_by_role("button", name="Find my bill").click()
    page.get_by_text("We found no bill").wait_for()
    inspect(page)
    assert all("status of 4" in said for said in complaints), complaints
    complaints.clear()
