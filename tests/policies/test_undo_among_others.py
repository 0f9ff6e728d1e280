"""An endorsement undone while later ones stand leaves every rate exact of the premium that stands."""

from __future__ import annotations

import random

import pytest

from coverpay.kernel.money import Money
from policies import endorsements, programs, reversals
from policies.endorsements import EndorsementRequest
from policies.models import Charge, Policy, Transaction
from tests.support import books
from tests.support.books import FIRST_DAY, House
from tests.support.lives import wrong_with

pytestmark = pytest.mark.django_db
TAX = {"component": "surplus_lines_tax", "rate": "0.05", "payee_kind": "state", "refund": "pro_rata"}


@pytest.fixture
def policy(house: House) -> Policy:
    """1,000.00 of premium and 50.00 of tax, which goes back with the premium."""
    programs.publish(
        code="taxed", name="Taxed", carrier_id=house.carrier.id, states=["HI"],
        terms={"commission_rate": "0.15", "charges": [TAX]}, effective_from=books.SINCE, actor=house.me,
    )  # fmt: skip
    return books.bound(house, program="taxed", premium=Money(100_000))


def raised(house: House, policy: Policy, minor: int) -> Transaction:
    request = EndorsementRequest(FIRST_DAY, "change", change_minor=minor)
    return endorsements.endorse(policy_id=policy.id, request=request, actor=house.me)


def undone(house: House, policy: Policy, wrong: Transaction) -> None:
    reversals.undo(policy_id=policy.id, transaction_id=wrong.id, reason="slip", actor=house.me)


def charged(policy: Policy, component: str) -> int:
    return sum(Charge.objects.filter(policy=policy, component=component).values_list("amount_minor", flat=True))


def test_the_cent_that_rounding_gave_the_first_stays_with_the_second(house: House, policy: Policy) -> None:
    """5% of 1,000.10 is 50.005, so 50.01; of 1,000.20 it is 50.01. Without the first 10 cents: of 1,000.10, 50.01."""
    first = raised(house, policy, 10)
    raised(house, policy, 10)
    undone(house, policy, first)
    assert (charged(policy, "premium"), charged(policy, "surplus_lines_tax")) == (100_010, 5_001)
    assert wrong_with(policy) == []


@pytest.mark.parametrize("seed", range(5))
def test_any_of_several_may_be_undone_in_any_order(house: House, policy: Policy, seed: int) -> None:
    dice = random.Random(seed)
    made = [raised(house, policy, dice.randrange(1, 5_000)) for _ in range(5)]
    dice.shuffle(made)
    for wrong in made:
        undone(house, policy, wrong)
        premium = charged(policy, "premium")
        assert charged(policy, "surplus_lines_tax") == (premium * 5 + 50) // 100
        assert wrong_with(policy) == []
    assert premium == 100_000
