"""Agencies pay many invoices at once: refused line by line, paid as one, and only what is theirs."""

from __future__ import annotations

import pytest

from billing import open_items
from billing.models import Invoice
from compliance.models import Organization
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, Invalid, NotFound
from payments import attempts, batches, collection
from payments.batches import Asked, BatchRefused
from payments.models import Payment, PaymentPart
from policies.models import Participant
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db


@pytest.fixture
def agency(house: House) -> Organization:
    return world.organization("agency")


@pytest.fixture
def agent(agency: Organization) -> Actor:
    return world.actor(agency, "cash")


def sold(house: House, agency: Organization) -> Invoice:
    """An invoice of a policy that the agency sold."""
    invoice = books.billed(house)
    Participant.objects.create(policy=invoice.policy, organization=agency, role="agency")
    return invoice


def test_an_agency_pays_its_invoices_by_number_in_one_payment(house: House, agency: Organization, agent: Actor) -> None:
    """5,359.00 whole and 100.00 of another."""
    whole, part = sold(house, agency), sold(house, agency)
    items = [Asked(whole.number), Asked(part.number, 100_00)]
    (payment,) = batches.pay(items=items, method="ach", token="tok_ok", actor=agent)
    assert (payment.initiator, payment.amount_minor) == ("agency", 545_900)
    assert list(payment.parts.values_list("invoice_id", "amount_minor")) == [(whole.id, 535_900), (part.id, 100_00)]
    attempts.submit(payment.attempts.get().id)
    assert [open_items.open_minor(each) for each in (whole, part)] == [0, 525_900]


def test_what_cannot_be_paid_is_refused_line_by_line_and_nothing_is_charged(
    house: House, agency: Organization, agent: Actor
) -> None:
    good, paid, busy = (sold(house, agency) for _ in range(3))
    strange = books.billed(house)
    books.paid(house, paid)
    books.collecting(house, busy)
    items = [
        Asked(good.id),
        Asked(good.number),
        Asked(paid.id),
        Asked(busy.id),
        Asked(strange.id),
        Asked("NOTHING"),
        Asked(good.id, 1),
    ]
    looked = batches.preview(agent, items)
    assert [line.refusal.code if line.refusal else "" for line in looked.lines] == [
        "",
        "line_twice",
        "nothing_owed",
        "payment_in_progress",
        "line_unknown",
        "line_unknown",
        "line_twice",
    ]
    assert (looked.total_minor, looked.payments) == (535_900, 1)
    before = Payment.objects.count()
    with pytest.raises(BatchRefused) as refused:
        batches.pay(items=items, method="ach", token="tok_ok", actor=agent)
    assert [line["position"] for line in refused.value.extra["lines"]] == [2, 3, 4, 5, 6, 7]
    assert Payment.objects.count() == before


def test_more_invoices_than_a_payment_takes_become_several_all_or_none(
    house: House, agency: Organization, agent: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_INVOICES", 2)
    bills = [sold(house, agency) for _ in range(5)]
    payments = batches.pay(items=[Asked(bill.id) for bill in bills], method="ach", token="tok_ok", actor=agent)
    assert [payment.parts.count() for payment in payments] == [2, 2, 1]
    assert PaymentPart.objects.filter(live=True).count() == 5


def test_an_agency_sees_and_pays_only_policies_it_sold(house: House, agency: Organization, agent: Actor) -> None:
    mine, other = sold(house, agency), books.billed(house)
    assert [invoice.id for invoice in batches.open_of(agent)] == [mine.id]
    assert [invoice.id for invoice in batches.open_of(house.me)] == [mine.id, other.id]
    method = books.billed(house).policy.insured.id
    with pytest.raises(NotFound):
        batches.pay(items=[Asked(mine.id)], payment_method_id=method, actor=agent)


def test_a_batch_takes_leave_and_lines(house: House, agency: Organization, agent: Actor) -> None:
    mine = sold(house, agency)
    with pytest.raises(Forbidden):
        batches.preview(world.actor(agency, "viewer"), [Asked(mine.id)])
    with pytest.raises(Invalid):
        batches.preview(agent, [])
    with pytest.raises(Invalid):
        batches.preview(agent, [Asked(mine.id, 0), *[Asked(mine.id)] * batches.MOST_LINES])
    assert batches.preview(agent, [Asked(mine.id, 535_901)]).lines[0].refusal is not None
    assert isinstance(batches.preview(agent, [Asked(mine.id, 0)]).lines[0].refusal, collection.AmountAboveOpen)
