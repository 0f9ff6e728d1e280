"""The deposit pages: a grid that says what is wrong where, a lockbox file looked at first, what is held placed."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from payments import accounts
from payments.deposits import Item
from payments.models import Deposit
from tests.support import books, lockbox_writer, plain, world
from tests.support.books import House
from tests.support.deposits import standing, taken_in
from tests.support.html import read
from tests.support.lockbox_writer import Paper

pytestmark = pytest.mark.django_db
NEW, LOCKBOX = "payments:new-deposit", "payments:lockbox"


@pytest.fixture
def client(house: House) -> Client:
    return world.pages(world.member(house.operator, "cash"))


def slip(house: House, *rows: dict[str, str], **said: str) -> dict[str, str]:
    """A filled-in grid of twelve rows."""
    typed = {"bank_account": house.bank.id, "kind": "check", "reference": "slip-1", "received_on": "2026-02-02"}
    typed |= {"amount": "6,000.00", "items-TOTAL_FORMS": "12", "items-INITIAL_FORMS": "0"}
    cells = {f"items-{number}-{name}": text for number, row in enumerate(rows) for name, text in row.items()}
    return {**typed, **cells, **said}


def test_a_keyed_stack_is_recorded_and_shows_where_each_check_stands(house: House, client: Client) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    typed = slip(
        house, {"amount": "5,900.00", "reference": policy.number}, {}, {"amount": "100.00", "payor": "Hilo Trading"}
    )
    page = read(client.post(reverse(NEW), typed, follow=True))
    assert "slip-1 is recorded; 1 of its items wait for you." in page.text
    deposit = Deposit.objects.get()
    assert [state for state, _ in standing(deposit)] == ["placed", "suspense"]
    assert f"It names policy {policy.number}." in page.text and "Hilo Trading" in page.text
    assert "slip-1" in read(client.get(reverse("payments:deposits"), {"show": "held"})).links


@pytest.mark.parametrize(
    ("rows", "said", "words"),
    [
        ([{"amount": "5,000.00"}], {}, "The items come to 5,000.00 USD, the deposit to 6,000.00 USD."),
        ([{"reference": "P-1"}], {}, "What does it come to?"),
        ([], {}, "Key at least one item."),
        ([{"amount": "6,000.00", "payor": "IPFS"}], {"kind": "premium_finance"}, "financed in all"),
        ([{"amount": "6,000.00"}], {"reference": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_with_a_slip_is_said_and_nothing_is_lost(
    house: House, client: Client, rows: list[dict[str, str]], said: dict[str, str], words: str
) -> None:
    answer = client.post(reverse(NEW), slip(house, *rows, **said))
    assert answer.status_code == 422 and words in read(answer).text
    assert not Deposit.objects.exists()
    for row in rows:
        assert all(text in answer.content.decode() for text in row.values())


def test_a_lockbox_file_is_shown_first_and_taken_in_as_it_was_shown(house: House, client: Client) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    content = lockbox_writer.file(Paper(600_000, "1", "ALOHA", ((policy.number, 600_000),)), Paper(300))
    typed: dict[str, Any] = {"bank_account": house.bank.id, "file": SimpleUploadedFile("box.txt", content)}
    shown = client.post(reverse(LOCKBOX), typed)
    page = read(shown)
    assert "Find their place: 1" in page.text and "It names no policy, invoice or account." in page.text
    assert not Deposit.objects.exists()
    again = {"bank_account": house.bank.id, "held": shown.context["held"], "confirm": shown.context["confirm"]}
    assert client.post(reverse(LOCKBOX), again).status_code == 302
    assert Deposit.objects.get().amount_minor == 600_300


def test_a_lockbox_file_that_does_not_tie_is_refused_with_every_place(house: House, client: Client) -> None:
    content = lockbox_writer.file(Paper(600), Paper(300)).replace(b"0000000900", b"0000000901")
    typed: dict[str, Any] = {"bank_account": house.bank.id, "file": SimpleUploadedFile("box.txt", content)}
    answer = client.post(reverse(LOCKBOX), typed)
    text = read(answer).text
    assert answer.status_code == 422
    assert "batch total is 9.01, its checks come to 9.00" in text and "lockbox total is 9.01" in text
    for typed, words in (({}, "This field is required."), ({"held": "!"}, "Choose the file.")):
        assert words in read(client.post(reverse(LOCKBOX), {"bank_account": house.bank.id, **typed})).text


def test_a_held_item_is_placed_by_the_likeliest_policy_taken_out_and_taken_back(house: House, client: Client) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    (item,) = taken_in(house, Item(600_000, f"{policy.number}X", "Aloha Foods")).items.all()

    def url(verb: str) -> str:
        return reverse(f"payments:{verb}-deposit-item", args=[item.id])

    page = read(client.get(url("place")))
    assert policy.number in page.links and "is like the policy number" in page.text
    assert client.post(url("place"), {"policy": "P-?", "reason": "?"}).status_code == 422
    client.post(url("place"), {"policy": policy.number, "reason": "Payor called"})
    assert standing(item.deposit) == [("placed", "Payor called")]
    client.post(url("take-out"), {"reason": "Wrong"})
    assert client.post(url("take-out"), {"reason": "Again"}).status_code == 422
    client.post(url("bounce"), {"reason": "NSF", "returned_on": "2026-02-02"})
    assert standing(item.deposit) == [("bounced", "Returned by the bank: NSF")]
    assert client.post(url("send-back"), {"reason": "Again"}).status_code == 422
    assert books.balance(house, "trust_cash") == 0


def test_a_viewer_sees_deposits_and_no_buttons(house: House) -> None:
    deposit = taken_in(house, Item(100, "?"))
    viewer = world.pages(world.member(house.operator, "viewer"))
    page = read(viewer.get(reverse("payments:deposit", args=[deposit.id])))
    assert "Place…" not in page.text and "In suspense" in page.text
    assert "Record a deposit" not in read(viewer.get(reverse("payments:deposits"))).links


def test_a_check_in_the_mail_is_expected_from_the_invoice_and_waits(house: House, client: Client) -> None:
    invoice = books.billed(house)
    url = reverse("payments:announce", args=[invoice.id])
    assert url in read(client.get(reverse("invoice", args=[invoice.id]))).links.values()
    typed = {"method": "check", "amount": "5,359.00", "note": "1001, by post"}
    refused = client.post(url, typed)
    assert refused.status_code == 422 and "No gateway takes" in read(refused).text
    accounts.open_account(gateway="manual", merchant="desk", bank_account_id=house.bank.id, actor=house.me)
    accounts.publish_routing(rules=[{"gateway": "manual"}], effective_from=books.SINCE, actor=house.me)
    page = read(client.post(url, typed, follow=True))
    assert "The payment is expected" in page.text
    assert url not in read(client.get(reverse("invoice", args=[invoice.id]))).links.values(), "one at a time"
