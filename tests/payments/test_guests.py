"""Guests find a bill by its number and postal code, and whoever guesses learns nothing and waits."""

from __future__ import annotations

import datetime as dt

import pytest
from django.http import HttpResponse
from django.urls import reverse

from billing import accounts, invoices
from billing.models import Invoice
from compliance.models import AuditEntry
from coverpay.kernel import clock
from payments.models import PayLink
from policies.parties import PartyDetails
from tests.support import books, payors
from tests.support.books import House
from tests.support.html import read
from tests.support.payors import Payor

pytestmark = pytest.mark.django_db

INSURED = PartyDetails(reference="INS-G", name="Aloha Foods", postal_code="96813-1200", email="a@example.org")


@pytest.fixture
def invoice(house: House) -> Invoice:
    return books.billed(house, number="HI-77", insured=INSURED)


def asks(payor: Payor, house: House, number: str = "HI-77", code: str = "96813") -> HttpResponse:
    address = reverse("pay:guest", args=[house.operator.code])
    answer = payor.client.post(address, {"number": number, "postal_code": code})
    if answer.status_code == 302:
        payor.link_id = answer["Location"].split("/")[3]
    return answer


def test_a_guest_finds_the_bill_and_pays_it(house: House, invoice: Invoice) -> None:
    guest = Payor()
    assert asks(guest, house).status_code == 302
    page = read(guest.sees())
    assert f"Bill {invoice.number}" in page.text
    assert "keep" not in page.fields and "autopay" not in page.fields
    guest.chooses([invoice.id])
    guest.confirms()
    payors.work()
    page = read(guest.sees("status"))
    assert "Paid. Thank you." in page.text
    for secret in ("Aloha", "a@example.org", "96813"):
        assert secret not in page.text


def test_a_wrong_number_and_a_wrong_postal_code_get_the_same_answer(house: House, invoice: Invoice) -> None:
    wrong_code = asks(Payor(), house, code="96814")
    wrong_number = asks(Payor("192.0.2.8"), house, number="HI-78")
    texts = [read(answer).text for answer in (wrong_code, wrong_number)]
    assert texts[0] == texts[1] and "We found no bill" in texts[0]
    assert [wrong_code.status_code, wrong_number.status_code] == [422, 422]
    assert wrong_code.headers.keys() == wrong_number.headers.keys()
    kept = AuditEntry.objects.filter(action="guest.refuse").order_by("id")
    assert [entry.object_id for entry in kept] == [invoice.policy_id, ""]
    assert "96814" not in str([entry.after for entry in kept])


def test_a_number_that_is_guessed_at_waits_longer_and_longer_also_for_who_knows_it(
    house: House, invoice: Invoice
) -> None:
    for number in range(4):
        assert asks(Payor(f"192.0.2.{number}"), house, code=f"1000{number}").status_code == 422
    locked = asks(Payor("192.0.2.99"), house)
    assert (locked.status_code, locked.headers["Retry-After"]) == (429, "61")
    clock.advance(dt.timedelta(minutes=1))
    assert asks(Payor("192.0.2.99"), house, code="99999").status_code == 422
    assert asks(Payor("192.0.2.99"), house).headers["Retry-After"] == "121"
    clock.advance(dt.timedelta(minutes=2))
    assert asks(Payor("192.0.2.99"), house).status_code == 302


def test_a_number_that_is_not_there_waits_like_one_that_is(house: House, invoice: Invoice) -> None:
    for number in range(4):
        asks(Payor(f"192.0.2.{number}"), house, number="NOTHING")
    assert asks(Payor("192.0.2.99"), house, number="NOTHING").status_code == 429


def test_an_address_that_guesses_many_numbers_waits(house: House, invoice: Invoice) -> None:
    for number in range(11):
        assert asks(Payor(), house, number=f"P-9{number}").status_code == 422
    assert asks(Payor(), house).status_code == 429
    assert asks(Payor("192.0.2.8"), house).status_code == 302


def test_a_guest_of_an_account_sees_what_is_open_and_policies_by_their_end(house: House) -> None:
    policy = books.bound(house, number="SECRET-1234", insured=INSURED)
    account = accounts.open_account(number="ACC-9", payor_id=policy.insured_id, mode="separate", actor=house.me)
    accounts.attach(account_id=account.id, policy_ids=[policy.id], actor=house.me)
    invoices.issue(policy_id=policy.id, actor=house.me)
    guest = Payor()
    asks(guest, house, number="ACC-9", code="968131200")
    text = read(guest.sees()).text
    assert "···T-1234" in text
    guest.chooses([invoice.id for invoice in account.invoices.all()])
    texts = [text, read(guest.sees("review")).text, read(guest.confirms()).text, read(guest.sees("status")).text]
    assert not [text for text in texts if "SECRET-1234" in text]


def test_a_guests_page_ends_after_half_an_hour(house: House, invoice: Invoice) -> None:
    guest = Payor()
    asks(guest, house)
    assert PayLink.objects.get().party is None
    clock.advance(dt.timedelta(minutes=30))
    assert guest.sees().status_code == 410


def test_an_organization_that_is_not_there_has_no_page(house: House) -> None:
    assert Payor().client.get(reverse("pay:guest", args=["nobody"])).status_code == 404
    assert Payor().client.get(reverse("pay:guest", args=[house.operator.code])).status_code == 200


def test_a_guest_who_types_an_account_that_is_kept_agrees_all_the_same(house: House, invoice: Invoice) -> None:
    known, _ = payors.linked(house, invoice_id=books.billed(house, insured=INSURED).id)
    known.chooses([PayLink.objects.get().invoice_id], way="ach", keep="on")
    known.confirms(agree="yes")
    guest = Payor()
    asks(guest, house)
    guest.chooses([invoice.id], way="ach")
    assert "I authorize" in read(guest.sees("review")).text
    assert guest.confirms().status_code == 422
    assert guest.confirms(agree="yes").status_code == 302
