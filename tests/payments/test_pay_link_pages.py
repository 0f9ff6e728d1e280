"""Sending pay links and paying batches, in the back office and by API."""

from __future__ import annotations

import pytest
from django.urls import reverse

from billing import accounts
from compliance.permissions import Permission
from payments.models import PayLink, Payment
from policies.parties import PartyDetails
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read
from tests.support.payors import Payor

pytestmark = pytest.mark.django_db

SENT = {"days": "7", "single_use": "on"}


def test_a_link_is_sent_from_an_invoice_a_policy_and_an_account_and_shown_once(house: House) -> None:
    client = world.pages(world.member(house.operator, "cash"))
    invoice = books.billed(house)
    account = accounts.open_account(
        number="A-7", payor_id=invoice.policy.insured_id, mode="account_bill", actor=house.me
    )
    pages = {"invoice": invoice.id, "policy": invoice.policy_id, "account": account.id}
    for name, id in pages.items():
        address = reverse(f"payments:{name}-pay-link", args=[id])
        assert "Make link" in read(client.get(address)).text
        answer = client.post(address, SENT)
        assert answer.headers["Cache-Control"] == "no-store"
        url = answer.context["issued"].url
        assert url in read(answer).text
        assert Payor().opens(url).status_code == 302
        assert url.rstrip("/").rpartition("/")[2] not in read(client.get(reverse("payments:pay-links"))).text
    assert list(PayLink.objects.order_by("id").values_list("single_use", flat=True)) == [True] * 3


def test_pages_lead_to_the_form_for_who_may_send_and_not_for_others(house: House) -> None:
    invoice = books.billed(house)
    finance = world.pages(world.member(house.operator, "finance"))
    viewer = world.pages(world.member(house.operator, "viewer"))
    for address in (reverse("invoice", args=[invoice.id]), reverse("policy", args=[invoice.policy_id])):
        assert "Send pay link…" in read(finance.get(address)).links
        assert "Send pay link…" not in read(viewer.get(address)).links
    assert viewer.get(reverse("payments:invoice-pay-link", args=[invoice.id])).status_code == 403


def test_a_link_without_an_address_is_not_mailed_and_the_form_says_so(house: House) -> None:
    client = world.pages(world.member(house.operator, "cash"))
    invoice = books.billed(house)
    address = reverse("payments:invoice-pay-link", args=[invoice.id])
    refused = client.post(address, {**SENT, "by_mail": "on"})
    assert refused.status_code == 422 and "No e-mail address" in read(refused).text
    known = PartyDetails(reference="INS-M", name="Aloha Foods", email="a@example.org")
    invoice = books.billed(house, insured=known)
    sent = client.post(reverse("payments:invoice-pay-link", args=[invoice.id]), {**SENT, "by_mail": "on"})
    assert "on its way to a@example.org" in read(sent).text


def test_the_list_says_how_links_stand_and_takes_one_back(house: House) -> None:
    client = world.pages(world.member(house.operator, "cash"))
    address = reverse("payments:invoice-pay-link", args=[books.billed(house).id])
    url = client.post(address, SENT).context["issued"].url
    page = read(client.get(reverse("payments:pay-links")))
    assert "Open" in page.text
    link = PayLink.objects.get()
    client.post(reverse("payments:revoke-pay-link", args=[link.id]))
    assert "Revoked" in read(client.get(reverse("payments:pay-links"))).text
    assert Payor().opens(url).status_code == 410


def test_a_batch_is_looked_at_then_paid_without_its_refused_lines(house: House) -> None:
    client = world.pages(world.member(house.operator, "cash"))
    first, second = books.billed(house), books.billed(house)
    books.paid(house, second)
    address = reverse("payments:batch")
    assert first.number in client.get(address).context["form"].initial["lines"]
    asked = {"lines": f"{first.number}, 100.00\n{second.number}\n", "method": "ach", "token": "tok_ok"}
    looked = client.post(address, asked)
    assert "Nothing is open on this invoice." in read(looked).text
    assert Payment.objects.filter(initiator="agency").count() == 0
    paid = client.post(address, {**asked, "confirm": looked.context["confirm"]}, follow=True)
    assert "1 invoices are being paid: 100.00 USD in 1 payments." in read(paid).text
    assert Payment.objects.get(initiator="agency").amount_minor == 100_00
    books.billed(house)
    other = books.billed(house)
    odd = read(client.post(address, {**asked, "lines": f"{other.number}, many\n\n{other.number},1e3\n"}))
    assert odd.text.count("Refused") == 2 and "Pay 0.00" not in odd.text


def test_links_by_api_show_their_address_once(house: House) -> None:
    api, invoice = world.api(house.operator), books.billed(house)
    made = api.post("pay-links", {"invoice": invoice.id, "days": 3}).json()
    assert Payor().opens(made["url"]).status_code == 302
    (listed,) = api.get("pay-links", policy=invoice.policy_id).json()["data"]
    assert (listed["state"], "url" in listed, listed["opened_at"] is not None) == ("open", False, True)
    gone = api.post(f"pay-links/{made['id']}/revoke", {"reason": "wrong person"}).json()
    assert gone["state"] == "revoked"
    refused = api.post("pay-links", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


def test_batches_by_api_refuse_by_line_and_pay_together(house: House) -> None:
    agency = world.organization("agency")
    api = world.api(agency, Permission.PAYMENTS_WRITE, Permission.PAYMENTS_READ)
    mine, strange = books.billed(house), books.billed(house)
    mine.policy.participants.create(organization=agency, role="agency")
    items = [{"invoice": mine.id}, {"invoice": strange.id}]
    looked = api.post("payment-batches/preview", {"items": items}).json()
    assert [(line["invoice"], line["code"]) for line in looked["lines"]] == [(mine.id, ""), (None, "line_unknown")]
    refused = api.post("payment-batches", {"items": items, "method": "ach", "token": "tok_ok"})
    assert (refused.status_code, refused.json()["code"]) == (422, "batch_refused")
    assert refused.json()["lines"] == [
        {"position": 2, "code": "line_unknown", "detail": "No invoice of your policies is this."}
    ]
    paid = api.post("payment-batches", {"items": items[:1], "method": "ach", "token": "tok_ok"}).json()
    (payment,) = paid["payments"]
    assert (payment["invoices"], payment["amount_minor"]) == ([mine.id], 535_900)


def test_method_fees_by_api_are_versions(house: House) -> None:
    api = world.api(house.operator)
    spec = {"channels": {"web": {"ach": {"flat": "1.00"}}}}
    made = api.post("method-fees", {"spec": spec, "effective_from": "2026-02-02"}).json()
    assert (made["number"], made["spec"]) == (1, spec)
    refused = api.post("method-fees", {"spec": {"fees": 1}, "effective_from": "2026-02-02"})
    assert (refused.status_code, refused.json()["code"]) == (422, "method_fees_unreadable")


def test_method_fees_are_published_on_their_page_and_refused_at_the_spec(house: House) -> None:
    client = world.pages(world.member(house.operator, "admin"))
    address = reverse("payments:method-fees")
    assert "Paying costs nothing" in read(client.get(address)).text
    spec = '{"payee": "broker", "channels": {"web": {"ach": {"flat": "1.00"}}}}'
    done = client.post(address, {"effective_from": "2026-03-01", "spec": spec}, follow=True)
    text = read(done).text
    assert "Version 1 counts from 2026-03-01 on." in text and "broker" in text
    refused = client.post(address, {"effective_from": "2026-03-01", "spec": '{"payee": "bank"}'})
    assert refused.status_code == 422 and refused.context["form"].errors["spec"]
    viewer = world.pages(world.member(house.operator, "viewer"))
    assert "Next version" not in read(viewer.get(address)).text
