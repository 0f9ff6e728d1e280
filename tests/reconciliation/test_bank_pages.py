"""The pages of the bank side: the proof, matches with reasons, breaks with why, uploading."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from compliance.models import Organization
from reconciliation import matches
from reconciliation.imports import import_statement
from reconciliation.models import BankAccount, Break, Match, StatementImport
from tests.support import bank, world

pytestmark = pytest.mark.django_db


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    """An account with a statement of three lines: one matched, one ambiguous, a fee nobody booked."""
    account = bank.account(mga)
    bank.received(account, 535_900, "PAYOUT-0001")
    bank.received(account, 8_000, "A")
    bank.received(account, 8_000, "B")
    lines = (bank.line(535_900, "PAYOUT-0001", "PAYOUT <b>"), bank.line(8_000), bank.line(-1_250, "", "MONTHLY FEE"))
    import_statement(content=bank.statement(*lines), file_name="day.bai", actor=bank.acting(mga))
    matches.run_matching(bank_account_id=account.id, actor=bank.acting(mga))
    return account


def _browser(of: Organization, role: str = "finance") -> Client:
    return world.pages(world.member(of, role))


def _text(browser: Client, name: str, *args: str) -> str:
    response = browser.get(reverse(f"reconciliation:{name}", args=args))
    assert response.status_code == 200
    page = response.content.decode()
    assert "<b>" not in page.replace("&lt;b&gt;", "")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_account_page_shows_proof_matches_and_breaks_with_reasons(mga: Organization, account: BankAccount) -> None:
    shown = _text(_browser(mga), "account", account.id)
    assert "Ties" in shown
    assert "In the books 5,519.00 USD" in shown
    assert "Closing balance of the bank 5,426.50 USD" in shown
    assert "Same reference PAYOUT0001, same amount 5,359.00 USD, on the same day." in shown
    assert "1 bank line and 2 book lines share the amount 80.00 USD within 3 days" in shown
    assert "The bank shows -12.50 USD on 2026-01-04; no book line answers to it." in shown
    assert "Open breaks 2" in shown


def test_the_list_and_the_statement_say_where_each_line_stands(mga: Organization, account: BankAccount) -> None:
    browser = _browser(mga, "cash")
    assert "5,426.50 USD 5,519.00 USD 0.00 USD Ties 2" in _text(browser, "home")
    statement = _text(browser, "statement", account.statements.get().id)
    assert "PAYOUT &lt;b&gt;" in statement
    assert "Opening balance 0.00 USD" in statement
    assert "On the bank statement only" in statement
    breaks = _text(browser, "breaks")
    assert "MONTHLY" not in breaks
    assert "Several equal answers" in breaks
    assert "Match now" not in _text(browser, "account", account.id)


def test_uploading_leads_to_the_file_or_to_its_reasons(mga: Organization) -> None:
    bank.account(mga)
    browser, url = _browser(mga), reverse("reconciliation:imports")
    good, bad = bank.statement(bank.line(100)), bank.statement(bank.line(100)).replace(b"015,100", b"015,101")
    response = browser.post(url, {"file": SimpleUploadedFile("bad.bai", bad)})
    done = StatementImport.objects.get()
    assert response.headers["Location"] == reverse("reconciliation:import", args=[done.id])
    shown = _text(browser, "import", done.id)
    assert "opening 0.00 + credits 1.00 + debits 0.00 = 1.00, but closing is 1.01; the difference is 0.01 USD." in shown
    browser.post(url, {"file": SimpleUploadedFile("good.bai", good)})
    assert "Imported" in _text(browser, "imports")
    assert "bad.bai" not in _text(browser, "import", StatementImport.objects.get(state="imported").id)


def test_an_unknown_account_is_said_at_the_field(mga: Organization) -> None:
    browser = _browser(mga)
    file = SimpleUploadedFile("day.bai", bank.statement(bank.line(100)))
    response = browser.post(reverse("reconciliation:imports"), {"file": file})
    assert response.status_code == 422
    assert "Set up these bank accounts first" in response.content.decode()


def test_matching_undoing_and_closing_from_the_pages(mga: Organization, account: BankAccount) -> None:
    browser = _browser(mga)
    match, fee = Match.objects.get(), Break.objects.get(kind="bank_only")
    undo = reverse("reconciliation:undo-match", args=[match.id])
    assert browser.post(undo, {"reason": ""}).status_code == 422
    assert browser.post(undo, {"reason": "Not ours."}).status_code == 302
    match.refresh_from_db()
    assert match.undone_reason == "Not ours."
    browser.post(reverse("reconciliation:close-break", args=[fee.id]), {"reason": "Fee, booked."})
    fee.refresh_from_db()
    assert (fee.state, fee.closed_reason) == ("closed", "Fee, booked.")
    response = browser.post(reverse("reconciliation:match", args=[account.id]), follow=True)
    assert "Nothing new to match." in response.content.decode()


def test_every_bank_page_is_closed_to_others_and_to_viewers(mga: Organization, account: BankAccount) -> None:
    ids = {
        "account": account.id,
        "statement": account.statements.get().id,
        "import": StatementImport.objects.get().id,
        "undo-match": Match.objects.get().id,
        "close-break": Break.objects.filter(state="open").first().id,  # type: ignore[union-attr]
    }
    stranger, viewer, cash = _browser(world.organization()), _browser(mga, "viewer"), _browser(mga, "cash")
    for name, object_id in ids.items():
        url = reverse(f"reconciliation:{name}", args=[object_id])
        assert (stranger.get(url).status_code, viewer.get(url).status_code) == (404, 403)
    for name in ("undo-match", "close-break"):
        assert cash.post(reverse(f"reconciliation:{name}", args=[ids[name]]), {"reason": "x"}).status_code == 403
    assert stranger.post(reverse("reconciliation:match", args=[account.id])).status_code == 404
    assert account.name not in _text(stranger, "home")
