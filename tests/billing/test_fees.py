"""Late, returned payment and reinstatement fees: what the plan asks, at most the state's cap, and never by guess."""

from __future__ import annotations

import datetime as dt

import pytest

from billing import fees, invoices
from billing.fees import FeeNotAllowed
from billing.models import DelinquencyStep, Installment, InstallmentItem, InvoiceLine
from compliance import audit, explanations
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Invalid
from policies import locks
from policies.models import Policy
from tests.support import late
from tests.support.books import House
from tests.support.late import at, may, nights

pytestmark = pytest.mark.django_db


@command
def charge(*, policy: Policy, component: str, minor: int | None = None, actor: Actor) -> InstallmentItem | None:
    locked = locks.lock(policy.id)
    audit.record(action="test.charge", object_id=policy.id, organization_id=policy.operator_id)
    return fees.charge(locked, policy.terms.get(), component, minor, reason="A test.")


def test_a_late_fee_is_an_installment_of_its_own_billed_from_that_day(house: House) -> None:
    """The plan asks 10.00, the state's cap is 7.50."""
    late.settle_rules(house)
    policy = late.policy(house)
    nights(policy, may(2), may(5), house)
    item = InstallmentItem.objects.get(component="late_fee")
    assert item.charge is None
    assert (item.amount_minor, item.payee_kind, item.payee) == (750, "operator", house.operator.id)
    assert (item.installment.bill_on, item.installment.items.count()) == (may(5), 1)
    (why,) = explanations.of(item.id)
    assert why.inputs == {"asked_minor": 1_000, "cap_minor": 750, "state": "HI"}
    with at(may(5)):
        invoice = invoices.issue(policy_id=policy.id, actor=house.me)
    assert [line.component for line in InvoiceLine.objects.filter(invoice=invoice)] == ["late_fee"]


def test_a_fee_below_the_cap_is_what_the_plan_asks(house: House) -> None:
    late.settle_rules(house)
    policy = late.policy(house, plan={"late_fee": "5.00"})
    nights(policy, may(2), may(5), house)
    assert InstallmentItem.objects.get(component="late_fee").amount_minor == 500


def test_where_nobody_knows_the_cap_the_step_passes_without_a_fee_and_says_why(house: House) -> None:
    late.settle_rules(house, late_fee_cap=None)
    policy = late.policy(house)
    assert nights(policy, may(2), may(6), house) == {3: ["reminder"], 5: ["late_fee"], 6: ["notice"]}
    facts = DelinquencyStep.objects.get(action="late_fee").facts
    assert facts["amount_minor"] == 0
    assert "late_fee_cap in HI" in facts["reason"]
    assert not InstallmentItem.objects.filter(component="late_fee").exists()


def test_a_plan_without_a_late_fee_charges_none(house: House) -> None:
    late.settle_rules(house)
    policy = late.policy(house, plan={"late_fee": "0"})
    nights(policy, may(2), may(5), house)
    assert DelinquencyStep.objects.get(action="late_fee").facts["reason"] == "The plan names none."


def test_a_late_fee_is_charged_once_however_often_the_night_runs(house: House) -> None:
    late.settle_rules(house)
    policy = late.policy(house)
    nights(policy, may(2), may(5), house)
    nights(policy, may(5), may(5), house)
    assert InstallmentItem.objects.filter(component="late_fee").count() == 1


def test_an_unpaid_late_fee_brings_no_late_fee(house: House) -> None:
    """The 400.00 are paid; 7.50 of late fee stay past due and are not followed."""
    late.settle_rules(house)
    policy = late.policy(house)
    nights(policy, may(2), may(5), house)
    with at(may(5)):
        invoices.issue(policy_id=policy.id, actor=house.me)
        late.pay(policy, 40_000, house)
    assert late.followed(policy).state == "cured"
    assert nights(policy, may(6), may(30), house) == {}


def test_a_returned_payment_fee_waits_for_the_cap_to_be_decided(house: House) -> None:
    """Hawaii's 30.00 is not verified."""
    late.settle_rules(house)
    policy = late.policy(house)
    with at(may(5)), pytest.raises(FeeNotAllowed) as refused:
        charge(policy=policy, component="nsf_fee", minor=2_500, actor=house.me)
    assert refused.value.field == "component"
    assert Installment.objects.filter(policy=policy).count() == 3


def test_a_reinstatement_fee_is_what_was_agreed(house: House) -> None:
    late.settle_rules(house)
    policy = late.policy(house)
    with at(may(5)):
        item = charge(policy=policy, component="reinstatement_fee", minor=2_500, actor=house.me)
    assert item is not None
    assert (item.amount_minor, item.installment.sequence, item.installment.bill_on) == (2_500, 4, dt.date(2026, 5, 5))


def test_nothing_is_charged_for_zero_and_no_other_component_is_a_fee(house: House) -> None:
    policy = late.policy(house)
    with at(may(5)):
        assert charge(policy=policy, component="late_fee", minor=0, actor=house.me) is None
        with pytest.raises(Invalid) as refused:
            charge(policy=policy, component="premium", minor=100, actor=house.me)
    assert refused.value.field == "component"
