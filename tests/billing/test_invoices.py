"""Invoices: what is due is billed once, and every figure says why."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, connection, transaction

from billing import invoices
from billing.invoices import NothingToBill
from billing.models import Installment, Invoice
from compliance import explanations
from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, NotFound
from policies import lifecycle
from tests.support import books
from tests.support.books import House
from tests.support.database import at_once
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
AUGUST = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)


def test_the_first_half_is_5_359_of_premium_fee_and_tax(house: House) -> None:
    invoice = books.billed(house)
    assert (invoice.total_minor, invoice.due_on, invoice.issued_on) == (535_900, books.FIRST_DAY, dt.date(2026, 2, 2))
    assert [(line.position, line.component, line.amount_minor) for line in invoice.lines.order_by("position")] == [
        (1, "premium", 500_000), (2, "carrier_fee", 12_500), (3, "surplus_lines_tax", 23_400),
    ]  # fmt: skip
    assert [line.commission_ppm for line in invoice.lines.order_by("position")] == [150_000, 0, 0]


def test_the_total_says_what_it_is_the_sum_of(house: House) -> None:
    invoice = books.billed(house)
    (why,) = explanations.of(invoice.id)
    assert (why.figure, why.amount_minor) == ("total", 535_900)
    assert why.formula == "premium + carrier_fee + surplus_lines_tax"
    assert sum(why.inputs.values()) == 535_900


def test_an_issued_invoice_is_a_receivable_against_what_is_billed_and_uncollected(house: House) -> None:
    books.billed(house)
    assert books.trial_balance(house) == {("premium_receivable", ""): 535_900, ("billed_uncollected", ""): -535_900}
    assert differences(house) == []


def test_what_is_billed_is_not_billed_again(house: House) -> None:
    policy = books.bound(house)
    invoices.issue(policy_id=policy.id, actor=house.me)
    with pytest.raises(NothingToBill, match="2026-07-31") as refused:
        invoices.issue(policy_id=policy.id, actor=house.me)
    assert refused.value.field == "through"
    with clock.frozen(AUGUST):
        second = invoices.issue(policy_id=policy.id, actor=house.me)
        with pytest.raises(NothingToBill, match="everything is billed"):
            invoices.issue(policy_id=policy.id, actor=house.me)
    assert second.number == f"{policy.number}-002"
    assert Invoice.objects.filter(policy=policy).count() == 2


def test_installments_that_are_due_together_make_one_invoice_due_at_the_earliest(house: House) -> None:
    policy = books.bound(house, plan="thirds")
    invoice = invoices.issue(policy_id=policy.id, through=dt.date(2026, 12, 31), actor=house.me)
    assert (invoice.total_minor, invoice.due_on) == (1_071_800, books.FIRST_DAY)
    assert invoice.lines.count() == 9
    assert not Installment.objects.filter(policy=policy, invoice=None).exists()
    assert differences(house) == []


def test_a_quote_has_nothing_to_bill(house: House) -> None:
    quote = lifecycle.quote(request=books.request(), actor=house.me)
    with pytest.raises(NothingToBill):
        invoices.issue(policy_id=quote.id, actor=house.me)


def test_an_invoice_is_told_and_never_edited(house: House) -> None:
    invoice = books.billed(house)
    told = EventRecord.objects.get(type="invoice.issued")
    assert (told.object_id, told.subject_id, told.data["total_minor"]) == (invoice.id, invoice.policy_id, 535_900)
    for statement in (
        "UPDATE billing_invoice SET total_minor = 1",
        "UPDATE billing_invoiceline SET amount_minor = 1",
        "DELETE FROM billing_invoice",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_issuing_takes_the_permission_and_the_own_policy(house: House) -> None:
    policy = books.bound(house)
    with pytest.raises(Forbidden):
        invoices.issue(
            policy_id=policy.id, actor=Actor("user", "u", house.operator.id, frozenset({Permission.BILLING_READ}))
        )
    with pytest.raises(NotFound):
        invoices.issue(policy_id=policy.id, actor=Actor("user", "u", house.carrier.id, frozenset(Permission)))


@pytest.mark.django_db(transaction=True)
def test_issuing_at_once_makes_one_invoice(house: House) -> None:
    policy = books.bound(house)
    results = at_once(*[lambda: invoices.issue(policy_id=policy.id, actor=house.me)] * 4)
    assert sorted(type(result).__name__ for result in results) == ["Invoice"] + ["NothingToBill"] * 3
    assert differences(house) == []
