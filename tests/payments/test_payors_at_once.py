"""What holds when payors press twice, and guess many times, at the same moment."""

from __future__ import annotations

import pytest

from coverpay.kernel.actors import system
from payments import guests, pay_links, payor_payments, ways
from payments.collection import Wanted
from payments.models import Payment
from payments.payor_payments import Consent, Draft
from payments.waits import TooManyTries
from policies.parties import PartyDetails
from tests.support import books
from tests.support.books import House
from tests.support.database import at_once
from tests.support.payors import waits_end  # noqa: F401  a fixture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waits_end")]

INSURED = PartyDetails(reference="INS-O", name="Aloha Foods", postal_code="96813")


def test_eight_presses_of_one_button_pay_once(house: House) -> None:
    invoice = books.billed(house)
    link = pay_links.create(policy_id=invoice.policy_id, single_use=False, actor=house.me).link
    actor = pay_links.actor_of(link)
    report = ways.sandbox_report("card", "tok_ok")
    method = ways.keep(link_id=link.id, account_id=house.account.id, report=report, actor=actor)
    draft = Draft((Wanted(invoice.id, invoice.total_minor),), method.id)
    shown = payor_payments.review(link, draft).shown

    def press() -> Payment | None:
        return payor_payments.pay(
            link_id=link.id, draft=draft, shown=shown, agreed=False, consent=Consent("192.0.2.7", ""), actor=actor
        )

    results = at_once(*[press] * 8)
    assert {result.id for result in results if isinstance(result, Payment)} == {Payment.objects.get().id}
    assert not [result for result in results if isinstance(result, Exception)]


def test_guesses_at_the_same_moment_are_counted_one_by_one(house: House) -> None:
    """Three are free, the fourth is heard and begins the wait; the others are not heard."""
    policy = books.billed(house, insured=INSURED).policy

    def guess() -> object:
        return guests.look_up(
            organization_id=house.operator.id, number=policy.number, postal_code="00000", address="192.0.2.7",
            actor=system("payor"),
        )  # fmt: skip

    results = at_once(*[guess] * 12)
    assert [type(result).__name__ for result in results].count("NoneType") == 4
    assert sum(isinstance(result, TooManyTries) for result in results) == 8
