"""The invoice pages: what is asked for and why, and the form that takes a payment."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse

from billing.models import Invoice
from coverpay.kernel import clock
from payments.models import Payment
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db
PAY = {"method": "card", "token": "tok_ok", "amount": "5,359.00"}


def url_of(invoice: Invoice) -> str:
    return reverse("invoice", args=[invoice.id])


def test_every_line_says_why_back_to_the_statute(house: House) -> None:
    invoice = books.billed(house)
    page = read(world.pages(world.member(house.operator, "viewer")).get(url_of(invoice)))
    for words in (
        "Surplus lines tax, installment 1",
        "234.00",
        "surplus lines tax split by the plan's weights",
        "234.00 + 234.00",
        "halves v1",
        "surplus lines tax = rate × (premium)",
        "0.0468",
        "10,000.00",
        "HRS 431:8-315",
        "premium + carrier fee + surplus lines tax",
    ):
        assert words in page.text
    assert page.text.count("Why this amount") == 4, "three lines and the total"


def test_a_payment_is_started_for_what_is_open(house: House) -> None:
    invoice = books.billed(house)
    client = world.pages(world.member(house.operator, "cash"))
    assert client.get(url_of(invoice)).context["form"]["amount"].value() == "5,359.00"
    answer = client.post(url_of(invoice), PAY)
    payment = Payment.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, reverse("payments:detail", args=[payment.id]))
    assert (payment.amount_minor, payment.method, payment.state) == (535_900, "card", "processing")


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        ({"amount": "5,359.01"}, "amount", "Only 5,359.00 USD is open"),
        ({"amount": "-1"}, "amount", "above zero"),
        ({"amount": "many"}, "amount", "is not an amount"),
        ({"token": "999999999999994"}, "token", "looks like a card number"),
        ({"method": "cash"}, "method", "Select a valid choice"),
    ],
)
def test_a_refused_payment_says_so_at_the_field(house: House, change: dict[str, str], name: str, words: str) -> None:
    invoice = books.billed(house)
    answer = world.pages(world.member(house.operator, "cash")).post(url_of(invoice), {**PAY, **change})
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[name])
    assert not Payment.objects.exists()


def test_a_second_payment_while_one_is_alive_is_refused_in_words(house: House) -> None:
    invoice = books.billed(house)
    client = world.pages(world.member(house.operator, "cash"))
    client.post(url_of(invoice), PAY)
    again = client.post(url_of(invoice), PAY)
    assert again.status_code == 422
    assert "wait for its outcome" in read(again).text
    assert Payment.objects.count() == 1
    assert "token" not in read(client.get(url_of(invoice))).fields


def test_a_paid_invoice_and_a_viewer_see_no_form(house: House) -> None:
    invoice = books.billed(house)
    viewer = world.pages(world.member(house.operator, "viewer"))
    carrier = world.pages(world.member(house.carrier, "cash"))
    assert "token" not in read(viewer.get(url_of(invoice))).fields
    assert "token" not in read(carrier.get(url_of(invoice))).fields
    books.paid(house, invoice)
    page = read(world.pages(world.member(house.operator, "cash")).get(url_of(invoice)))
    assert "token" not in page.fields
    assert "Everything on this invoice is paid." in page.text


@pytest.mark.parametrize(("enabled", "count"), [(True, 1), (False, 0)])
def test_sandbox_tokens_are_explained_only_where_the_sandbox_is_on(
    house: House, settings: object, enabled: bool, count: int
) -> None:
    invoice = books.billed(house)
    settings.SANDBOX_ENABLED = enabled  # type: ignore[attr-defined]
    page = read(world.pages(world.member(house.operator, "cash")).get(url_of(invoice)))
    assert page.text.count("Sandbox tokens") == count


def test_the_list_keeps_open_overdue_and_paid_apart(house: House) -> None:
    paid, late = books.billed(house), books.billed(house)
    books.paid(house, paid)
    client = world.pages(world.member(house.operator, "viewer"))

    def shown(show: str) -> list[bool]:
        page = read(client.get(f"/invoices/?show={show}"))
        return [invoice.number in page.links for invoice in (paid, late)]

    assert [shown(show) for show in ("", "open", "overdue", "paid")] == [
        [True, True],
        [False, True],
        [False, True],
        [True, False],
    ]
    with clock.frozen(dt.datetime(2026, 1, 25, tzinfo=dt.UTC)):
        assert shown("overdue") == [False, False]
        assert shown("due") == [False, True]


def test_what_is_due_is_billed_by_a_button_once(house: House) -> None:
    policy = books.bound(house)
    client = world.pages(world.member(house.operator, "billing"))
    button = reverse("billing:issue", args=[policy.id])
    assert button in read(client.get(reverse("policy", args=[policy.id]))).posts_to
    page = read(client.post(button, follow=True))
    assert f"Invoice {policy.number}-001 is issued" in page.text
    assert button not in page.posts_to
    assert "Nothing to bill through 2026-02-02" in read(client.post(button, follow=True)).text
