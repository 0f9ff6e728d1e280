"""What commands do when they meet each other on real connections."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from compliance.models import Organization
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Busy
from tests.support.database import at_once

ME = system("test")
pytestmark = pytest.mark.django_db(transaction=True)


@command
def lock_both(*, first: str, second: str, between: Callable[[], object], actor: Actor) -> str:
    commands.unchanged()
    rows = Organization.objects.select_for_update()
    rows.get(code=first)
    between()
    rows.get(code=second)
    return "done"


@command
def hurried(*, code: str, actor: Actor) -> None:
    commands.unchanged()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '100ms'")
    Organization.objects.select_for_update().get(code=code)


@command
def durable_only(*, actor: Actor) -> None:
    commands.unchanged()


@pytest.fixture
def two_rows() -> None:
    for code in ("one", "two"):
        Organization.objects.create(kind="mga", name=code, code=code)


@pytest.mark.usefixtures("two_rows")
def test_a_deadlock_ends_as_done_for_one_and_busy_for_the_other() -> None:
    meet = threading.Barrier(2)
    results = at_once(
        lambda: lock_both(first="one", second="two", between=lambda: meet.wait(10), actor=ME),
        lambda: lock_both(first="two", second="one", between=lambda: meet.wait(10), actor=ME),
    )
    assert results.count("done") == 1
    assert [type(result) for result in results if result != "done"] == [Busy]


@pytest.mark.usefixtures("two_rows")
def test_a_lock_that_cannot_be_had_in_time_is_busy() -> None:
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Organization.objects.select_for_update().get(code="one")
            held.set()
            enough.wait(10)

    def try_it() -> None:
        held.wait(10)
        try:
            hurried(code="one", actor=ME)
        finally:
            enough.set()

    _, refused = at_once(hold, try_it)
    assert isinstance(refused, Busy)


def test_a_command_inside_someone_elses_transaction_is_refused() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        durable_only(actor=ME)


def test_each_thread_has_its_own_open_command() -> None:
    meet = threading.Barrier(2)

    @command
    def meeting(*, actor: Actor) -> str:
        commands.unchanged()
        meet.wait(10)
        return commands.current().actor.id

    names = at_once(lambda: meeting(actor=system("a")), lambda: meeting(actor=system("b")))
    assert names == ["a", "b"]
