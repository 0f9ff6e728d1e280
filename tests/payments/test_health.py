"""The circuit breaker of a processor account: outages open it, one payment tries, an answer closes it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.models import AuditEntry, EventRecord
from compliance.permissions import Permission
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Forbidden
from payments import health
from payments.models import Breaker, GatewayAccount
from payments.routing import Health
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
SWEEP = system("test")


@command
def fail(*, account: GatewayAccount, actor: Actor, times: int = 1) -> None:
    for _ in range(times):
        health.failed(account, "no route to host")
    commands.unchanged()


@command
def work(*, account: GatewayAccount, actor: Actor) -> None:
    health.worked(GatewayAccount.objects.get(pk=account.pk))
    commands.unchanged()


@command
def claim(*, account: GatewayAccount, by: str, actor: Actor) -> bool:
    commands.unchanged()
    return health.claim(account.id, by=by)


def after(seconds: int) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


def state(house: House) -> Health:
    return health.states([house.account.id])[house.account.id]


def test_it_opens_after_so_many_outages_in_a_row_and_says_so_once(house: House) -> None:
    with clock.frozen(NOON):
        fail(account=house.account, times=settings.BREAKER_FAILURES - 1, actor=SWEEP)
        assert state(house).up
        fail(account=house.account, times=3, actor=SWEEP)
        assert state(house).words == "is down until 2026-06-01 12:00:30 UTC: no route to host"
    told = EventRecord.objects.get(type="gateway.down")
    assert told.data["account"] == house.account.id
    assert told.data["reason"] == "no route to host"
    assert AuditEntry.objects.filter(action="gateway.down", object_id=house.account.id).count() == 1


def test_an_answer_in_between_begins_the_count_anew(house: House) -> None:
    fail(account=house.account, times=settings.BREAKER_FAILURES - 1, actor=SWEEP)
    work(account=house.account, actor=SWEEP)
    fail(account=house.account, times=settings.BREAKER_FAILURES - 1, actor=SWEEP)
    assert state(house).up
    assert not EventRecord.objects.filter(type__startswith="gateway.").exists()


def test_success_of_a_clean_account_writes_nothing(house: House) -> None:
    with CaptureQueriesContext(connection) as asked:
        work(account=house.account, actor=SWEEP)
    assert not [q["sql"] for q in asked.captured_queries if q["sql"].split()[0] in ("INSERT", "UPDATE")]
    assert not Breaker.objects.exists()


def test_one_payment_tries_and_its_success_closes_the_breaker(house: House) -> None:
    with clock.frozen(NOON):
        fail(account=house.account, times=settings.BREAKER_FAILURES, actor=SWEEP)
        assert not claim(account=house.account, by="pay_early", actor=SWEEP)
    with clock.frozen(after(30)):
        assert state(house).trial
        assert claim(account=house.account, by="pay_first", actor=SWEEP)
        assert not claim(account=house.account, by="pay_second", actor=SWEEP)
        assert not state(house).up
        work(account=house.account, actor=SWEEP)
        assert state(house) == health.UP
    assert EventRecord.objects.filter(type="gateway.up").count() == 1


def test_a_try_that_fails_waits_twice_as_long_up_to_a_limit(house: House) -> None:
    with clock.frozen(NOON):
        fail(account=house.account, times=settings.BREAKER_FAILURES, actor=SWEEP)
    waits, at = [], after(30)
    for _ in range(7):
        with clock.frozen(at):
            assert claim(account=house.account, by="pay_try", actor=SWEEP)
            fail(account=house.account, actor=SWEEP)
            retry_at = Breaker.objects.get().retry_at
            assert retry_at is not None
            waits.append((retry_at - at).total_seconds())
            at = retry_at
    assert waits == [60, 120, 240, 480, 900, 900, 900]
    assert EventRecord.objects.filter(type="gateway.down").count() == 1


def test_a_try_that_never_tells_is_followed_by_another(house: House) -> None:
    with clock.frozen(NOON):
        fail(account=house.account, times=settings.BREAKER_FAILURES, actor=SWEEP)
    with clock.frozen(after(30)):
        assert claim(account=house.account, by="pay_lost", actor=SWEEP)
    with clock.frozen(after(30 + settings.BREAKER_TRIAL_SECONDS)):
        assert claim(account=house.account, by="pay_next", actor=SWEEP)
    assert Breaker.objects.get().trial_attempt_id == "pay_next"


@pytest.mark.django_db(transaction=True)
def test_of_payments_that_try_at_once_exactly_one_does(house: House) -> None:
    with clock.frozen(NOON):
        fail(account=house.account, times=settings.BREAKER_FAILURES, actor=SWEEP)
    won: list[bool] = []
    with clock.frozen(after(30)):
        at_once(*(lambda n=n: won.append(claim(account=house.account, by=f"pay_{n}", actor=SWEEP)) for n in range(4)))
    assert sorted(won) == [False, False, False, True]


@pytest.mark.django_db(transaction=True)
def test_outages_of_workers_at_once_make_one_row(house: House) -> None:
    at_once(*(lambda: fail(account=house.account, actor=SWEEP) for _ in range(4)))
    assert 1 <= Breaker.objects.get().failures_in_row <= 4


def test_a_person_takes_it_down_and_brings_it_back_with_a_reason(house: House) -> None:
    with clock.frozen(NOON):
        health.take_down(account_id=house.account.id, reason="Maintenance", actor=house.me)
        work(account=house.account, actor=SWEEP)
        assert state(house).words == "is kept down by a person since 2026-06-01 12:00 UTC: Maintenance"
        with pytest.raises(health.AlreadyDown):
            health.take_down(account_id=house.account.id, reason="Again", actor=house.me)
        health.bring_back(account_id=house.account.id, reason="Done", actor=house.me)
        assert state(house) == health.UP
        with pytest.raises(health.AlreadyUp):
            health.bring_back(account_id=house.account.id, reason="Again", actor=house.me)
    assert list(
        EventRecord.objects.filter(type__startswith="gateway").order_by("id").values_list("type", flat=True)
    ) == ["gateway.down", "gateway.up"]
    cashier = Actor("user", "u", house.operator.id, frozenset({Permission.PAYMENTS_WRITE}))
    with pytest.raises(Forbidden):
        health.take_down(account_id=house.account.id, reason="No", actor=cashier)
