"""The ledger pages: both funds apart, both sides equal, every entry traced to what caused it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import User
from payments import refunds
from reconciliation.ledger.models import Account, Entry
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def client_of_finance(house: House) -> Client:
    books.paid(house, books.billed(house))
    return world.pages(world.member(house.operator, "finance"))


def test_what_is_owed_reads_positive_and_names_whom(house: House, client_of_finance: Client) -> None:
    text = read(client_of_finance.get("/ledger/")).text
    assert "Trust (fiduciary)" in text
    assert f"premium_payable Collected premium net of commission, per carrier {house.carrier.name}" in text
    assert "commission_in_trust Collected commission of ours, still in trust" in text
    assert "4,250.00 USD" in text and "750.00 USD" in text
    assert f"sandbox {house.operator.code}" in text, "a processor's account by its name"


def test_the_trial_balance_has_two_equal_sides(client_of_finance: Client) -> None:
    answer = client_of_finance.get("/ledger/trial-balance/")
    (total,) = answer.context["totals"]
    assert total.ties and total.debit_minor == 535_900
    assert "debits equal credits, 5,359.00 USD" in read(answer).text


def test_a_day_before_the_first_posting_is_all_zero(client_of_finance: Client) -> None:
    (total,) = client_of_finance.get("/ledger/trial-balance/?at=2026-02-01").context["totals"]
    assert (total.debit_minor, total.credit_minor) == (0, 0)
    odd = client_of_finance.get("/ledger/trial-balance/?at=yesterday")
    assert odd.status_code == 200 and "Enter a valid date" in read(odd).text


def test_an_account_lists_its_lines_and_their_entries(house: House, client_of_finance: Client) -> None:
    account = Account.objects.get(book=house.book_id, code="processor_clearing")
    page = read(client_of_finance.get(reverse("ledger:account", args=[account.id])))
    assert "payment.taken" in page.links
    assert "Balance, everything posted 5,359.00 USD grows by debit" in page.text


def test_an_entry_shows_its_sides_and_what_caused_it(house: House, client_of_finance: Client) -> None:
    entry = Entry.objects.get(kind="cash.applied")
    page = read(client_of_finance.get(reverse("ledger:entry", args=[entry.id])))
    assert page.links[entry.source_id] == reverse("go", args=[entry.source_id])
    assert page.links[entry.subject_id] == reverse("go", args=[entry.subject_id])
    assert "round(applied so far × rate) − commission before" in page.text, "why the commission"
    assert client_of_finance.get(page.links[entry.source_id], follow=True).status_code == 200


def test_a_reversal_and_what_it_reverses_name_each_other(house: House, client_of_finance: Client) -> None:
    payment = books.paid(house, books.billed(house))
    refunds.submit(refunds.request(payment_id=payment.id, reason="twice", actor=house.me).id)
    undone = Entry.objects.get(kind="payment.undone")
    forth = read(client_of_finance.get(reverse("ledger:entry", args=[undone.id])))
    assert forth.links["payment.taken"] == reverse("ledger:entry", args=[undone.reverses_id])
    back = read(client_of_finance.get(forth.links["payment.taken"]))
    assert back.links["payment.undone"] == reverse("ledger:entry", args=[undone.id])


def test_the_ledger_is_closed_to_roles_without_it_and_to_strangers(house: House, client_of_finance: Client) -> None:
    entry = Entry.objects.get(kind="cash.applied")
    url = reverse("ledger:entry", args=[entry.id])
    assert world.pages(world.member(house.operator, "cash")).get(url).status_code == 403
    assert world.pages(world.member(house.carrier, "admin")).get(url).status_code == 404
    stranger = world.pages(world.member(house.carrier, "admin"))
    assert stranger.get(f"/ledger/?book={house.book_id}").status_code == 404


def test_the_installations_superuser_chooses_among_all_books(house: House, client_of_finance: Client) -> None:
    other = books.open_house()
    books.paid(other, books.billed(other))
    root = world.pages(User.objects.create_superuser("root@example.org", world.PASSWORD))
    assert "book" in read(root.get("/ledger/")).fields
    for each in (house, other):
        text = read(root.get(f"/ledger/?book={each.book_id}")).text
        assert f"Books of {each.operator.name} " in text
        assert f"sandbox {each.operator.code}" in text
