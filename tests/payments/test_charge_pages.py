"""What is done to payments by page and API: refunds in part, captures, stops, disputes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from coverpay.dashboard import timeline
from payments import attempts
from payments.models import Attempt, Dispute, Payment, Refund
from tests.payments.test_parts import together
from tests.support import books, disputed, world
from tests.support.books import House
from tests.support.html import Page, read

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(house: House) -> Client:
    return world.pages(world.member(house.operator))


@pytest.fixture
def api(house: House) -> Any:
    return world.Api(world.token(house.operator))


def page(client: Client, address: str) -> Page:
    answer = client.get(address)
    assert answer.status_code == 200
    return read(answer)


def post(client: Client, address: str, **data: Any) -> Page:
    return read(client.post(address, data, follow=True))


def test_a_payment_of_several_invoices_shows_each_and_the_fee(house: House, client: Client) -> None:
    payment = together(house, books.billed(house), books.billed(house), surcharge=5_00)
    shown = page(client, f"/payments/{payment.id}/").text
    assert "What it pays" in shown
    assert "Fee for the method" in shown and "5.00" in shown


def test_every_policy_that_is_paid_shows_the_payment_and_its_dispute(house: House, client: Client) -> None:
    first, second = books.billed(house), books.billed(house)
    payment = together(house, first, second)
    disputed.dispute_of(house, payment)
    for invoice in (first, second):
        titles = [moment.title for moment in timeline.of(house.me, invoice.policy)]
        assert titles.count("Payment by card") == 1 and titles.count("Disputed by the payor") == 1
        assert "Posted dispute.withdrawn" in titles
        assert payment.id in client.get(reverse("invoice", args=[invoice.id])).content.decode()


def test_a_part_is_refunded_from_the_page(house: House, client: Client) -> None:
    payment = books.paid(house, books.billed(house))
    form = page(client, f"/payments/{payment.id}/refund/").text
    assert "Up to 5,359.00 USD can go back" in form
    said = post(client, f"/payments/{payment.id}/refund/", amount="100.00", reason="too much").text
    assert "on its way to the processor" in said
    assert Refund.objects.get().amount_minor == 100_00


def test_a_large_refund_asks_for_approval_the_first_time(house: House, client: Client, settings: Any) -> None:
    settings.REFUND_LIMIT_MINOR = 100_00
    payment = books.paid(house, books.billed(house))
    said = post(client, f"/payments/{payment.id}/refund/", amount="100.01", reason="too much").text
    assert "Approval is asked for" in said
    again = post(client, f"/payments/{payment.id}/refund/", amount="100.01", reason="too much").text
    assert "waits for someone else's approval" in again
    assert not Refund.objects.exists()


def test_held_money_is_captured_or_let_go_from_the_page(house: House, client: Client) -> None:
    payment = disputed.held(house)
    assert "is held, and not taken yet" in page(client, f"/payments/{payment.id}/").text
    post(client, f"/payments/{payment.id}/capture/", amount="5,000.00")
    attempts.sweep()
    assert Attempt.objects.get().taken_minor == 500_000
    other = disputed.held(house)
    assert "asked to let the money go" in post(client, f"/payments/{other.id}/let-go/", reason="twice").text


def test_a_payment_that_waits_is_stopped_from_the_page(house: House, client: Client) -> None:
    payment = books.collecting(house, books.billed(house)).payment
    assert "Stop payment" in page(client, f"/payments/{payment.id}/").text
    assert "It is stopped." in post(client, f"/payments/{payment.id}/stop/", reason="payor called").text
    assert "nothing to stop" in post(client, f"/payments/{payment.id}/stop/", reason="again").text


def test_a_refund_nobody_can_tell_of_is_decided_by_a_person(house: House, client: Client) -> None:
    refund = disputed.unknown_refund(house)
    assert "Decide it" in page(client, f"/payments/{refund.payment_id}/").text
    said = post(client, f"/refunds/{refund.id}/resolve/", given="yes", reason="seen in the portal").text
    assert "The refund is decided: succeeded." in said


def test_a_dispute_is_listed_with_its_day_and_contested(house: House, client: Client) -> None:
    dispute = disputed.dispute_of(house, books.paid(house, books.billed(house)))
    assert "fraudulent" in page(client, "/disputes/").text
    assert "No dispute fits" in page(client, "/disputes/?show=won").text
    assert "Answer by" in page(client, f"/disputes/{dispute.id}/").text
    refused = post(client, f"/disputes/{dispute.id}/contest/", explanation="card 4242 4242 4242 4242").text
    assert "looks like a card number" in refused and "4242 4242 4242 4242" not in refused
    said = post(client, f"/disputes/{dispute.id}/contest/", explanation="Cover was in force.").text
    assert "The evidence is on its way" in said and "Cover was in force." in said
    assert "waits for no answer" in post(client, f"/disputes/{dispute.id}/accept/", reason="no").text


def test_the_api_takes_several_invoices_and_says_what_each_part_pays(house: House, api: Any) -> None:
    first, second = books.billed(house), books.billed(house)
    items = [{"invoice": first.id, "amount_minor": 100_00}, {"invoice": second.id}]
    made = api.post("payments", {"items": items, "method": "card", "token": "tok_ok", "capture": False})
    assert made.status_code == 201, made.content
    assert [part["amount_minor"] for part in made.json()["parts"]] == [100_00, 535_900]
    payment = made.json()["id"]
    for name, of in (("invoice", second.id), ("policy", second.policy_id), ("policy", first.policy_id)):
        assert [row["id"] for row in api.get("payments", **{name: of}).json()["data"]] == [payment]
    attempts.sweep()
    assert api.post(f"payments/{payment}/capture", {"amount_minor": 100_00}).status_code == 200
    attempts.sweep()
    refund = api.post(f"payments/{payment}/refund", {"reason": "too much", "amount_minor": 50_00})
    assert (refund.status_code, refund.json()["amount_minor"]) == (200, 50_00)
    both = api.post("payments", {"items": items, "invoice": first.id, "method": "card", "token": "tok_ok"})
    assert (both.status_code, both.json()["field"]) == (422, "invoice")


def test_the_api_stops_lets_go_and_answers_disputes(house: House, api: Any) -> None:
    waiting = books.collecting(house, books.billed(house)).payment
    assert api.post(f"payments/{waiting.id}/stop", {"reason": "payor called"}).json()["state"] == "failed"
    held = disputed.held(house)
    assert api.post(f"payments/{held.id}/void", {"reason": "twice"}).status_code == 200
    dispute = disputed.dispute_of(house, books.paid(house, books.billed(house)))
    answered = api.post(f"disputes/{dispute.id}/contest", {"explanation": "Cover was in force."})
    assert (answered.status_code, answered.json()["answer"]) == (200, "contest")
    assert Dispute.objects.get().evidence == {"explanation": "Cover was in force."}
    refund = disputed.unknown_refund(house)
    decided = api.post(f"refunds/{refund.id}/resolve", {"given": False, "reason": "portal"})
    assert decided.json()["state"] == "declined"
    assert Payment.objects.get(pk=refund.payment_id).state == "succeeded"
