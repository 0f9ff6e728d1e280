"""Two people and two workers at one bank account at once, at random: nothing matches twice, closed stays closed."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from tests.support import bank_storm
from tests.support.bank_storm import Storm
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db(transaction=True)
STEPS = 60


@pytest.mark.parametrize("seed", [20_260_501, 20_260_502, 20_260_503])
def test_whatever_four_hands_do_at_once_no_line_matches_twice_and_nothing_gets_into_a_closed_period(
    house: House, seed: int
) -> None:
    storm = Storm(house, seed)
    hands = [storm.hand("ann"), storm.hand("ben"), storm.hand("worker-1"), storm.hand("worker-2")]
    results = at_once(*(partial(storm.walk, hand, STEPS) for hand in hands))
    assert results == [None] * len(hands)
    done = sum((hand.done for hand in hands), Counter[str]())
    assert set(done) == {step.__name__ for step in storm.steps}, (done, [hand.refused for hand in hands])
    assert bank_storm.faults(storm) == []
    assert bank_storm.settled(storm) == []
    assert bank_storm.faults(storm) == []
