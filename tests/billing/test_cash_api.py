"""Cash, suspense and the ends of invoices by API."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import Invoice, Receipt, ReturnPremium
from compliance.permissions import Permission
from coverpay import books as proof
from tests.support import books, plain, world
from tests.support.books import House
from tests.support.world import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(house: House) -> Api:
    return world.api(house.operator)


def test_a_receipt_is_un_applied_applied_and_carried(house: House, api: Api) -> None:
    policy = plain.bound(house)
    other = books.bound(house, program="plain")
    plain.paid(house, policy)
    receipt = Receipt.objects.get().id
    because: dict[str, Any] = {"reason": "Wrong policy"}
    answer = api.post(f"receipts/{receipt}/unapply", because)
    assert (answer.status_code, answer.json()["unapplied_minor"]) == (200, 600_000)
    assert api.post(f"receipts/{receipt}/apply").json()["unapplied_minor"] == 0
    api.post(f"receipts/{receipt}/unapply", because)
    moved = api.post(f"receipts/{receipt}/transfer", {**because, "policy": other.id, "amount_minor": 200_000})
    assert (moved.status_code, moved.json()["from_receipt"]) == (200, receipt)
    listed = api.get("receipts", policy=policy.id).json()["data"]
    assert [row["unapplied_minor"] for row in listed] == [400_000]
    assert proof.check() == []


def test_a_transfer_is_taken_back_by_the_receipt_it_made(house: House, api: Api) -> None:
    policy, other = plain.bound(house), books.bound(house, program="plain")
    plain.paid(house, policy)
    receipt = Receipt.objects.get().id
    because = {"reason": "Wrong policy"}
    api.post(f"receipts/{receipt}/unapply", because)
    moved = api.post(f"receipts/{receipt}/transfer", {**because, "policy": other.id, "amount_minor": 200_000}).json()
    back = api.post(f"receipts/{moved['to_receipt']}/take-transfer-back", because)
    assert (back.status_code, back.json()["id"]) == (200, moved["id"])
    assert api.get(f"receipts/{receipt}").json()["unapplied_minor"] == 600_000
    assert api.get(f"receipts/{moved['to_receipt']}").json()["unapplied_minor"] == 0
    refused = api.post(f"receipts/{receipt}/take-transfer-back", because)
    assert (refused.status_code, refused.json()["field"]) == (409, "receipt")
    assert proof.check() == []


def test_a_deposit_is_recorded_suggested_placed_undone_and_returned(house: House, api: Api) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    made = api.post(
        "suspense-items",
        {"bank_account": house.bank.id, "source_id": "dep-1", "payor": "Aloha Foods", "amount_minor": 600_000,
         "currency": "USD", "received_on": "2026-02-02"},
    )  # fmt: skip
    assert made.status_code == 201
    item = f"suspense-items/{made.json()['id']}"
    (suggested,) = api.get(f"{item}/suggestions").json()
    assert (suggested["policy"], suggested["score"]) == (policy.id, 50)
    placed = api.post(f"{item}/place", {"policy": suggested["policy"], "reason": "Payor called"})
    assert placed.json()["state"] == "placed"
    assert api.post(f"{item}/undo", {"reason": "Another payor"}).json()["state"] == "open"
    assert api.post(f"{item}/return", {"reason": "Not ours"}).json()["state"] == "returned"
    assert proof.check() == []


def test_invoices_are_voided_and_written_off_by_api(house: House, api: Api) -> None:
    invoice = plain.billed(house, plain.bound(house))
    refused = api.post(f"invoices/{invoice.id}/write-off", {"reason": "Gone"})
    assert (refused.status_code, refused.json()["code"]) == (403, "approval_required")
    wrong = api.post(f"invoices/{invoice.id}/waive", {"reason": "Gone", "line": invoice.lines.get().id})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "not_a_fee")
    assert api.post(f"invoices/{invoice.id}/void", {"reason": "Wrong"}).json()["state"] == "void"
    assert proof.check() == []


def test_return_premium_is_listed_with_its_deadline_and_cash_takes_its_own_permission(house: House) -> None:
    policy = plain.bound(house, plan="full")
    plain.paid(house, policy)
    plain.cancelled(house, policy, on=books.FIRST_DAY, method="flat")
    reader = world.api(house.operator, Permission.BILLING_READ, Permission.BILLING_WRITE)
    (owed,) = reader.get("return-premiums").json()["data"]
    assert (owed["id"], owed["refundable_minor"]) == (ReturnPremium.objects.get().id, 1_200_000)
    assert owed["due_on"] or owed["needs_decision"]
    refused = reader.post(f"receipts/{Receipt.objects.get().id}/apply")
    assert (refused.status_code, refused.json()["permission"]) == (403, "cash.write")
    assert Invoice.objects.get().state == "void", "all of it was credited"
