"""Cash that is moved by a person: applied in the plan's order, un-applied, carried to another policy and back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing import cash, distributions, invoices, transfers
from billing.models import Application, CashTransfer, Invoice, Receipt
from coverpay import books as proof
from coverpay.kernel.errors import IllegalTransition, NotFound
from coverpay.kernel.money import Money
from payments import refunds
from payments.models import Payment
from policies.models import Policy
from tests.support import books, plain
from tests.support.books import House
from tests.support.changes import planned
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
END = dt.date(2026, 12, 31)


def ties(house: House) -> bool:
    return proof.check() == [] and differences(house) == []


def standing(invoice: Invoice) -> dict[str, int]:
    rows = Application.objects.filter(line__invoice=invoice).select_related("line")
    found: dict[str, int] = {}
    for row in rows:
        found[row.line.component] = found.get(row.line.component, 0) + row.amount_minor
    return {component: minor for component, minor in found.items() if minor}


@pytest.mark.parametrize(
    ("allocation", "covered"),
    [
        ({}, {"premium": 300_000}),
        ({"components": ["surplus_lines_tax", "carrier_fee"]},
         {"surplus_lines_tax": 23_400, "carrier_fee": 12_500, "premium": 264_100}),
        ({"components": ["carrier_fee"]}, {"carrier_fee": 12_500, "premium": 287_500}),
    ],
)  # fmt: skip
def test_a_partial_payment_covers_first_what_the_plan_names_first(
    house: House, allocation: dict[str, Any], covered: dict[str, int]
) -> None:
    """3,000 of 5,359.00 = premium 5,000 + fee 125 + tax 234."""
    policy = planned(house, "ordered", {**books.PLANS["halves"], "allocation": allocation})
    invoice = plain.billed(house, policy)
    books.paid(house, invoice, amount_minor=300_000)
    assert standing(invoice) == covered
    assert ties(house)


def test_component_before_due_date_pays_the_tax_of_every_invoice_first(house: House) -> None:
    spec = {
        **books.PLANS["halves"],
        "allocation": {"order": ["component", "due_on"], "components": ["surplus_lines_tax"]},
    }
    policy = planned(house, "taxes", spec)
    first, second = plain.billed(house, policy), plain.billed(house, policy, END)
    books.paid(house, first, amount_minor=100_000)
    assert (standing(first), standing(second)) == (
        {"surplus_lines_tax": 23_400, "premium": 53_200}, {"surplus_lines_tax": 23_400},
    )  # fmt: skip


def test_cash_is_un_applied_and_applied_to_the_invoice_a_person_names(house: House) -> None:
    policy = plain.bound(house)
    first, second = plain.billed(house, policy), plain.billed(house, policy, END)
    books.paid(house, first)
    receipt = Receipt.objects.get()
    distributions.unapply(receipt_id=receipt.id, reason="Meant for the second", actor=house.me)
    assert (cash.unapplied_minor(receipt), invoices.open_minor(first)) == (600_000, 600_000)
    assert ties(house)
    distributions.apply(receipt_id=receipt.id, invoice_ids=[second.id], actor=house.me)
    states = [Invoice.objects.get(pk=each.id).state for each in (first, second)]
    assert states == ["open", "paid"]
    assert Application.objects.count() == 3, "the history is kept"
    assert ties(house)


def test_one_application_of_many_is_taken_back_by_itself(house: House) -> None:
    invoice = books.billed(house)
    books.paid(house, invoice)
    receipt = Receipt.objects.get()
    tax = receipt.applications.get(line__component="surplus_lines_tax")
    distributions.unapply(receipt_id=receipt.id, reason="Exempt", application_ids=[tax.id], actor=house.me)
    assert books.balance(house, "tax_payable") == 0
    assert standing(invoice) == {"premium": 500_000, "carrier_fee": 12_500}
    with pytest.raises(NotFound):
        distributions.unapply(receipt_id=receipt.id, reason="Again", application_ids=[tax.id], actor=house.me)
    assert ties(house)
    refund = refunds.request(payment_id=Payment.objects.get().id, reason="All back", actor=house.me)
    refunds.submit(refund.id)
    assert books.trial_balance(house) == {("premium_receivable", ""): 535_900, ("billed_uncollected", ""): -535_900}
    assert ties(house)
    with pytest.raises(IllegalTransition):
        distributions.unapply(receipt_id=receipt.id, reason="Nothing left", actor=house.me)


def overpaid(house: House) -> tuple[Policy, Policy, Receipt]:
    """6,000 un-applied on one policy, and another that owes 6,000."""
    policy = plain.bound(house)
    other = books.bound(house, program="plain", premium=Money(1_200_000))
    plain.paid(house, policy)
    receipt = Receipt.objects.get()
    distributions.unapply(receipt_id=receipt.id, reason="Wrong policy", actor=house.me)
    plain.billed(house, other)
    return policy, other, receipt


def carried(house: House, receipt: Receipt, other: Policy, minor: int | None = None) -> CashTransfer:
    return distributions.transfer(
        receipt_id=receipt.id, to_policy_id=other.id, amount=Money(minor) if minor else None,
        reason="Meant for that one", actor=house.me,
    )  # fmt: skip


def test_cash_is_carried_to_another_policy_and_pays_there(house: House) -> None:
    _, other, receipt = overpaid(house)
    transfer = carried(house, receipt, other, 400_000)
    assert cash.unapplied_minor(receipt) == 200_000
    assert transfer.to_receipt.kind == "transfer"
    assert invoices.open_minor(Invoice.objects.get(policy=other)) == 200_000
    assert ties(house)
    with pytest.raises(transfers.NotEnoughCash):
        carried(house, receipt, other, 200_001)


def test_carried_cash_must_come_back_before_its_payment_is_refunded(house: House) -> None:
    _, other, receipt = overpaid(house)
    before = books.trial_balance(house)
    transfer = carried(house, receipt, other)
    payment = Payment.objects.get()
    with pytest.raises(refunds.NotRefundable, match="carried"):
        refunds.request(payment_id=payment.id, reason="Wrong", actor=house.me)
    distributions.take_transfer_back(transfer_id=transfer.id, reason="Undo", actor=house.me)
    assert books.trial_balance(house) == before
    assert ties(house)
    refunds.submit(refunds.request(payment_id=payment.id, reason="Wrong", actor=house.me).id)
    assert Payment.objects.get().state == "refunded"
    assert ties(house)


def test_a_refund_on_its_way_takes_carried_cash_back_from_policy_to_policy(house: House) -> None:
    """The refund was planned first; then the cash went on twice. It is taken back along the whole way."""
    _, other, receipt = overpaid(house)
    refund = refunds.request(payment_id=Payment.objects.get().id, reason="Wrong", actor=house.me)
    transfer = carried(house, receipt, other)
    distributions.unapply(receipt_id=transfer.to_receipt_id, reason="Wrong again", actor=house.me)
    third = books.bound(house, program="plain", premium=Money(1_200_000))
    plain.billed(house, third)
    carried(house, transfer.to_receipt, third, 300_000)
    refunds.submit(refund.id)
    assert [cash.unapplied_minor(each) for each in Receipt.objects.all()] == [0, 0, 0]
    assert not Application.objects.filter(reverses=None, reversed_by=None).exists()
    assert ties(house)
