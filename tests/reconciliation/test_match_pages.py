"""The workbench and its pages: lines ticked together, suggestions, splitting, setting aside, rules and aliases."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import Organization
from coverpay.kernel import clock
from reconciliation import matches
from reconciliation.imports import import_statement
from reconciliation.models import BankAccount, IgnoredLine, Match, MatchRuleSet, MatchSuggestion, StatementLine
from tests.support import bank, world

pytestmark = pytest.mark.django_db
LATER = bank.FIRST + dt.timedelta(days=20)


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    """An account with three open bank lines and three open book lines that only a person can pair."""
    account = bank.account(mga)
    for amount in (200_00, 350_00, 450_00):
        bank.received(account, amount, f"BOOK-{amount}", LATER)
    lines = (bank.line(700_00, "", "DEPOSIT <b>"), bank.line(300_00, "", "DEPOSIT TWO"), bank.line(-12_50, "", "FEE"))
    import_statement(content=bank.statement(*lines), file_name="day.bai", actor=bank.acting(mga))
    matches.run_matching(bank_account_id=account.id, actor=bank.acting(mga))
    return account


def _browser(of: Organization, role: str = "finance") -> Client:
    return world.pages(world.member(of, role))


def _text(browser: Client, name: str, *args: str, query: str = "") -> str:
    response = browser.get(reverse(f"reconciliation:{name}", args=args) + query)
    assert response.status_code == 200
    page = response.content.decode()
    assert "<b>" not in page.replace("&lt;b&gt;", "")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def _ticked(account: BankAccount, *amounts: int) -> dict[str, list[str]]:
    bank_lines = StatementLine.objects.filter(amount_minor__in=amounts).order_by("position")
    books = account.ledger_account.lines.filter(amount_minor__in=amounts).order_by("id")
    return {"bank_lines": [line.id for line in bank_lines], "book_lines": [str(line.pk) for line in books]}


def test_the_workbench_shows_both_sides_and_filters_them(mga: Organization, account: BankAccount) -> None:
    browser = _browser(mga)
    shown = _text(browser, "workbench", account.id)
    assert "At the bank, not in the books 3" in shown
    assert "In the books, not at the bank 3" in shown
    assert "DEPOSIT &lt;b&gt;" in shown
    narrowed = _text(browser, "workbench", account.id, query="?words=deposit&amount=300.00")
    assert "At the bank, not in the books 1" in narrowed
    assert "In the books, not at the bank 0" in narrowed


def test_without_scripts_the_sums_are_added_up_by_the_server(mga: Organization, account: BankAccount) -> None:
    url = reverse("reconciliation:workbench", args=[account.id])
    asked = {**_ticked(account, 700_00, 200_00, 450_00), "do": "add"}
    page = _browser(mga).post(url, asked).content.decode()
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Bank, 1 ticked 700.00" in shown
    assert "Books, 2 ticked 650.00 Difference 50.00" in shown
    assert page.count("checked") == 3


def test_ticked_lines_are_matched_and_what_does_not_tie_is_said(mga: Organization, account: BankAccount) -> None:
    browser, url = _browser(mga), reverse("reconciliation:workbench", args=[account.id])
    wrong = {**_ticked(account, 700_00, 350_00), "do": "match", "reason": "x"}
    response = browser.post(url, wrong)
    assert response.status_code == 422
    assert "the difference is 350.00 USD." in response.content.decode()
    assert "Say why" in browser.post(url, {**wrong, "reason": ""}).content.decode()
    right = _ticked(account, 700_00, 300_00, 200_00, 350_00, 450_00)
    response = browser.post(url, {**right, "do": "match", "reason": "Deposit slips."}, follow=True)
    assert "Matched: 1,000.00 USD" in response.content.decode()
    assert Match.objects.get().reason == "Deposit slips."


def test_bank_lines_are_set_aside_listed_and_taken_up_again(mga: Organization, account: BankAccount) -> None:
    browser, url = _browser(mga), reverse("reconciliation:workbench", args=[account.id])
    browser.post(url, {**_ticked(account, -12_50), "do": "aside", "reason": "Waived next month."})
    row = IgnoredLine.objects.get()
    assert "Waived next month." in _text(browser, "ignored", query=f"?account={account.id}")
    assert "Set aside" in _text(browser, "statement", row.statement_line.statement_id)
    response = browser.post(reverse("reconciliation:unignore", args=[row.id]), {"reason": "Not waived."})
    assert response.headers["Location"] == url
    assert "Not waived." in _text(browser, "ignored", query="?show=ended")


def test_a_match_page_shows_both_sides_and_is_split_and_undone(mga: Organization, account: BankAccount) -> None:
    browser, asked = _browser(mga), _ticked(account, 700_00, 300_00, 200_00, 350_00, 450_00)
    bench = reverse("reconciliation:workbench", args=[account.id])
    browser.post(bench, {**asked, "do": "match", "reason": "Slips."})
    whole = Match.objects.get()
    assert "At the bank 2" in _text(browser, "one-match", whole.id)
    split = reverse("reconciliation:split-match", args=[whole.id])
    response = browser.post(split, {**_ticked(account, 300_00, 200_00), "reason": "Two."})
    assert response.status_code == 422
    assert "the difference is 100.00 USD" in response.content.decode()
    browser.post(split, {**_ticked(account, 300_00, 700_00), "book_lines": asked["book_lines"][:1], "reason": "x"})
    assert Match.objects.count() == 1
    assert browser.post(reverse("reconciliation:undo-match", args=[whole.id]), {"reason": "No."}).status_code == 302
    assert "Undone on" in _text(browser, "one-match", whole.id)


def test_a_suggestion_is_accepted_or_dismissed_from_the_workbench(mga: Organization, account: BankAccount) -> None:
    bank_line = StatementLine.objects.get(amount_minor=700_00)
    same = bank.received(account, 700_00, "", LATER)
    row = MatchSuggestion.objects.create(
        bank_account=account, bank_lines=[bank_line.id], book_lines=[str(same.pk)], grouping="a", difference_minor=0,
        stage="fuzzy_text", score=870, reason="Sounds alike.", rule_version="x",
    )  # fmt: skip
    other = MatchSuggestion.objects.create(
        bank_account=account, bank_lines=[bank_line.id], book_lines=[str(same.pk)], grouping="b", difference_minor=5,
        stage="fuzzy_text", score=860, reason="Also.", rule_version="x",
    )  # fmt: skip
    browser = _browser(mga)
    assert "870" in (shown := _text(browser, "workbench", account.id))
    assert shown.count("Accept") == 1, "only what ties can be accepted at once"
    dismissed = browser.post(reverse("reconciliation:dismiss-suggestion", args=[other.id]), {"reason": "No."})
    assert dismissed.status_code == 302
    browser.post(reverse("reconciliation:accept-suggestion", args=[row.id]))
    match = Match.objects.get()
    assert (match.reason, match.score, match.inputs) == ("Sounds alike.", 870, {"suggestion": row.id})
    assert list(MatchSuggestion.objects.order_by("id").values_list("state", flat=True)) == ["accepted", "dismissed"]


def test_rules_are_shown_previewed_and_published(mga: Organization, account: BankAccount) -> None:
    browser, url = _browser(mga), reverse("reconciliation:make-rules")
    assert "The built-in rules" in _text(browser, "rules")
    asked = {
        "spec": '{"name": "wide", "date_window_days": 25}', "effective_from": str(clock.today()),
        "reason": "Slow mail.", "bank_account": account.id,
    }  # fmt: skip
    page = browser.post(url, asked).content.decode()
    assert "What they would do" in page
    mark = re.search(r'name="confirm"\s+value="([0-9a-f]+)"', page)
    assert mark is not None
    assert browser.post(url, {**asked, "confirm": mark[1]}).status_code == 302
    assert MatchRuleSet.objects.get().spec == {"name": "wide", "date_window_days": 25}
    assert "Slow mail." in _text(browser, "rules")
    bad = browser.post(url, {**asked, "spec": '{"date_window_days": 99}'})
    assert bad.status_code == 422
    assert "date_window_days is a whole number" in bad.content.decode()


def test_others_see_none_of_it_and_readers_change_nothing(mga: Organization, account: BankAccount) -> None:
    stranger, cash = _browser(world.organization()), _browser(mga, "cash")
    url = reverse("reconciliation:workbench", args=[account.id])
    assert stranger.get(url).status_code == 404
    asked = {**_ticked(account, -12_50), "do": "aside", "reason": "x"}
    assert (stranger.post(url, asked).status_code, cash.post(url, asked).status_code) == (404, 403)
    assert 'type="checkbox"' not in cash.get(url).content.decode()
    assert not IgnoredLine.objects.exists()
