"""How past due money ends that was not paid: by term, written off when small, and never against another term."""

from __future__ import annotations

import datetime as dt

import pytest

from billing import delinquency
from billing.models import DelinquencyStep, Invoice, LineCredit, Notice
from compliance import audit
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import IllegalTransition, Invalid
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Policy, Term
from tests.support import late
from tests.support.books import House
from tests.support.late import CANCEL, at, may, night, nights
from tests.support.lives import wrong_with

pytestmark = pytest.mark.django_db
WRITE_OFF = {"steps": [{"action": "write_off", "after_days": 2}], "thresholds": {"enter": "0.50", "exit": "0.10"}}


@command
def expire(*, policy: Policy, actor: Actor) -> None:
    """Let the term run out, and nothing else."""
    locks.lock(policy.id)
    term = policy.terms.get()
    term.expire()
    term.save(update_fields=["state"])
    audit.record(action="test.expire", object_id=policy.id, organization_id=policy.operator_id)


def test_the_debt_of_a_term_that_is_over_ends_no_cover_and_goes_to_collections(house: House) -> None:
    late.settle_rules(house)
    policy = late.policy(house)
    nights(policy, may(2), may(5), house)
    expire(policy=policy, actor=house.me)
    assert nights(policy, may(6), dt.date(2026, 5, 30), house) == {}
    assert night(policy, dt.date(2026, 5, 31), house) == ["collections"]
    assert not Notice.objects.filter(kind="cancellation").exists()
    assert late.followed(policy).state == "collections"


def test_a_small_balance_is_written_off_by_itself(house: House) -> None:
    """397.00 of 400.00 paid: 3.00 is at most the payment plan's small balance of 5.00."""
    policy = late.policy(house, follow=WRITE_OFF)
    with at(may(1)):
        late.pay(policy, 39_700, house)
    assert night(policy, may(3), house) == ["write_off", "close"]
    assert [row.amount_minor for row in LineCredit.objects.filter(kind="written_off")] == [300]
    assert Invoice.objects.get(number=f"{policy.number}-002").state == "written_off"
    assert late.followed(policy).state == "closed"
    assert wrong_with(policy) == []


def test_a_larger_balance_waits_for_a_person(house: House) -> None:
    policy = late.policy(house, follow=WRITE_OFF)
    assert nights(policy, may(2), may(6), house) == {}
    assert "400.00 USD is more than a small balance" in late.followed(policy).needs_decision
    assert not LineCredit.objects.exists()
    with at(may(6)):
        late.pay(policy, 40_000, house)
    assert late.followed(policy).state == "cured"


def test_what_is_below_the_enter_threshold_is_left_alone(house: House) -> None:
    """396.00 of 400.00 paid: 4.00 is not above 5.00."""
    policy = late.policy(house)
    with at(may(1)):
        late.pay(policy, 39_600, house)
    assert nights(policy, may(2), may(20), house) == {}


def test_grace_delays_everything_that_follows(house: House) -> None:
    """Three business days after Friday 05-01: past due from 05-07 on; the steps that were due are made up for."""
    late.settle_rules(house)
    policy = late.policy(house, follow={"grace": {"days": 3, "kind": "business"}})
    assert nights(policy, may(2), may(7), house) == {7: ["reminder", "late_fee", "notice"]}


def test_a_later_installment_is_followed_by_itself(house: House) -> None:
    """What the notice demanded is paid; the third 400.00, due 09-01, starts another stretch on 09-02."""
    late.settle_rules(house)
    policy = late.policy(house)
    late.noticed(policy, house)
    with at(may(18)):
        late.pay(policy, 40_000, house)
    with at(dt.date(2026, 9, 1)):
        late.bill(policy, house)
    assert night(policy, dt.date(2026, 9, 3), house) == ["reminder"]
    assert [each.state for each in policy.delinquencies.order_by("id")] == ["cured", "active"]
    assert late.followed(policy).entered_on == dt.date(2026, 9, 1)


def test_a_decision_needs_a_question_and_a_known_choice(house: House) -> None:
    late.settle_rules(house)
    policy = late.policy(house)
    night(policy, may(3), house)
    found = late.followed(policy)
    with at(may(3)), pytest.raises(IllegalTransition):
        delinquency.decide(delinquency_id=found.id, choice="proceed", reason="Why not.", actor=house.me)
    with at(may(3)), pytest.raises(Invalid) as refused:
        delinquency.decide(delinquency_id=found.id, choice="shrug", reason="Why not.", actor=house.me)
    assert refused.value.field == "choice"


def test_skipping_the_notice_ends_no_cover(house: House) -> None:
    late.settle_rules(house, noc_nonpay_days=None)
    policy = late.policy(house)
    nights(policy, may(2), may(6), house)
    with at(may(6)):
        delinquency.decide(
            delinquency_id=late.followed(policy).id, choice="skip", reason="Not this one.", actor=house.me
        )
    assert nights(policy, may(7), CANCEL, house) == {}
    assert late.fresh(policy).state == "bound"
    assert Term.objects.get(policy=policy).state == "in_force"
    assert night(policy, dt.date(2026, 5, 31), house) == ["collections"]


def test_every_step_leaves_an_audit_entry_and_its_facts(house: House) -> None:
    late.settle_rules(house)
    policy = late.policy(house)
    late.noticed(policy, house)
    done = DelinquencyStep.objects.order_by("id")
    assert [(row.action, row.done_on.day) for row in done] == [("reminder", 3), ("late_fee", 5), ("notice", 6)]
    assert Money(done[2].facts["demanded_minor"]) == Money(40_000)
    assert done[2].facts["cancel_on"] == "2026-05-19"
