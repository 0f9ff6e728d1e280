"""The worklist of return premium holds what is still owed."""

from __future__ import annotations

import pytest

from billing import worklists
from tests.policies.test_life import DAY_100, ended, resumed
from tests.policies.test_life_with_money import paid
from tests.support.books import House

pytestmark = pytest.mark.django_db


def test_a_reinstated_policy_leaves_the_worklist_and_stays_in_the_list(house: House) -> None:
    """Whatever its deadline, one of the three lists has it until cover goes on."""
    policy = paid(house)
    ended(house, policy)
    waiting = worklists.returns("undated") | worklists.returns("late") | worklists.returns("soon")
    assert [row.policy_id for row in waiting] == [policy.id]
    resumed(house, policy, DAY_100)
    assert not waiting.all().exists()
    assert worklists.returns().get().policy_id == policy.id
