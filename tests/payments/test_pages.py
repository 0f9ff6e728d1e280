"""The payment pages: where the money is, giving it back, deciding what nobody could, payouts."""

from __future__ import annotations

import pytest
from django.urls import reverse

from coverpay.kernel import clock
from payments import attempts, refunds, settlement
from payments.gateways.sandbox import Sandbox
from payments.models import InboundEvent, Payment
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db


def url_of(payment: Payment) -> str:
    return reverse("payments:detail", args=[payment.id])


def test_a_payment_says_where_its_money_is(house: House, sandbox: Sandbox) -> None:
    client = world.pages(world.member(house.operator, "finance"))
    attempt = books.collecting(house, books.billed(house))
    payment = attempt.payment

    def here() -> str:
        return next(stop.title for stop in client.get(url_of(payment)).context["stops"] if stop.here)

    assert here() == "Initiated"
    attempts.submit(attempt.id)
    assert here() == "At the processor"
    sandbox.close_day(house.account.merchant, clock.today())
    (payout,) = settlement.import_payouts(account_id=house.account.id, since=clock.today(), actor=house.me)
    assert here() == "In a payout"
    page = read(client.get(url_of(payment)))
    assert payout.reference in page.links
    assert "payment.taken" in page.links and "payout.recorded" in page.links
    assert "card goes to sandbox" in page.text, "why this processor"


def test_the_books_of_a_payment_are_shown_to_those_who_may_read_the_ledger(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    page = read(world.pages(world.member(house.operator, "cash")).get(url_of(payment)))
    assert payment.invoice.number in page.links
    assert "payment.taken" not in page.text


def test_a_declined_payment_shows_the_answer_and_no_refund(house: House) -> None:
    payment = books.paid(house, books.billed(house), "tok_decline_insufficient_funds")
    page = read(world.pages(world.member(house.operator, "cash")).get(url_of(payment)))
    assert "insufficient_funds" in page.text and "no money moved" in page.text
    assert "Refund" not in page.links


def test_a_refund_needs_a_reason_and_is_asked_once(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    client = world.pages(world.member(house.operator, "cash"))
    url = reverse("payments:refund", args=[payment.id])
    assert read(client.get(url_of(payment))).links["Refund"] == url
    assert client.post(url, {"reason": ""}).status_code == 422
    page = read(client.post(url, {"reason": "paid twice"}, follow=True))
    assert "The refund is on its way" in page.text and "paid twice" in page.text
    again = client.post(url, {"reason": "again"})
    assert again.status_code == 422 and "on its way" in read(again).text
    refunds.submit(payment.refunds.get().id)
    assert "Refund" not in read(client.get(url_of(payment))).links


def test_a_viewer_sees_no_refund_button(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    page = read(world.pages(world.member(house.operator, "viewer")).get(url_of(payment)))
    assert "Refund" not in page.links


def test_an_unknown_outcome_is_decided_by_a_person_with_a_reason(house: House) -> None:
    payment = books.paid(house, books.billed(house), "tok_timeout_taken")
    attempt = payment.attempts.get()
    client = world.pages(world.member(house.operator, "finance"))
    url = reverse("payments:resolve", args=[attempt.id])
    page = read(client.get(url_of(payment)))
    assert "Nobody can say yet whether the money moved" in page.text
    assert page.links["Decide it"] == url
    assert client.post(url, {"taken": "yes", "reason": " "}).status_code == 422
    page = read(client.post(url, {"taken": "yes", "reason": "seen in their console"}, follow=True))
    assert "Attempt 1 is decided: succeeded." in page.text
    assert Payment.objects.get(pk=payment.pk).state == "succeeded"
    assert client.post(url, {"taken": "no", "reason": "twice"}).status_code == 422


def test_the_lists_find_what_needs_a_person(house: House) -> None:
    unknown = books.paid(house, books.billed(house), "tok_timeout_taken")
    good = books.paid(house, books.billed(house))
    client = world.pages(world.member(house.operator, "cash"))

    def listed(query: str) -> list[bool]:
        page = read(client.get(f"/payments/?{query}"))
        return [payment.invoice.number in page.links for payment in (unknown, good)]

    assert listed("show=unknown") == [True, False]
    assert listed("show=succeeded") == [False, True]
    assert listed(f"q={good.invoice.number}") == [False, True]
    assert listed("") == [True, True]


def test_payouts_are_fetched_and_shown_line_by_line(house: House, sandbox: Sandbox) -> None:
    payment = books.paid(house, books.billed(house))
    sandbox.close_day(house.account.merchant, clock.today())
    client = world.pages(world.member(house.operator, "finance"))
    asked = {"account": house.account.id, "since": "2026-01-01"}
    page = read(client.post("/payouts/", asked, follow=True))
    assert "lists 1 payouts" in page.text
    payout = house.account.payouts.get()
    page = read(client.get(page.links[payout.reference]))
    assert payment.attempts.get().id in page.links
    assert "5,359.00" in page.text and "155.71" in page.text and "5,203.29" in page.text
    assert "Not seen at the bank yet" in page.text


def test_only_those_who_reconcile_fetch_payouts(house: House) -> None:
    client = world.pages(world.member(house.operator, "cash"))
    assert "since" not in read(client.get("/payouts/")).fields
    assert client.post("/payouts/", {"account": house.account.id, "since": "2026-01-01"}).status_code == 403


def test_webhooks_set_aside_are_listed_apart(house: House) -> None:
    for external_id, state in (("evt_good", "processed"), ("evt_odd", "quarantined")):
        event = InboundEvent.objects.create(account=house.account, external_id=external_id, body=b"{}")
        InboundEvent.objects.filter(pk=event.pk).update(state=state)
    client = world.pages(world.member(house.operator, "cash"))
    text = read(client.get("/inbound/?state=quarantined")).text
    assert "evt_odd" in text and "evt_good" not in text
    assert "evt_good" in read(client.get("/inbound/")).text


def test_a_payment_on_its_way_follows_by_itself_and_says_so_until_it_is_decided(house: House) -> None:
    client = world.pages(world.member(house.operator, "cash"))
    attempt = books.collecting(house, books.billed(house))
    assert "This page follows by itself" in read(client.get(url_of(attempt.payment))).text
    attempts.submit(attempt.id)
    assert "This page follows by itself" not in read(client.get(url_of(attempt.payment))).text
