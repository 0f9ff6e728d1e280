"""One lock per policy: taken in one order by everyone, waited for three seconds at most."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from coverpay.kernel import commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import CommandNeeded, command
from coverpay.kernel.errors import Busy, NotFound
from policies import lifecycle, locks
from tests.support import books
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@command
def hold(*, policy_ids: list[str], meanwhile: Callable[[], object], actor: Actor) -> list[str]:
    commands.unchanged()
    held = [policy.id for policy in locks.lock_many(policy_ids)]
    meanwhile()
    return held


@pytest.fixture
def two(house: House) -> list[str]:
    return [lifecycle.quote(request=books.request(), actor=house.me).id for _ in range(2)]


def test_several_policies_are_locked_in_ascending_order_whatever_was_asked(house: House, two: list[str]) -> None:
    results = at_once(*(
        lambda ids=ids: [hold(policy_ids=ids, meanwhile=lambda: None, actor=house.me) for _ in range(20)][-1]
        for ids in (two, two[::-1], two * 2, two[::-1])
    ))  # fmt: skip
    assert results == [sorted(two)] * 4


def test_a_policy_that_is_held_too_long_is_busy(house: House, two: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LOCK_TIMEOUT_MS", 100)
    held, enough = threading.Event(), threading.Event()

    def keep() -> None:
        held.set()
        enough.wait(10)

    def wait_for_it() -> None:
        held.wait(10)
        try:
            hold(policy_ids=two, meanwhile=lambda: None, actor=house.me)
        finally:
            enough.set()

    _, refused = at_once(lambda: hold(policy_ids=two[:1], meanwhile=keep, actor=house.me), wait_for_it)
    assert isinstance(refused, Busy)
    assert locks.lock_many.is_step  # type: ignore[attr-defined]


def test_a_policy_that_is_not_there_is_named_and_no_lock_is_taken_outside_a_command(house: House) -> None:
    with pytest.raises(NotFound) as refused:
        hold(policy_ids=["pol_nobody"], meanwhile=lambda: None, actor=house.me)
    assert refused.value.field == "policy"
    with pytest.raises(CommandNeeded):
        locks.lock("pol_nobody")
