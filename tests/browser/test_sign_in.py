"""Signing in and out, and the second step, in a real browser."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time

import pytest
from playwright.sync_api import Page, expect

from compliance.models import User
from tests.browser.conftest import sign_in
from tests.support import world
from tests.support.books import House

pytestmark = pytest.mark.django_db(transaction=True)


def code_of(secret: str) -> str:
    """The six digits an authenticator app shows now (RFC 6238: HMAC-SHA1 over steps of 30 seconds).

    Digits about to change are waited out, as a person would.
    """
    left = 30 - time.time() % 30
    if left < 10:
        time.sleep(left)
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def test_a_wrong_password_is_refused_and_a_page_asks_to_sign_in_first(page: Page, admin: User) -> None:
    page.goto("/policies/")
    assert "/accounts/login/?next=/policies/" in page.url
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("not correct")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(world.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/policies/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")
    page.goto("/")
    assert "/accounts/login/" in page.url


def test_the_second_step_is_set_up_and_asked_for(page: Page, admin: User) -> None:
    sign_in(page, admin)
    page.get_by_role("link", name="Two-step").click()
    page.get_by_role("link", name="Set up").click()
    page.get_by_label("Password", exact=True).fill(world.PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password", exact=True).fill(world.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter your code")
    page.goto("/policies/")
    assert "/accounts/" in page.url, "the password alone opens nothing"


def test_a_password_is_changed(page: Page, house: House, admin: User) -> None:
    sign_in(page, admin)
    page.get_by_role("link", name="Password").click()
    page.get_by_label("Current Password").fill(world.PASSWORD)
    page.get_by_label("New Password", exact=True).fill("an even longer staple")
    page.get_by_label("New Password (again)").fill("an even longer staple")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("success")
    admin.refresh_from_db()
    assert admin.check_password("an even longer staple")
