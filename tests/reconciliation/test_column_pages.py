"""Column maps and announcements in the back office and under /v1: looked at first, then saved, read and dismissed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from reconciliation import column_maps
from reconciliation.imports import import_statement
from reconciliation.models import Announcement, BankAccount, ColumnMap, StatementImport
from tests.reconciliation.test_column_maps import FILE, PROVED, SPEC
from tests.support import bank, camt_notices, world
from tests.support.camt_notices import Told

pytestmark = pytest.mark.django_db
TYPED = {
    "name": "Daily",
    "date": "Date",
    "date_format": "%Y-%m-%d",
    "amount": "Amount",
    "description": "Text",
    "reference": "Ref",
    "delimiter": ",",
    "decimal": ".",
    "encoding": "utf-8",
    "headings": "on",
    "opening": "1,000.00",
    "closing": "5609.00",
    "take_in": "on",
}


@pytest.fixture
def account() -> BankAccount:
    return bank.account(world.organization())


@pytest.fixture
def browser(account: BankAccount) -> Client:
    return world.pages(world.member(account.organization, "finance"))


def _words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def _hidden(response: Any, name: str) -> str:
    found = re.search(rf'name="{name}"\s+value="([^"]*)"', response.content.decode())
    assert found is not None, name
    return found[1]


def _file(content: bytes = FILE) -> SimpleUploadedFile:
    return SimpleUploadedFile("day.csv", content)


def _again(response: Any) -> dict[str, str]:
    return {name: _hidden(response, name) for name in ("held", "held_name", "confirm")}


def test_a_map_is_tried_on_a_file_then_saved_and_the_file_imported(account: BankAccount, browser: Client) -> None:
    url = reverse("reconciliation:make-column-map")
    shown = browser.post(url, {**TYPED, "bank_account": account.id, "file": _file()})
    words = _words(shown)
    assert "Ties; the difference 0.00 USD" in words
    assert "PAYOUT 5,359.00 USD" in words
    assert not ColumnMap.objects.exists()
    done = browser.post(url, {**TYPED, "bank_account": account.id, **_again(shown)})
    made, read = ColumnMap.objects.get(), StatementImport.objects.get()
    assert done["Location"] == reverse("reconciliation:import", args=[read.id])
    assert made.spec["description"] == ["Text"]
    assert (read.state, read.column_map, read.file_name) == ("imported", made, "day.csv")
    assert "Daily v1 with balances a person gave: opening 1,000.00 USD" in _words(browser.get(done["Location"]))


def test_the_preview_says_why_a_row_is_refused_and_that_a_file_does_not_tie(
    account: BankAccount, browser: Client
) -> None:
    url = reverse("reconciliation:make-column-map")
    asked = {**TYPED, "closing": "5609.01", "bank_account": account.id}
    words = _words(browser.post(url, {**asked, "file": _file(FILE + b"2026-13-04,1.00,A,B,1\n")}))
    assert "Does not tie; the difference 0.01 USD" in words
    assert "4 1 &#x27;2026-13-04&#x27; is no date" in words
    alone = browser.post(url, {**TYPED, "opening": "", "closing": "", "bank_account": account.id, "file": _file()})
    assert "Nothing proves the lines" in _words(alone)


def test_a_map_no_file_can_be_read_by_is_refused_at_its_field(account: BankAccount, browser: Client) -> None:
    asked = {**TYPED, "amount": "", "bank_account": account.id, "file": _file()}
    response = browser.post(reverse("reconciliation:make-column-map"), asked)
    assert response.status_code == 422
    assert "either an amount, or both a debit and a credit" in _words(response)


def test_a_saved_map_shows_itself_and_reads_the_next_file(account: BankAccount, browser: Client) -> None:
    actor = bank.acting(account.organization)
    columns = column_maps.publish(bank_account_id=account.id, name="Daily", spec=PROVED, actor=actor)
    assert "Daily" in _words(browser.get(reverse("reconciliation:column-maps")))
    url = reverse("reconciliation:column-map", args=[columns.id])
    shown = browser.post(url, {"file": _file()})
    assert "Ties; the difference 0.00 USD" in _words(shown)
    browser.post(url, _again(shown))
    assert StatementImport.objects.get().state == "imported"
    page = _words(browser.get(url))
    assert "Daily, version 1" in page
    assert "Balance Balance" in page
    assert "day.csv" in page
    after = browser.get(reverse("reconciliation:make-column-map"), {"after": columns.id})
    assert 'value="Balance"' in after.content.decode()


def test_what_is_announced_is_on_the_accounts_page_until_it_is_dismissed(account: BankAccount, browser: Client) -> None:
    content = camt_notices.write([Told(535_900, "BK1", "PAYOUT <b>")])
    done = import_statement(content=content, file_name="n.xml", actor=bank.acting(account.organization))
    url = reverse("reconciliation:account", args=[account.id])
    page = browser.get(url).content.decode()
    assert "Announced, not yet on a statement" in page
    assert "PAYOUT &lt;b&gt;" in page
    assert "5,359.00 USD" in _words(browser.get(reverse("reconciliation:import", args=[done.id])))
    assert "late" in _words(browser.get(reverse("reconciliation:announcements"), {"show": "late"}))
    found = Announcement.objects.get()
    browser.post(reverse("reconciliation:dismiss-announcement", args=[found.id]), {"reason": "Taken back."})
    assert "Announced, not yet" not in browser.get(url).content.decode()
    assert "Taken back." in _words(browser.get(reverse("reconciliation:announcements"), {"show": "dismissed"}))


def test_maps_and_files_by_the_api(account: BankAccount) -> None:
    api: Any = world.api(account.organization)
    made = api.post("column-maps", {"bank_account": account.id, "name": "Daily", "spec": SPEC})
    assert (made.status_code, made.json()["number"]) == (201, 1)
    refused = api.post("column-maps", {"bank_account": account.id, "name": "Daily", "spec": {}})
    assert (refused.status_code, refused.json()["code"]) == (422, "column_map_unreadable")
    columns = made.json()["id"]
    seen = {"opening_minor": 100_000, "closing_minor": 560_900}
    shown = api.post(f"column-maps/{columns}/preview", {"file": _file(), **seen}, format="multipart").json()
    assert (shown["proof"]["difference_minor"], shown["problems"], shown["line_count"]) == (0, [], 2)
    done = api.post("statements", {"file": _file(), "column_map": columns, **seen}, format="multipart").json()
    assert (done["state"], done["column_map"], done["given"]) == ("imported", columns, seen)


def test_announcements_by_the_api(account: BankAccount) -> None:
    api: Any = world.api(account.organization)
    content = camt_notices.write([Told(100, "BK1")])
    upload = {"file": SimpleUploadedFile("n.xml", content)}
    assert json.loads(api.post("statements", upload, format="multipart").content)["format"] == "camt054"
    (found,) = api.get("announcements", state="announced").json()["data"]
    assert (found["amount_minor"], found["bank_reference"]) == (100, "BK1")
    gone = api.post(f"announcements/{found['id']}/dismiss", {"reason": "No."}).json()
    assert (gone["state"], gone["dismissed_reason"]) == ("dismissed", "No.")
