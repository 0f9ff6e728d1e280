"""The pages of received money: what a receipt covers, and money that nobody has placed yet."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from billing import suspense
from billing.models import Receipt, SuspenseItem
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from tests.support import books, pages, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db


def client_of(house: House, role: str = "cash") -> Any:
    return world.pages(world.member(house.operator, role))


def received(house: House) -> Receipt:
    invoice = books.billed(house)
    books.paid(house, invoice)
    return invoice.policy.receipts.get()


def deposited(house: House, **changes: Any) -> SuspenseItem:
    """A deposit of 5,359.00 of a payor whose name is nearly known."""
    known = {"source_id": "BK-1", "payor": "Aloha Food", "memo": "premium", "policy_reference": ""}
    return suspense.record_unidentified(
        **{**known, **changes},
        bank_account_id=house.bank.id,
        amount=Money(535_900),
        received_on=clock.today(),
        actor=house.me,
    )


def test_cash_is_taken_back_and_applied_again(house: House) -> None:
    receipt, client = received(house), client_of(house)
    url = reverse("billing:receipt", args=[receipt.id])
    assert client.get(url).context["waiting_minor"] == 0
    client.post(reverse("billing:unapply", args=[receipt.id]), {"reason": "Wrong line"})
    assert client.get(url).context["waiting_minor"] == 535_900
    page = read(client.post(reverse("billing:apply", args=[receipt.id]), follow=True))
    assert "What waited is applied" in page.text
    assert client.get(url).context["waiting_minor"] == 0


def test_only_what_is_chosen_is_taken_back(house: House) -> None:
    receipt, client = received(house), client_of(house)
    tax = receipt.applications.get(line__component="surplus_lines_tax")
    client.post(reverse("billing:unapply", args=[receipt.id]), {"reason": "Tax only", "applications": [tax.id]})
    assert client.get(reverse("billing:receipt", args=[receipt.id])).context["waiting_minor"] == 23_400


def test_unapplied_cash_is_carried_to_another_policy_by_its_number(house: House) -> None:
    receipt, other, client = received(house), books.billed(house), client_of(house)
    client.post(reverse("billing:unapply", args=[receipt.id]), {"reason": "It was for the other"})
    url = reverse("billing:transfer", args=[receipt.id])
    refused = client.post(url, {"policy": "nobody", "amount": "", "reason": "x"})
    assert refused.status_code == 422 and "no policy" in " ".join(refused.context["form"].errors["policy"])
    client.post(url, {"policy": other.policy.number, "amount": "1,000.00", "reason": "Paid the wrong one"})
    assert other.policy.receipts.get().amount_minor == 100_000
    assert other.policy.number in read(client.get(reverse("billing:receipt", args=[receipt.id]))).links


def test_a_deposit_is_placed_where_a_person_says_with_the_reasons_beside_it(house: House) -> None:
    invoice, client = books.billed(house), client_of(house)
    item = deposited(house, policy_reference=invoice.policy.number)
    url = reverse("billing:suspense-item", args=[item.id])
    page = client.get(url)
    best = page.context["suggestions"][0]
    assert best.number == invoice.policy.number and str(best.score) in read(page).text
    assert client.get(f"{url}?policy={best.number}").context["form"]["policy"].value() == best.number
    page = read(client.post(url, {"policy": best.number, "reason": "They called"}, follow=True))
    assert f"Placed on policy {best.number}." in page.text
    invoice.refresh_from_db()
    assert invoice.state == "paid"
    client.post(reverse("billing:undo-placing", args=[item.id]), {"reason": "Other Aloha"})
    invoice.refresh_from_db()
    item.refresh_from_db()
    assert (invoice.state, item.state) == ("open", "open")


def test_a_deposit_goes_back_to_its_sender(house: House) -> None:
    item, client = deposited(house), client_of(house)
    assert "Aloha Food" in read(client.get("/billing/suspense/?show=open")).links
    client.post(reverse("billing:return-to-sender", args=[item.id]), {"reason": "Not ours"})
    assert "Aloha Food" not in read(client.get("/billing/suspense/?show=open")).links
    assert "Not ours" in read(client.get(reverse("billing:suspense-item", args=[item.id]))).text


def test_what_does_not_fit_is_said_at_its_field(house: House) -> None:
    item, client = deposited(house), client_of(house)
    url = reverse("billing:suspense-item", args=[item.id])
    for typed, field in (({"policy": "X", "reason": "?"}, "policy"), ({"policy": "X", "reason": ""}, "reason")):
        answer = client.post(url, typed)
        assert answer.status_code == 422 and field in answer.context["form"].errors
    assert SuspenseItem.objects.get().state == "open"


@pytest.mark.parametrize("name", ["apply", "unapply", "transfer"])
def test_who_may_not_move_cash_is_refused_and_strangers_find_nothing(house: House, name: str) -> None:
    receipt = received(house)
    url = reverse(f"billing:{name}", args=[receipt.id])
    typed = {"reason": "x", "policy": receipt.policy.number}
    assert client_of(house, "viewer").post(url, typed).status_code == 403
    assert world.pages(world.member(world.organization(), "cash")).post(url, typed).status_code == 404
    stranger = world.pages(world.member(world.organization()))
    assert stranger.get(reverse("billing:receipt", args=[receipt.id])).status_code == 404
    assert stranger.get(reverse("billing:suspense-item", args=[deposited(house).id])).status_code == 404


def test_a_full_queue_takes_no_more_questions_than_a_short_one(house: House) -> None:
    client = client_of(house)
    deposited(house)
    few = pages.questions(client, "/billing/suspense/")
    for number in range(4):
        deposited(house, source_id=f"BK-1{number}")
    assert pages.questions(client, "/billing/suspense/") == few


def test_a_transfer_is_taken_back_from_the_page_of_what_arrived(house: House) -> None:
    receipt, other, client = received(house), books.billed(house), client_of(house)
    client.post(reverse("billing:unapply", args=[receipt.id]), {"reason": "It was for the other"})
    typed = {"policy": other.policy.number, "amount": "1,000.00", "reason": "Paid the wrong one"}
    client.post(reverse("billing:transfer", args=[receipt.id]), typed)
    arrived = other.policy.receipts.get()
    url = reverse("billing:bring-back", args=[arrived.id])
    assert url in str(client.get(reverse("billing:receipt", args=[arrived.id])).content)
    assert client_of(house, "viewer").post(url, {"reason": "x"}).status_code == 403
    assert client.post(url, {"reason": ""}).status_code == 422
    assert "The cash is back" in read(client.post(url, {"reason": "It was right"}, follow=True)).text
    assert client.get(reverse("billing:receipt", args=[receipt.id])).context["waiting_minor"] == 535_900
    assert client.post(reverse("billing:bring-back", args=[receipt.id]), {"reason": "x"}).status_code == 422
