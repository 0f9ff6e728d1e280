"""How a card or bank account is entered: in the processor's own element, or as a number that nobody sees again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse

from billing import invoices
from billing.models import Invoice
from compliance.models import AuditEntry, EventRecord
from payments import accounts, routes
from payments.gateways.base import SetupReport
from payments.models import AchEntry, Payment, PaymentMethod, ScheduledPayment
from payments.views import pay_methods
from tests.contracts.stripe_bench import processor
from tests.support import ach, books, payors
from tests.support.books import House
from tests.support.html import read
from tests.support.payors import Payor, linked

pytestmark = pytest.mark.django_db

KEY = "sk_test_pay_page"
BANK = {
    "holder_name": "Aloha Foods",
    "routing_number": "121000358",
    "account_number": "000123456789",
    "account_type": "checking",
}


def route(house: House, **to: Any) -> None:
    rules = [{"when": {"method": [method]}, "gateway": gateway} for method, gateway in to.items()]
    routes.publish_routing(rules=rules, effective_from=books.SINCE, actor=house.me)


@pytest.fixture
def by_stripe(house: House) -> House:
    """Cards go to a processor that keeps methods and brings its own element."""
    accounts.open_account(
        gateway="stripe", merchant="acct_pay", bank_account_id=house.bank.id, webhook_secret="whsec_" + "0" * 32,
        credentials={"secret_key": KEY}, settings={"base_url": processor().url, "publishable_key": "pk_test_1"},
        actor=house.me,
    )  # fmt: skip
    route(house, card="stripe", ach="sandbox")
    return house


def begun(payor: Payor, invoice: Invoice) -> SetupReport:
    """The element that a payor who chose card is shown."""
    assert payor.chooses([invoice.id])["Location"] == reverse("pay:enter", args=[payor.link_id])
    setup: SetupReport = payor.sees("enter").context["setup"]
    return setup


def test_a_card_is_entered_in_the_processors_element_and_only_its_token_comes_here(by_stripe: House) -> None:
    invoice = books.billed(by_stripe)
    payor, _ = linked(by_stripe, invoice_id=invoice.id)
    setup = begun(payor, invoice)
    enter = reverse("pay:enter", args=[payor.link_id])
    early = payor.client.post(enter)
    assert early["Location"] == enter, "nothing was entered yet"
    setup = payor.sees("enter").context["setup"]
    processor().ask("setup", account=KEY, setup_intent=setup.setup, payment_method="pm_card_visa")
    assert payor.client.post(enter)["Location"] == reverse("pay:review", args=[payor.link_id])
    assert "visa ···4242" in read(payor.sees("review")).text.lower()
    payor.confirms()
    payors.work()
    payment = Payment.objects.get()
    assert (payment.state, payment.attempts.get().account.gateway) == ("succeeded", "stripe")
    assert payment.payment_method is not None
    assert (payment.payment_method.last4, payment.payment_method.funding) == ("4242", "credit")


def test_the_page_lets_just_the_elements_script_run(by_stripe: House) -> None:
    invoice = books.billed(by_stripe)
    payor, _ = linked(by_stripe, invoice_id=invoice.id)
    setup = begun(payor, invoice)
    policy = payor.sees("enter").headers["Content-Security-Policy"]
    assert f"script-src 'self' {setup.script_url}" in policy
    assert "frame-src https://js.stripe.com https://hooks.stripe.com" in policy
    assert "connect-src 'self' https://api.stripe.com" in policy
    assert "stripe" not in payor.sees("choose").headers["Content-Security-Policy"]


def test_an_element_of_elsewhere_reaches_its_own_place_only() -> None:
    setup = SetupReport("seti_1", "secret", "pk", "https://pay.example.org/v9/element.js")
    assert pay_methods.allowed(setup) == {
        "script-src": ["'self'", "https://pay.example.org/v9/element.js"],
        "frame-src": ["https://pay.example.org"],
        "connect-src": ["'self'", "https://pay.example.org"],
    }


def test_a_processor_that_is_away_is_said_in_friendly_words(by_stripe: House) -> None:
    invoice = books.billed(by_stripe)
    payor, _ = linked(by_stripe, invoice_id=invoice.id)
    payor.chooses([invoice.id])
    processor().ask("faults", place="POST /v1/customers", fault="reset_before")
    answer = payor.sees("enter")
    assert answer.status_code == 409 and "Please try again" in read(answer).text


def test_a_typed_bank_account_is_confirmed_by_its_bank_first_and_its_number_is_never_shown(house: House) -> None:
    ach.open_desk(house)
    policy = books.bound(house, effective_on=dt.date(2026, 2, 20), expires_on=dt.date(2027, 2, 20))
    bill = invoices.issue(policy_id=policy.id, through=dt.date(2026, 2, 20), actor=house.me)
    payor, _ = linked(house, policy_id=policy.id)
    today = payor.chooses([bill.id], way="ach", **BANK)
    assert today.status_code == 422 and "about three business days" in read(today).text
    assert AchEntry.objects.get().purpose == "prenote"
    later = payor.chooses([bill.id], way="ach", when="later", collect_on="2026-02-19", **BANK)
    assert later.status_code == 302
    review = payor.sees("review")
    assert "checking account ending in 6789 once" in read(review).text
    done = payor.confirms(agree="yes")
    assert done.status_code == 302 and ScheduledPayment.objects.get().collect_on == dt.date(2026, 2, 19)
    method = PaymentMethod.objects.get()
    shown = [today, review, payor.sees("status")]
    texts = [answer.content.decode() for answer in shown]
    texts += [str(entry.after) for entry in AuditEntry.objects.all()] + [str(e.data) for e in EventRecord.objects.all()]
    assert not [text for text in texts if BANK["account_number"] in text]
    assert (method.last4, method.state) == ("6789", "unvalidated")


def test_a_wrong_routing_number_is_said_at_its_field(house: House) -> None:
    ach.open_desk(house)
    bill = books.billed(house)
    payor, _ = linked(house, invoice_id=bill.id)
    refused = payor.chooses([bill.id], way="ach", **{**BANK, "routing_number": "121000359"})
    assert refused.status_code == 422
    assert refused.context["form"].errors["routing_number"]
    missing = payor.chooses([bill.id], way="ach", **{**BANK, "account_number": ""})
    assert missing.context["form"].errors["account_number"] == ["This is needed."]
