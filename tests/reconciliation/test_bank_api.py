"""The bank side under /v1: uploads, lists, runs, undoing, closing, and who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from compliance.models import Organization
from reconciliation.models import BankAccount, StatementImport
from tests.support import bank, world
from tests.support.world import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def api(mga: Organization) -> Api:
    return world.api(mga)


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    return bank.account(mga)


def _upload(api: Api, content: bytes, name: str = "day.bai", key: str = "") -> Any:
    return api.post("statements", {"file": SimpleUploadedFile(name, content)}, key=key, format="multipart")


def test_a_bank_account_is_added_and_read(api: Api) -> None:
    asked = {"name": "Trust", "bank_id": "021000089", "account_mark": "1", "currency": "USD", "fund": "trust"}
    made = api.post("bank-accounts", asked).json()
    assert (made["fund"], made["account_mark"]) == ("trust", "1")
    assert api.get(f"bank-accounts/{made['id']}").json() == made
    assert api.post("bank-accounts", asked).status_code == 409
    assert api.get(f"bank-accounts/{made['id']}/balance-proof").status_code == 404


def test_a_statement_is_uploaded_matched_and_proved(api: Api, account: BankAccount) -> None:
    bank.received(account, 535_900, "PAYOUT-0001")
    done = _upload(api, bank.statement(bank.line(535_900, "PAYOUT-0001"), bank.line(-1_250)))
    assert done.status_code == 201
    (statement,) = done.json()["statements"]
    assert (done.json()["state"], statement["closing_minor"]) == ("imported", 534_650)
    run = api.post("matching-runs", {"bank_account": account.id})
    assert run.status_code == 201
    assert [match["score"] for match in run.json()["matched"]] == [1000]
    assert [found["kind"] for found in run.json()["opened"]] == ["bank_only"]
    proof = api.get(f"bank-accounts/{account.id}/balance-proof").json()
    assert (proof["ties"], proof["closing_minor"], proof["ledger_minor"]) == (True, 534_650, 535_900)
    lines = api.get("statement-lines", statement=statement["id"]).json()["data"]
    assert [line["amount_minor"] for line in lines] == [-1_250, 535_900]


def test_the_same_upload_again_gives_the_first_import(api: Api, account: BankAccount) -> None:
    content = bank.statement(bank.line(100))
    first = _upload(api, content, key="one")
    assert _upload(api, content, key="one").json() == first.json()
    assert _upload(api, content, "other-name.bai", key="two").json() == first.json()
    assert StatementImport.objects.count() == 1
    assert _upload(api, bank.statement(bank.line(7)), key="one").status_code == 409


def test_a_file_that_does_not_tie_is_answered_with_its_reasons(api: Api, account: BankAccount) -> None:
    done = _upload(api, b"not a statement")
    assert (done.status_code, done.json()["state"]) == (201, "quarantined")
    assert done.json()["problems"][0]["code"] == "unknown_format"
    assert [row["id"] for row in api.get("statements", state="quarantined").json()["data"]] == [done.json()["id"]]


def test_what_only_the_set_up_lacks_is_a_problem_and_keeps_nothing(api: Api) -> None:
    refused = _upload(api, bank.statement(bank.line(100)))
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
        422,
        "unknown_bank_account",
        "file",
    )
    assert api.post("statements", {}, format="multipart").status_code == 422
    assert api.post("statements", {"file": "text"}).status_code == 415
    assert StatementImport.objects.count() == 0


def test_a_match_is_undone_and_a_break_closed_with_a_reason(api: Api, account: BankAccount) -> None:
    bank.received(account, 100, "R1")
    _upload(api, bank.statement(bank.line(100, "R1")))
    api.post("matching-runs", {"bank_account": account.id})
    (match,) = api.get("matches", bank_account=account.id).json()["data"]
    assert api.post(f"matches/{match['id']}/undo", {}).status_code == 422
    undone = api.post(f"matches/{match['id']}/undo", {"reason": "Wrong."}).json()
    assert undone["undone_reason"] == "Wrong."
    assert api.post(f"matches/{match['id']}/undo", {"reason": "Wrong."}).status_code == 409
    (found,) = api.get("breaks", bank_account=account.id, state="open").json()["data"]
    closed = api.post(f"breaks/{found['id']}/close", {"reason": "Seen."}).json()
    assert (closed["state"], closed["closed_reason"]) == ("closed", "Seen.")


def test_strangers_and_readers_can_change_nothing(mga: Organization, api: Api, account: BankAccount) -> None:
    bank.received(account, 100, "R1")
    done = _upload(api, bank.statement(bank.line(100, "R1"))).json()
    api.post("matching-runs", {"bank_account": account.id})
    match = api.get("matches").json()["data"][0]["id"]
    stranger = world.api(world.organization())
    reader = world.api(mga, world.Permission.RECONCILIATION_READ)
    for path in (f"bank-accounts/{account.id}", f"statements/{done['id']}", f"matches/{match}"):
        assert (stranger.get(path).status_code, reader.get(path).status_code) == (404, 200)
    for path in ("bank-accounts", "statements", "statement-lines", "matches", "breaks"):
        assert stranger.get(path).json()["data"] == []
    assert stranger.post("matching-runs", {"bank_account": account.id}).status_code == 404
    assert reader.post("matching-runs", {"bank_account": account.id}).status_code == 403
    assert reader.post(f"matches/{match}/undo", {"reason": "x"}).status_code == 403
    assert _upload(reader, b"x").status_code == 403
