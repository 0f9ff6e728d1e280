"""Webhooks that never came are asked for, taken in once, and take effect like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from payments import accounts, inbound, missed_webhooks
from payments.models import GatewayAccount, InboundEvent
from tests.contracts.stripe_bench import StripeBench, processor
from tests.support import bank, world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bench(tmp_path: Path) -> StripeBench:
    return StripeBench(tmp_path)


def opened(bench: StripeBench) -> GatewayAccount:
    organization = world.organization()
    return accounts.open_account(
        gateway="stripe",
        merchant="m1",
        bank_account_id=bank.account(organization).id,
        actor=world.actor(organization),
        credentials={"secret_key": bench.keys["m1"]},
        settings={"base_url": processor().url, "read_seconds": 1},
        webhook_secret=bench.secret,
    )


def test_what_was_missed_is_taken_in_once_and_what_came_is_not_taken_again(bench: StripeBench) -> None:
    account = opened(bench)
    for minor in (1_000, 2_000, 3_000):
        bench.take(bench.charge(minor=minor))
    headers, body = bench.webhooks()[0]
    assert inbound.receive(account_id=account.id, headers=headers, body=body) is not None
    assert [missed_webhooks.catch_up(), missed_webhooks.catch_up()] == [2, 0]
    assert InboundEvent.objects.count() == 3
    assert inbound.sweep() == 3
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"quarantined"}


def test_a_processor_that_is_away_is_asked_again_later(bench: StripeBench) -> None:
    opened(bench)
    bench.take(bench.charge())
    processor().ask("faults", place="GET /v1/events", fault="unavailable")
    assert [missed_webhooks.catch_up(), missed_webhooks.catch_up()] == [0, 1]


def test_a_gateway_that_lists_none_is_not_asked() -> None:
    organization = world.organization()
    accounts.open_account(
        gateway="sandbox", merchant="m1", bank_account_id=bank.account(organization).id, actor=world.actor(organization)
    )
    assert missed_webhooks.catch_up() == 0
