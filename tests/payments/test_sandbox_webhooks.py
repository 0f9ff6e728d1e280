"""The sandbox tells our own door, signed; what is not accepted is told again."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from django.test import Client

from payments import attempts, inbound, sandbox_webhooks
from payments.gateways.sandbox import Sandbox
from payments.models import Attempt, InboundEvent
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db


class Door:
    """Bring posts to our own views instead of the network; refuse or be away when told so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away = False
        self.seen: list[str] = []
        monkeypatch.setattr(requests, "post", self.post)

    def post(self, url: str, *, data: str, headers: dict[str, str], timeout: float) -> Any:
        if self.away:
            raise requests.ConnectionError("refused")
        assert timeout
        path = url.removeprefix("http://127.0.0.1:8000")
        self.seen.append(path)
        return Client().post(path, data, content_type="application/json", headers=headers)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Door:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    return Door(monkeypatch)


def test_what_the_sandbox_has_to_tell_arrives_once_and_takes_effect(house: House, sandbox: Sandbox, door: Door) -> None:
    attempt = books.collecting(house, books.billed(house), "tok_pending_ok")
    attempts.submit(attempt.id)
    sandbox.finish_pending(house.account.merchant)
    assert sandbox_webhooks.emit() == 2
    assert sandbox_webhooks.emit() == 0
    assert set(door.seen) == {f"/hooks/{house.account.id}/"}
    inbound.sweep()
    assert Attempt.objects.get(pk=attempt.id).state == "succeeded"


def test_what_was_not_delivered_is_told_again(house: House, door: Door) -> None:
    books.paid(house, books.billed(house))
    door.away = True
    assert sandbox_webhooks.emit() == 0
    door.away = False
    assert sandbox_webhooks.emit() == 1
    assert InboundEvent.objects.count() == 1


def test_what_is_refused_stays_and_stops_no_other(house: House, sandbox: Sandbox, door: Door) -> None:
    sandbox.books.tell(house.account.merchant, "x" * 200, {"id": "too long", "charge": {}})
    books.paid(house, books.billed(house))
    assert sandbox_webhooks.emit() == 1
    assert len(sandbox.books.untold(house.account.merchant)) == 1


def test_a_sandbox_that_is_switched_off_tells_nothing(house: House, door: Door, settings: Any) -> None:
    books.paid(house, books.billed(house))
    settings.SANDBOX_ENABLED = False
    assert sandbox_webhooks.emit() == 0
    assert door.seen == []
