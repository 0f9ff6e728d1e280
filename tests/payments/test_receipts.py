"""Receipts: an e-mail to who paid by themselves, once; a document of the same."""

from __future__ import annotations

import pytest

from coverpay.kernel.errors import Invalid
from payments import messages, pay_links, receipt_letters, receipts
from payments.models import Message, Payment
from policies.parties import PartyDetails
from tests.support import books, payors
from tests.support.books import House
from tests.support.payors import linked

pytestmark = pytest.mark.django_db

INSURED = PartyDetails(reference="INS-R", name="Aloha Foods", email="aloha@example.org")


def test_who_pays_by_a_link_gets_one_receipt_by_mail(house: House) -> None:
    invoice = books.billed(house, insured=INSURED)
    payor, _ = linked(house, invoice_id=invoice.id)
    payor.chooses([invoice.id])
    payor.confirms()
    payors.work()
    message = Message.objects.get()
    assert (message.template, message.to, message.state) == ("receipt", "aloha@example.org", "due")
    assert message.subject == "Receipt for your payment of 5,359.00 USD"
    for words in ("by Visa ending in 4242", f"Bill {invoice.number}: 5,359.00 USD"):
        assert words in message.body


def test_what_staff_collects_sends_no_receipt(house: House) -> None:
    books.paid(house, books.billed(house, insured=INSURED))
    assert not Message.objects.filter(template="receipt").exists()


def test_the_document_says_what_was_paid_and_how_it_stands(house: House) -> None:
    invoice = books.billed(house, insured=INSURED)
    payment = books.paid(house, invoice)
    letter = receipt_letters.receipt_letter(receipts.of(payment))
    assert letter.due is not None
    assert (letter.recipient.name, letter.due.amount, letter.due.note) == ("Aloha Foods", "5,359.00 USD", "Thank you.")
    assert letter.sections[0].rows == [[invoice.policy.number, invoice.number, "5,359.00"]]
    payment.bounce()
    letter = receipt_letters.receipt_letter(receipts.of(payment))
    assert letter.due is not None and "owed again" in letter.due.note


def test_a_link_goes_by_mail_and_its_secret_is_not_shown_to_staff(house: House) -> None:
    invoice = books.billed(house, insured=INSURED)
    _, url = pay_links.create(invoice_id=invoice.id, by_mail=True, actor=house.me)
    message = Message.objects.get()
    assert url in message.body and message.to == "aloha@example.org"
    assert url.rpartition("/pay/")[2] not in messages.shown_body(message)
    assert Payment.objects.count() == 0


def test_a_link_cannot_be_mailed_to_nobody(house: House) -> None:
    with pytest.raises(Invalid) as refused:
        pay_links.create(invoice_id=books.billed(house).id, by_mail=True, actor=house.me)
    assert refused.value.field == "by_mail"
