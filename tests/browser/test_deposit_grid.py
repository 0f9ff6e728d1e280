"""Key a stack of checks without a mouse: Enter goes down, a row is added, the total runs along to the tie."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from compliance.models import User
from payments.models import Deposit
from tests.browser.conftest import sign_in
from tests.support import lockbox_writer, plain
from tests.support.books import House
from tests.support.lockbox_writer import Paper

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_stack_is_keyed_down_the_columns_and_recorded(page: Page, house: House, admin: User) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    sign_in(page, admin)
    page.goto("/deposits/new/")
    page.get_by_label("Reference", exact=True).fill("slip-7")
    page.get_by_label("Deposit total").fill("6,150.00")
    amounts = page.locator('[data-column="amount"]')
    amounts.first.focus()
    for text in ("6,000.00", "100.00", "49.00"):
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    total = page.locator("[data-grid-total]")
    expect(total).to_have_text("3 keyed: 6,149.00, 1.00 to go")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Control+A")
    page.keyboard.type("50.00")
    expect(total).to_have_text("3 keyed: 6,150.00, it ties")
    amounts.last.focus()
    page.keyboard.press("Enter")
    expect(amounts).to_have_count(13)
    page.locator('[data-column="reference"]').first.fill(policy.number)
    page.locator('[data-column="payor"]').nth(1).fill("Hilo Trading")
    page.get_by_role("button", name="Record the deposit").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("6,150.00")
    assert Deposit.objects.get().items.count() == 3


def test_a_lockbox_file_is_looked_at_and_taken_in(page: Page, house: House, admin: User) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    content = lockbox_writer.file(Paper(600_000, "1001", "ALOHA", ((policy.number, 600_000),)), Paper(300, "7"))
    sign_in(page, admin)
    page.goto("/deposits/lockbox/")
    page.get_by_label("Lockbox file").set_input_files({"name": "box.txt", "mimeType": "text/plain", "buffer": content})
    page.get_by_role("button", name="Look at it first").click()
    expect(page.get_by_text("Find their place: 1")).to_be_visible()
    page.get_by_role("button", name="Take it in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("6,003.00")
    assert Deposit.objects.get().amount_minor == 600_300
