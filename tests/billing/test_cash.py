"""Cash application: earliest due date first, to the cent, and undone to the cent."""

from __future__ import annotations

import datetime as dt

import pytest

from billing import cash, invoices
from billing.models import Application, Invoice, Receipt
from compliance import explanations
from compliance.models import AuditEntry, EventRecord
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Policy
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db


@command
def receive(*, policy: Policy, source: str, minor: int, actor: Actor) -> Receipt:
    """What a payment does when it succeeded, without the processor's side."""
    commands.unchanged()  # when it was told before
    locks.lock(policy.id)
    receipt = cash.receive(policy, source_id=source, amount=Money(minor), received_on=clock.today())
    cash.apply(receipt)
    return receipt


@command
def take_back(*, receipt: Receipt, actor: Actor) -> None:
    commands.unchanged()  # when it was taken back before
    locks.lock(receipt.policy_id)
    cash.take_back(receipt, reason="returned", on=clock.today())


@command
def apply_again(*, receipt: Receipt, actor: Actor) -> None:
    locks.lock(receipt.policy_id)
    cash.apply(receipt)


def standing(invoice: Invoice) -> dict[str, int]:
    rows = Application.objects.filter(line__invoice=invoice)
    return {
        line.component: sum(row.amount_minor for row in rows if row.line_id == line.id) for line in invoice.lines.all()
    }


def test_a_payment_in_full_leaves_4_609_on_the_carrier_side_and_750_commission(house: House) -> None:
    invoice = books.billed(house)
    receive(policy=invoice.policy, source="pay_1", minor=535_900, actor=house.me)
    operator, carrier = house.operator.id, house.carrier.id
    assert books.trial_balance(house) == {
        ("unapplied_cash", ""): 535_900,  # no processor posted here: the other side of the money is missing
        ("premium_payable", carrier): -425_000,
        ("carrier_fee_payable", carrier): -12_500,
        ("tax_payable", "HI"): -23_400,
        ("commission_in_trust", operator): -75_000,
    }
    assert 425_000 + 12_500 + 23_400 == 460_900
    assert Invoice.objects.get(pk=invoice.id).state == "paid"
    assert EventRecord.objects.get(type="invoice.paid").data["open_minor"] == 0


def test_when_all_is_paid_9_218_is_to_be_remitted_and_1_500_is_commission(house: House) -> None:
    policy = books.bound(house)
    invoice = invoices.issue(policy_id=policy.id, through=dt.date(2026, 12, 31), actor=house.me)
    receive(policy=policy, source="pay_1", minor=invoice.total_minor, actor=house.me)
    payable = sum(books.balance(house, code) for code in ("premium_payable", "carrier_fee_payable", "tax_payable"))
    assert (payable, books.balance(house, "commission_in_trust")) == (-921_800, -150_000)


def test_cash_goes_to_the_earliest_due_date_and_within_it_by_position(house: House) -> None:
    policy = books.bound(house, plan="thirds")
    first = invoices.issue(policy_id=policy.id, actor=house.me)
    second = invoices.issue(policy_id=policy.id, through=dt.date(2026, 3, 1), actor=house.me)
    receive(policy=policy, source="pay_1", minor=first.total_minor + 340_000, actor=house.me)
    assert standing(first) == {"premium": 340_000, "carrier_fee": 8_500, "surplus_lines_tax": 15_912}
    assert standing(second) == {"premium": 330_000, "carrier_fee": 8_250, "surplus_lines_tax": 1_750}
    assert [Invoice.objects.get(pk=each.id).state for each in (first, second)] == ["paid", "open"]


def test_an_overpayment_stays_unapplied_until_something_is_billed(house: House) -> None:
    policy = books.bound(house)
    invoices.issue(policy_id=policy.id, actor=house.me)
    receipt = receive(policy=policy, source="pay_1", minor=600_000, actor=house.me)
    assert cash.unapplied_minor(receipt) == 64_100
    second = invoices.issue(policy_id=policy.id, through=dt.date(2026, 12, 31), actor=house.me)
    assert (second.state, invoices.open_minor(second)) == ("open", 471_800)
    assert cash.unapplied_minor(receipt) == 0
    assert sum(Application.objects.values_list("amount_minor", flat=True)) == 600_000
    audited = AuditEntry.objects.filter(action="receipt.apply", object_id=receipt.id).order_by("id")
    assert [(row.before["unapplied_minor"], row.after["unapplied_minor"]) for row in audited] == [
        (600_000, 64_100), (64_100, 0),
    ]  # fmt: skip


def test_the_same_source_told_again_is_one_receipt(house: House) -> None:
    invoice = books.billed(house)
    first = receive(policy=invoice.policy, source="pay_1", minor=100_000, actor=house.me)
    again = receive(policy=invoice.policy, source="pay_1", minor=100_000, actor=house.me)
    assert again.id == first.id
    assert Application.objects.count() == 1


def test_taking_back_restores_every_balance_and_reopens_what_was_paid(house: House) -> None:
    invoice = books.billed(house)
    before = books.trial_balance(house)
    receipt = receive(policy=invoice.policy, source="pay_1", minor=600_000, actor=house.me)
    take_back(receipt=receipt, actor=house.me)
    assert books.trial_balance(house) == before
    assert Invoice.objects.get(pk=invoice.id).state == "open"
    assert cash.unapplied_minor(receipt) == 0
    assert Application.objects.count() == 6
    assert EventRecord.objects.filter(type="invoice.reopened").count() == 1


def test_taking_back_twice_is_taking_back_once_and_nothing_of_it_can_be_applied(house: House) -> None:
    invoice = books.billed(house)
    receipt = receive(policy=invoice.policy, source="pay_1", minor=100_000, actor=house.me)
    take_back(receipt=receipt, actor=house.me)
    rows = Application.objects.count()
    take_back(receipt=receipt, actor=house.me)
    with pytest.raises(cash.ReceiptReversed):
        apply_again(receipt=receipt, actor=house.me)
    assert Application.objects.count() == rows


def test_each_commission_says_how_it_came_about(house: House) -> None:
    invoice = books.billed(house)
    receive(policy=invoice.policy, source="pay_1", minor=333_333, actor=house.me)
    receive(policy=invoice.policy, source="pay_2", minor=333_333, actor=house.me)
    premium = Application.objects.filter(line__component="premium").order_by("id")
    assert [row.commission_minor for row in premium] == [50_000, 25_000]
    (why,) = explanations.of(premium[1].id)
    assert why.inputs == {
        "applied_before_minor": 333_333,
        "applied_now_minor": 166_667,
        "commission_before_minor": 50_000,
        "rate_ppm": 150_000,
    }
