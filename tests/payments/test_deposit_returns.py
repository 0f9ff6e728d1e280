"""A deposited check that comes back is taken back exactly, all its stubs with it, and costs its fee once."""

from __future__ import annotations

import datetime as dt

import pytest

from billing import schedules
from billing.models import CashOut, InstallmentItem, Invoice
from compliance.models import EventRecord
from compliance.rules import decisions
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.errors import IllegalTransition, Invalid
from payments import deposit_returns
from payments.deposits import Item
from payments.models import Deposit
from policies.models import Policy
from tests.support import books, plain, recovering
from tests.support.books import House
from tests.support.deposits import standing, taken_in
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def ties(house: House) -> bool:
    return proof.check() == [] and differences(house) == []


def bounce(house: House, deposit: Deposit, position: int = 1, **said: object) -> None:
    item = deposit.items.get(position=position)
    asked = {"item_id": item.id, "reason": "NSF", "actor": house.me}
    deposit_returns.bounce(**{**asked, **said})  # type: ignore[arg-type]


def two_policies(house: House) -> list[Policy]:
    """Two policies with 6,000.00 open each, on a plan that asks 25.00 for a returned payment; the state allows it."""
    schedules.publish_plan(
        code="bounce", name="Halves", effective_from=books.SINCE, actor=house.me,
        spec={"down_payment": {"percent": "50"}, "installments": [{"month": 6}], "nsf_fee": "25.00"},
    )  # fmt: skip
    decisions.decide(
        rule="returned_payment_fee_cap", jurisdiction="HI", line="general_commerce", value="30.00",
        reason="Read in the filing.", effective_from=books.SINCE, actor=house.me,
    )  # fmt: skip
    policies = [plain.bound(house, plan="bounce") for _ in range(2)]
    for policy in policies:
        plain.billed(house, policy)
    return policies


def test_a_returned_check_is_taken_back_to_the_cent_and_costs_one_fee(house: House) -> None:
    one, other = two_policies(house)
    before = books.trial_balance(house)
    deposit = taken_in(house, Item(600_000, one.number, "Aloha", "1001"), Item(600_000, other.number, "Aloha", "1001"))
    assert set(Invoice.objects.values_list("state", flat=True)) == {"paid"}
    bounce(house, deposit, position=2)
    assert standing(deposit) == [("bounced", "Returned by the bank: NSF")] * 2
    assert books.trial_balance(house) == before
    assert set(Invoice.objects.values_list("state", flat=True)) == {"open"}
    assert [fee.amount_minor for fee in InstallmentItem.objects.filter(component="nsf_fee")] == [2_500]
    assert EventRecord.objects.filter(type="deposit.item_bounced").count() == 2
    assert [item.policy_id for item in deposit.items.all()] == [one.id, other.id]
    assert ties(house)


def test_a_check_in_suspense_that_is_returned_leaves_the_bank_without_a_fee(house: House) -> None:
    deposit = taken_in(house, Item(5_000, "?", "Nobody", "7"), Item(300, "?", "Somebody", "7"))
    bounce(house, deposit)
    assert [state for state, _ in standing(deposit)] == ["bounced", "suspense"], "the check of another payor stands"
    assert books.balance(house, "trust_cash") == 300
    assert not InstallmentItem.objects.filter(component="nsf_fee").exists()
    assert ties(house)


def test_a_check_comes_back_once_and_not_before_it_came(house: House) -> None:
    deposit = taken_in(house, Item(5_000, "?"))
    for day in (clock.today() - dt.timedelta(days=1), clock.today() + dt.timedelta(days=1)):
        with pytest.raises(Invalid) as refused:
            bounce(house, deposit, returned_on=day)
        assert refused.value.field == "returned_on"
    bounce(house, deposit)
    with pytest.raises(IllegalTransition):
        bounce(house, deposit)
    assert deposit.items.get().bounced_on == clock.today()
    assert ties(house)


def test_a_check_ends_the_recovery_of_what_it_pays_and_lets_it_go_on_when_it_comes_back(house: House) -> None:
    recovering.plan(house)
    case = recovering.failed(house)
    deposit = taken_in(house, Item(535_900, case.invoice.number, "Aloha", "1001"))
    won = recovering.fresh(case)
    assert (won.state, won.result) == ("recovered", "Paid in another way.")
    bounce(house, deposit)
    assert recovering.fresh(case).state == "open"
    recovering.work()
    assert recovering.steps(case)[-1].endswith("planned"), "the plan goes on"
    assert ties(house)


def test_a_check_whose_money_was_paid_out_meanwhile_is_not_taken_back_blindly(house: House) -> None:
    policy = plain.bound(house)
    deposit = taken_in(house, Item(5_000, policy.number))
    receipt = policy.receipts.get()
    CashOut.objects.create(receipt=receipt, source_id="dis_1", amount_minor=5_000, paid_on=clock.today())
    with pytest.raises(deposit_returns.PaidOutAlready, match="dis_1"):
        bounce(house, deposit)
    assert standing(deposit)[0][0] == "placed"
