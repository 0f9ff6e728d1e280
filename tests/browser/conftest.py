"""A real Chromium against a running server. Chromium missing is an error, never a skip."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from coverpay.kernel import jobs

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from compliance.models import User
    from tests.support.books import House

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def live_server(django_db_setup: None) -> Iterator[LiveServer]:
    """The server of pytest-django, stopped before the database is taken down."""
    from pytest_django.live_server_helper import LiveServer

    server = LiveServer("127.0.0.1")
    yield server
    server.stop()


@pytest.fixture
def chromium(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A browser for one test. While it runs, Playwright's event loop must not keep Django from the database.

    Inside that loop Django has connections of its own, which have to be closed there.
    """
    from django.db import connections

    found = next((path for path in map(shutil.which, CHROMIUM) if path), None)
    assert found, f"the browser tests need one of {', '.join(CHROMIUM)}: make test installs it"
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        browser.close()
        connections.close_all()


@pytest.fixture
def complaints() -> list[str]:
    """What a page complained about in its console; a test that lets any stand fails."""
    return []


@pytest.fixture
def page(chromium: Browser, live_server: LiveServer, complaints: list[str]) -> Iterator[Page]:
    """A page of a desktop browser that knows where the server is; at its end nothing may have complained."""
    context = chromium.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation',"
        " event => console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))"
    )
    page.on("console", lambda said: said.type == "error" and complaints.append(f"{page.url}: {said.text}"))
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do at once, after the commit, what a worker does when it is woken."""
    from django.db import connections

    from payments import attempts, refunds

    tasks = {"payments.submit": attempts.submit, "payments.submit_refund": refunds.submit}

    def work(task: str, *args: str) -> None:
        try:
            tasks[task](*args)
        finally:
            connections.close_all()

    def carry(task: str, *args: str) -> None:
        if task in tasks:
            thread = threading.Thread(target=work, args=(task, *args))
            thread.start()
            thread.join()

    monkeypatch.setattr(jobs, "_transport", carry)


@pytest.fixture
def admin(house: House) -> User:
    """An administrator of the house."""
    from tests.support import world

    return world.member(house.operator, "admin")


def sign_in(page: Page, person: User) -> None:
    """Sign in by the form, as people do."""
    from tests.support import world

    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password", exact=True).fill(world.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
