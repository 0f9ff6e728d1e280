"""Matching by hand, suggestions, lines set aside, aliases and rules under /v1."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from compliance.models import Organization
from coverpay.kernel import clock
from reconciliation.imports import import_statement
from reconciliation.models import BankAccount, MatchSuggestion, StatementLine
from tests.support import bank, world
from tests.support.world import Api

pytestmark = pytest.mark.django_db
LATER = bank.FIRST + dt.timedelta(days=20)


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def api(mga: Organization) -> Api:
    return world.api(mga)


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    """Bank lines of 7.00, 3.00 and -2.00; book lines of 2.00, 5.00 and 3.00 that only a person can pair with them."""
    account = bank.account(mga)
    for amount in (200, 500, 300):
        bank.received(account, amount, "", LATER)
    content = bank.statement(bank.line(700), bank.line(300), bank.line(-200, "", "FEE"))
    import_statement(content=content, file_name="day.bai", actor=bank.acting(mga))
    return account


def _lines(account: BankAccount) -> tuple[list[str], list[int]]:
    bank_lines = StatementLine.objects.filter(statement__bank_account=account).order_by("position")
    books = account.ledger_account.lines.order_by("id")
    return [line.id for line in bank_lines], [line.pk for line in books]


def _asked(account: BankAccount, bank_lines: list[str], book_lines: list[int], **more: Any) -> dict[str, Any]:
    return {"bank_account": account.id, "bank_lines": bank_lines, "book_lines": book_lines, "reason": "Slip.", **more}


def test_lines_are_matched_by_hand_and_split(api: Api, account: BankAccount) -> None:
    at_bank, in_books = _lines(account)
    made = api.post("matches", _asked(account, at_bank[:2], in_books))
    assert made.status_code == 201
    match = made.json()
    assert [line["amount_minor"] for line in match["bank_lines"]] == [700, 300]
    assert [line["ledger_line"] for line in match["book_lines"]] == in_books
    body = {"bank_lines": [at_bank[1]], "book_lines": [in_books[2]], "reason": "Two deposits."}
    parts = api.post(f"matches/{match['id']}/split", body).json()
    assert [line["amount_minor"] for line in parts["taken_out"]["book_lines"]] == [300]
    assert [line["amount_minor"] for line in parts["rest"]["book_lines"]] == [200, 500]
    assert api.get(f"matches/{match['id']}").json()["undone_reason"] == "Two deposits."
    found = api.get("matches", statement_line=at_bank[1]).json()["data"]
    assert {row["id"] for row in found} == {match["id"], parts["taken_out"]["id"]}


def test_what_does_not_tie_or_is_not_open_names_its_field(api: Api, account: BankAccount) -> None:
    at_bank, in_books = _lines(account)
    untied = api.post("matches", _asked(account, at_bank[:1], in_books[:1]))
    assert (untied.status_code, untied.json()["code"], untied.json()["field"]) == (422, "does_not_tie", "book_lines")
    unknown = api.post("matches", _asked(account, ["stl_unknown"], in_books[:1]))
    assert (unknown.status_code, unknown.json()["code"], unknown.json()["field"]) == (
        409,
        "line_not_open",
        "bank_lines",
    )


def test_lines_are_set_aside_and_taken_up_again(api: Api, account: BankAccount) -> None:
    at_bank, _ = _lines(account)
    body = {"bank_account": account.id, "bank_lines": at_bank[2:], "reason": "Waived."}
    (row,) = api.post("ignored-lines", body).json()["ignored"]
    assert (row["statement_line"], row["amount_minor"], row["ended_at"]) == (at_bank[2], -200, None)
    proof = api.get(f"bank-accounts/{account.id}/balance-proof").json()
    assert [item["amount_minor"] for item in proof["items"]][:2] == [1_000, -200]
    ended = api.post(f"ignored-lines/{row['id']}/unignore", {"reason": "Booked."}).json()
    assert ended["ended_reason"] == "Booked."
    assert api.post(f"ignored-lines/{row['id']}/unignore", {"reason": "x"}).status_code == 409


def test_a_suggestion_is_accepted_once_and_dismissed_once(api: Api, account: BankAccount) -> None:
    at_bank, in_books = _lines(account)
    one, other = (
        MatchSuggestion.objects.create(
            bank_account=account, bank_lines=[at_bank[1]], book_lines=[str(in_books[2])], grouping=str(number),
            difference_minor=0, stage="fuzzy_text", score=900, reason="Alike.", rule_version="x",
        )
        for number in (1, 2)
    )  # fmt: skip
    assert api.post(f"match-suggestions/{other.id}/dismiss", {"reason": "No."}).json()["state"] == "dismissed"
    match = api.post(f"match-suggestions/{one.id}/accept", {}).json()
    assert (match["reason"], match["score"], match["stage"]) == ("Alike.", 900, "fuzzy_text")
    assert api.get("match-suggestions", state="accepted").json()["data"][0]["match"] == match["id"]
    for row, verb in ((one, "accept"), (other, "accept"), (one, "dismiss")):
        assert api.post(f"match-suggestions/{row.id}/{verb}", {"reason": "x"}).status_code == 409


def test_rules_are_previewed_and_published(api: Api, account: BankAccount) -> None:
    spec = {"name": "wide", "date_window_days": 25}
    shown = api.post("match-rule-previews", {"bank_account": account.id, "spec": spec})
    assert shown.status_code == 201
    assert shown.json()["bank_line_count"] == 3
    assert {reason["stage"] for reason in shown.json()["gained"]} <= {"amount_and_date", "subset_sum"}
    asked = {"spec": spec, "effective_from": str(clock.today()), "reason": "Slow mail."}
    made = api.post("match-rules", asked).json()
    assert (made["number"], made["spec"]) == (1, spec)
    bad = api.post("match-rules", {**asked, "spec": {"date_window_days": "a week"}})
    assert (bad.status_code, bad.json()["code"], bad.json()["field"]) == (422, "bad_rules", "date_window_days")


def test_strangers_see_and_change_nothing(api: Api, account: BankAccount) -> None:
    at_bank, in_books = _lines(account)
    stranger = world.api(world.organization())
    assert stranger.post("matches", _asked(account, at_bank[1:2], in_books[2:])).status_code == 404
    assert stranger.post("match-rule-previews", {"bank_account": account.id, "spec": {}}).status_code == 404
    for rows in ("matches", "match-suggestions", "ignored-lines", "payor-aliases", "match-rules"):
        assert stranger.get(rows).json()["data"] == []
