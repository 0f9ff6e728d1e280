"""What an agency says it paid, invoice by invoice, beside the payments and deposits that came."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.models import Invoice
from compliance.models import Organization
from payments import attempts, batches, sources
from payments.batches import Asked
from payments.deposits import Item
from payments.models import SourceItem, SourceStatement
from payments.source_files import SourceRow
from payments.sources import Stated
from reconciliation.models import Break
from tests.payments.test_batches import sold
from tests.support import books, world
from tests.support import deposits as deposited
from tests.support.books import House

pytestmark = pytest.mark.django_db


@pytest.fixture
def agency(house: House) -> Organization:
    return world.organization("agency")


def _paid(house: House, agency: Organization, invoice: Invoice, amount_minor: int) -> None:
    """The agency itself pays an amount of an invoice."""
    (payment,) = batches.pay(
        items=[Asked(invoice.id, amount_minor)], method="ach", token="tok_ok", actor=world.actor(agency, "cash")
    )
    attempts.submit(payment.attempts.get().id)


def _says(house: House, agency: Organization, *lines: tuple[Invoice, int]) -> SourceStatement:
    rows = [
        SourceRow(number, invoice.policy.number, amount, invoice.number)
        for number, (invoice, amount) in enumerate(lines, start=1)
    ]
    total = sum(amount for _, amount in lines)
    stated = Stated("agency_payments", agency.id, "AC-1", books.SINCE, dt.date(2027, 1, 1), total)
    return sources.record(stated=stated, rows=rows, actor=house.me)


def _found(statement: SourceStatement) -> dict[str, tuple[int, str]]:
    rows = SourceItem.objects.filter(statement=statement)
    return {row.item: (row.difference_minor, row.outcome) for row in rows}


def test_what_the_agency_paid_and_says_agrees_invoice_by_invoice(house: House, agency: Organization) -> None:
    first, second = sold(house, agency), sold(house, agency)
    _paid(house, agency, first, 535_900)
    _paid(house, agency, second, 10_000)
    done = _says(house, agency, (first, 535_900), (second, 10_000))
    assert done.state == "agreed"
    assert _found(done) == {first.number: (0, "equal"), second.number: (0, "equal")}


def test_more_less_and_missing_become_breaks(house: House, agency: Organization) -> None:
    """It says 100.00 where 90.00 came, 50.00 where nothing came, and leaves out 20.00 that came."""
    short, absent, left_out = (sold(house, agency) for _ in range(3))
    _paid(house, agency, short, 9_000)
    _paid(house, agency, left_out, 2_000)
    done = _says(house, agency, (short, 10_000), (absent, 5_000))
    assert _found(done) == {
        short.number: (1_000, "we_less"),
        absent.number: (5_000, "we_less"),
        left_out.number: (-2_000, "missing"),
    }
    assert sorted(Break.objects.filter(state="open").values_list("difference_minor", flat=True)) == [
        -2_000, 1_000, 5_000,
    ]  # fmt: skip


def test_a_policy_of_another_agency_is_unknown_here(house: House, agency: Organization) -> None:
    sold(house, agency)
    others = sold(house, world.organization("agency"))
    assert _found(_says(house, agency, (others, 100))) == {others.number: (100, "unknown")}


def test_a_check_of_the_agency_placed_on_a_policy_counts_as_one_sum(house: House, agency: Organization) -> None:
    invoice = sold(house, agency)
    deposited.taken_in(house, Item(30_000, invoice.policy.number), kind="agency")
    done = _says(house, agency, (invoice, 20_000), (invoice, 10_000))
    assert list(_found(done).values()) == [(0, "equal")]


def test_what_a_payor_paid_by_card_is_none_of_the_agencys(house: House, agency: Organization) -> None:
    invoice = sold(house, agency)
    books.paid(house, invoice)
    assert _found(_says(house, agency, (invoice, 535_900))) == {invoice.number: (535_900, "we_less")}
