"""Deposits by API: recorded once, placed, refused with the field, taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from payments import accounts
from payments.models import Deposit
from tests.support import books, lockbox_writer, plain, world
from tests.support.books import House
from tests.support.lockbox_writer import Paper
from tests.support.world import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(house: House) -> Api:
    return Api(world.token(house.operator))


def body(house: House, *items: dict[str, Any], **said: Any) -> dict[str, Any]:
    asked = {"bank_account": house.bank.id, "kind": "wire", "reference": "FED-1", "received_on": "2026-02-02"}
    return {**asked, "amount_minor": sum(item["amount_minor"] for item in items), "items": list(items), **said}


def test_a_deposit_is_recorded_once_and_its_items_act(house: House, api: Api) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    asked = body(house, {"amount_minor": 600_000, "reference": policy.number}, {"amount_minor": 5})
    made = api.post("deposits", asked)
    assert made.status_code == 201
    placed, held = made.json()["items"]
    assert (placed["state"], placed["policy"], held["state"]) == ("placed", policy.id, "suspense")
    assert api.post("deposits", asked).json()["id"] == made.json()["id"]
    done = api.post(f"deposit-items/{placed['id']}/bounce", {"reason": "NSF"})
    assert done.json()["state"] == "bounced"
    wrong = api.post(f"deposit-items/{placed['id']}/bounce", {"reason": "NSF"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "illegal_transition")
    assert api.post(f"deposit-items/{held['id']}/send-back", {"reason": "?"}).json()["state"] == "bounced"


def test_refusals_name_the_field(house: House, api: Api) -> None:
    answer = api.post("deposits", body(house, {"amount_minor": 5}, amount_minor=6))
    assert (answer.status_code, answer.json()["code"]) == (422, "deposit_does_not_tie")
    broken = SimpleUploadedFile("box.txt", lockbox_writer.file(Paper(600))[:200])
    answer = api.post("lockbox-files", {"bank_account": house.bank.id, "file": broken}, format="multipart")
    assert answer.json()["code"] == "lockbox_refused" and answer.json()["problems"]
    assert not Deposit.objects.exists()


def test_a_csv_is_taken_in_by_the_columns_it_is_sent_with(house: House, api: Api) -> None:
    file = SimpleUploadedFile("box.csv", b"Paid,For\n12.00,P-none\n")
    asked = {"bank_account": house.bank.id, "file": file, "amount_column": "Paid", "reference_column": "For"}
    (deposit,) = api.post("lockbox-files", asked, format="multipart").json()["deposits"]
    assert (deposit["kind"], deposit["amount_minor"], len(deposit["items"])) == ("lockbox", 1_200, 1)


def test_a_payment_is_announced_and_waits(house: House, api: Api) -> None:
    accounts.open_account(gateway="manual", merchant="desk", bank_account_id=house.bank.id, actor=house.me)
    accounts.publish_routing(rules=[{"gateway": "manual"}], effective_from=books.SINCE, actor=house.me)
    invoice = books.billed(house)
    asked = {"invoices": [{"invoice": invoice.id}], "method": "check", "note": "1001 by post"}
    made = api.post("announced-payments", asked)
    assert made.status_code == 201, made.json()
    assert (made.json()["state"], made.json()["method"]) == ("processing", "check")
