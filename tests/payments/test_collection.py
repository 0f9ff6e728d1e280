"""Starting to collect: one live charge per invoice, routed with reasons, and no card number anywhere."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import Invoice
from compliance.models import AuditEntry, EventRecord
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.card_numbers import CardNumberRefused
from coverpay.kernel.errors import DomainError, Forbidden, NotFound
from payments import attempts, collection
from payments.collection import AmountAboveOpen, NothingOwed, PaymentInProgress
from payments.models import Attempt, Payment
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db


def collect(house: House, invoice: Invoice, **changes: Any) -> Payment:
    asked = {"invoice_id": invoice.id, "method": "card", "token": "tok_ok", "actor": house.me}
    return collection.collect(**{**asked, **changes})


def test_a_charge_is_planned_under_a_key_of_ours_with_the_reasons_of_its_route(house: House) -> None:
    payment = collect(house, books.billed(house))
    attempt = payment.attempts.get()
    assert (payment.state, payment.amount_minor, attempt.state, attempt.submit_count) == (
        "processing", 535_900, "planned", 0,
    )  # fmt: skip
    chosen = {"account": house.account.id, "table": "routing v1", "rule": 1, "alternatives": []}
    assert attempt.routing.items() >= chosen.items()
    assert attempt.routing["reasons"][-1] == "rule 1: card goes to sandbox"
    assert EventRecord.objects.get(type="payment.created").object_id == payment.id
    assert AuditEntry.objects.get(action="payment.create").after["attempt"] == attempt.id


def test_a_second_charge_of_the_same_invoice_waits_for_the_first(house: House) -> None:
    invoice = books.billed(house)
    first = collect(house, invoice)
    with pytest.raises(PaymentInProgress) as refused:
        collect(house, invoice)
    assert (refused.value.status, refused.value.field, refused.value.extra["payment"]) == (409, "invoice", first.id)
    collect(house, books.billed(house))  # another invoice is free


@pytest.mark.parametrize("token", ["tok_timeout_taken", "tok_pending_ok", "tok_wrong_amount", "tok_not_sent"])
def test_an_invoice_whose_charge_is_unknown_pending_or_unsent_is_blocked(house: House, token: str) -> None:
    invoice = books.billed(house)
    books.paid(house, invoice, token)
    with pytest.raises(PaymentInProgress):
        collect(house, invoice)


def test_a_declined_charge_frees_the_invoice_for_the_next(house: House) -> None:
    invoice = books.billed(house)
    assert books.paid(house, invoice, "tok_decline_expired_card").state == "failed"
    assert books.paid(house, invoice).state == "succeeded"
    with pytest.raises(NothingOwed) as refused:
        collect(house, invoice)
    assert refused.value.field == "invoice"


def test_a_part_may_be_collected_and_no_more_than_is_open(house: House) -> None:
    invoice = books.billed(house)
    assert books.paid(house, invoice, amount_minor=500_000).amount_minor == 500_000
    for amount in (35_901, 10**30):
        with pytest.raises(AmountAboveOpen, match=r"359\.00") as refused:
            collect(house, invoice, amount_minor=amount)
        assert refused.value.field == "amount_minor"
    assert books.paid(house, invoice).amount_minor == 35_900
    assert Invoice.objects.get(pk=invoice.id).state == "paid"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"method": "cash"}, "method"),
        ({"token": "  "}, "token"),
        ({"token": "x" * 121}, "token"),
        ({"token": "tok\x00"}, "token"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -1}, "amount_minor"),
    ],
)
def test_what_cannot_be_collected_is_refused_by_field(house: House, changes: dict[str, Any], field: str) -> None:
    invoice = books.billed(house)
    with pytest.raises(DomainError) as refused:
        collect(house, invoice, **changes)
    assert (refused.value.status, refused.value.field) == (422, field)
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    "number", ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "4242.4242.4242.4242",
               "378282246310005", " 6011111111111117 ", "\u0664\u0662\u0664\u0662" * 4],
)  # fmt: skip
def test_a_card_number_is_refused_and_kept_nowhere(house: House, number: str) -> None:
    with pytest.raises(CardNumberRefused) as refused:
        collect(house, books.billed(house), token=number)
    assert refused.value.field == "token"
    assert number.strip() not in refused.value.message
    assert not Attempt.objects.exists()


@pytest.mark.parametrize("token", ["4242424242424241", "tok_4242424242424242", "12345678901", "²²²²²²²²²²²²²"])
def test_a_token_that_is_no_card_number_passes(house: House, token: str) -> None:
    assert collect(house, books.billed(house), token=token).token == token


def test_collecting_takes_the_permission_and_the_own_invoice(house: House) -> None:
    invoice = books.billed(house)
    with pytest.raises(Forbidden):
        collect(house, invoice, actor=Actor("user", "u", house.operator.id, frozenset({Permission.PAYMENTS_READ})))
    with pytest.raises(NotFound):
        collect(house, invoice, actor=Actor("user", "u", house.carrier.id, frozenset(Permission)))


def test_nothing_is_sent_before_the_commit(house: House) -> None:
    books.collecting(house, books.billed(house))
    assert books.charges(house) == []
    attempts.sweep()
    assert len(books.charges(house)) == 1
