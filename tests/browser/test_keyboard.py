"""Work without a mouse: what has the focus is seen, shortcuts lead on, nothing traps."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from compliance.models import User
from tests.browser.conftest import sign_in
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db(transaction=True)

FOCUSED = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    what: element.outerHTML.slice(0, 90),
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    inside: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


def test_whatever_has_the_focus_is_seen(page: Page, house: House, admin: User) -> None:
    invoice = books.billed(house)
    sign_in(page, admin)
    page.goto(f"/invoices/{invoice.id}/")
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        page.wait_for_timeout(20)
        focused = page.evaluate(FOCUSED)
        if focused["what"].startswith("<body"):
            break
        assert focused["outline"] >= 2 and focused["inside"], focused
        seen.append(focused["what"])
    assert any("Skip to content" in what for what in seen[:1])
    assert any('name="token"' in what for what in seen) and any("<summary" in what for what in seen)


def test_the_skip_link_jumps_over_the_navigation(page: Page, admin: User) -> None:
    sign_in(page, admin)
    page.goto("/policies/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_shortcuts_lead_to_places_but_not_while_typing(page: Page, admin: User) -> None:
    sign_in(page, admin)
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/invoices/")
    page.get_by_label("Number or insured").click()
    page.keyboard.type("gp/?")
    expect(page.get_by_label("Number or insured")).to_have_value("gp/?")
    assert page.url.endswith("/invoices/")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_the_menu_of_a_phone_opens_and_closes(page: Page, admin: User) -> None:
    sign_in(page, admin)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    menu, link = page.get_by_role("button", name="Menu"), page.get_by_role("link", name="Policies", exact=True)
    expect(menu).to_have_attribute("aria-expanded", "false")
    expect(link).to_be_hidden()
    menu.press("Enter")
    expect(menu).to_have_attribute("aria-expanded", "true")
    link.click()
    page.wait_for_url("**/policies/")
