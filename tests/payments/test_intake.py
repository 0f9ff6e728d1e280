"""Many webhooks stored while nothing processes them: afterwards each took effect, none is lost or counted twice."""

from __future__ import annotations

import json
import random

import pytest
from django.db import OperationalError

from billing.models import Receipt
from coverpay.kernel import jobs
from payments import attempts, inbound, sandbox_webhooks
from payments.models import Attempt, InboundEvent
from tests.support import books
from tests.support.books import House
from tests.support.database import at_once
from tests.support.ties import differences

pytestmark = pytest.mark.django_db(transaction=True)
PAYMENTS, NEWS_EACH, STRANGE = 15, 8, 1_900


def store(house: House, event: str, reference: str, status: str, minor: int) -> None:
    charge = {"reference": reference, "gateway_reference": f"sbx_{reference[-6:]}", "status": status, "code": "",
              "amount": minor, "currency": "USD"}  # fmt: skip
    body = json.dumps({"charge": charge})
    headers = sandbox_webhooks.signed(house.account, event, body)
    assert inbound.receive(account_id=house.account.id, headers=headers, body=body.encode()) is not None


def store_all(house: House, waiting: list[Attempt]) -> None:
    """Eight different events about each payment (pending, then succeeded, again and again), among strange ones."""
    ours = [(f"evt_{n}_{a.id}", a.id, a.amount_minor, n) for n in range(NEWS_EACH) for a in waiting]
    strange = [(f"evt_{n}", f"att_{n:026d}", 100, n) for n in range(STRANGE)]
    mixed = [*ours, *strange]
    random.Random(8).shuffle(mixed)
    for event, reference, minor, number in mixed:
        store(house, event, reference, "succeeded" if number % 3 == 2 else "pending", minor)


def test_two_thousand_events_stored_during_a_stop_take_effect_once_each(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [books.collecting(house, books.billed(house), "tok_pending_ok") for _ in range(PAYMENTS)]
    for attempt in waiting:
        attempts.submit(attempt.id)
    store_all(house, waiting)
    assert InboundEvent.objects.filter(state="received").count() == 2_020

    record, seen = attempts.record_outcome, []

    def dying(**asked: object) -> Attempt:
        seen.append(asked)
        if len(seen) == 20:
            raise OperationalError("the worker is killed")
        return record(**asked)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(attempts, "record_outcome", dying)
        with pytest.raises(OperationalError):
            inbound.sweep()
    assert 0 < InboundEvent.objects.filter(state="processed").count() < PAYMENTS * NEWS_EACH

    def until_done() -> int:
        return sum(iter(inbound.sweep, 0))

    assert all(type(swept) is int for swept in at_once(until_done, until_done))
    assert InboundEvent.objects.filter(state="processed", result="1 outcomes").count() == PAYMENTS * NEWS_EACH
    assert InboundEvent.objects.filter(state="quarantined").count() == STRANGE
    assert Attempt.objects.filter(state="succeeded").count() == PAYMENTS
    assert Receipt.objects.filter(source_id__in=[a.payment_id for a in waiting]).count() == PAYMENTS
    assert differences(house) == []


def test_a_broker_that_is_away_is_asked_once_and_then_left_alone_for_a_while(house: House) -> None:
    attempt = books.collecting(house, books.billed(house), "tok_pending_ok")
    attempts.submit(attempt.id)
    asked: list[str] = []

    def away(task: str, *args: str) -> None:
        asked.append(task)
        raise OSError("no broker")

    before = (jobs._transport, jobs._transport_errors)
    jobs.use(away)
    for number in range(5):
        body = json.dumps({"number": number})
        headers = sandbox_webhooks.signed(house.account, f"evt_{number}", body)
        inbound.receive(account_id=house.account.id, headers=headers, body=body.encode())
    jobs.use(*before)
    assert asked == ["payments.process_inbound"]
    assert InboundEvent.objects.filter(state="received").count() == 5
