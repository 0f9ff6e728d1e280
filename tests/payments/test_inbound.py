"""Inbound webhooks: verified, stored once, then processed from the row as often as it takes."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from coverpay.kernel import clock
from coverpay.kernel.errors import Busy, NotFound
from coverpay.kernel.texts import BadText
from payments import attempts, inbound, sandbox_webhooks
from payments.gateways.sandbox import Sandbox
from payments.inbound import SignatureRefused
from payments.models import Attempt, InboundEvent
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def waiting(house: House, token: str = "tok_pending_ok") -> Attempt:
    attempt = books.collecting(house, books.billed(house), token)
    attempts.submit(attempt.id)
    return attempt


def state(attempt: Attempt) -> str:
    return Attempt.objects.get(pk=attempt.id).state


def receive(house: House, body: bytes, event: str = "evt_1") -> InboundEvent:
    headers = sandbox_webhooks.signed(house.account, event, body.decode())
    stored = inbound.receive(account_id=house.account.id, headers=headers, body=body)
    assert stored is not None
    return stored


def says(attempt: Attempt, **changes: Any) -> bytes:
    charge = {"reference": attempt.id, "gateway_reference": "sbx_ch_1", "status": "succeeded", "code": "",
              "amount": attempt.amount_minor, "currency": "USD"}  # fmt: skip
    return json.dumps({"charge": {**charge, **changes}}).encode()


def test_a_webhook_is_stored_raw_and_takes_effect_when_it_is_processed(house: House, sandbox: Sandbox) -> None:
    attempt = waiting(house)
    sandbox.finish_pending(house.account.merchant)
    headers, body = books.webhooks(house)[-1]
    event = inbound.receive(account_id=house.account.id, headers=headers, body=body)
    assert event is not None
    assert (bytes(event.body), event.state, state(attempt)) == (body, "received", "pending")
    inbound.process(event.id)
    inbound.process(event.id)
    event.refresh_from_db()
    assert (event.state, event.result, state(attempt)) == ("processed", "1 outcomes", "succeeded")
    assert differences(house) == []


def test_the_same_event_is_stored_once(house: House) -> None:
    waiting(house, "tok_duplicate_webhook")
    stored = [
        inbound.receive(account_id=house.account.id, headers=headers, body=body)
        for headers, body in books.webhooks(house)
    ]
    assert len(stored) == 3
    assert stored[1:] == [None, None]
    assert InboundEvent.objects.count() == 1


def test_what_a_lost_wake_up_left_is_found_by_the_sweep(house: House, sandbox: Sandbox) -> None:
    attempt = waiting(house)
    receive(house, says(attempt))
    assert inbound.sweep() == 1
    assert inbound.sweep() == 0
    assert state(attempt) == "succeeded"


def test_events_told_out_of_order_end_the_same(house: House) -> None:
    attempt = waiting(house, "tok_out_of_order")
    for headers, body in reversed(books.webhooks(house)):
        books.deliver(house, headers, body)
    assert state(attempt) == "succeeded"
    assert differences(house) == []


def test_a_signature_that_does_not_hold_stores_nothing(house: House) -> None:
    attempt = waiting(house)
    headers = sandbox_webhooks.signed(house.account, "evt_1", says(attempt).decode())
    with pytest.raises(SignatureRefused):
        inbound.receive(account_id=house.account.id, headers=headers, body=says(attempt, amount=1))
    clock.advance(dt.timedelta(minutes=6))
    with pytest.raises(SignatureRefused):  # a replay of an old one
        inbound.receive(account_id=house.account.id, headers=headers, body=says(attempt))
    with pytest.raises(NotFound):
        inbound.receive(account_id="gwa_nobody", headers=headers, body=says(attempt))
    assert not InboundEvent.objects.exists()


def test_the_secret_of_one_account_does_not_open_another(house: House) -> None:
    other = books.open_house()
    attempt = waiting(house)
    headers = sandbox_webhooks.signed(other.account, "evt_1", says(attempt).decode())
    with pytest.raises(SignatureRefused):
        inbound.receive(account_id=house.account.id, headers=headers, body=says(attempt))


def test_a_webhook_of_one_account_never_touches_anothers_attempt(house: House) -> None:
    other = books.open_house()
    attempt = waiting(house)
    event = receive(other, says(attempt))
    inbound.process(event.id)
    event.refresh_from_db()
    assert (event.state, state(attempt)) == ("quarantined", "pending")
    assert attempt.id in event.result


@pytest.mark.parametrize(
    "body",
    [b"not json", b"[]", b'{"charge": {}}', b'{"charge": {"reference": ["x"]}}',
     b'{"charge": {"reference": "att\\u0000", "gateway_reference": "", "status": "succeeded", "code": "", "amount": 1, '
     b'"currency": "USD"}}'],
)  # fmt: skip
def test_what_cannot_be_read_or_is_not_ours_is_set_aside_with_the_reason(house: House, body: bytes) -> None:
    event = receive(house, body)
    assert inbound.sweep() == 1
    event.refresh_from_db()
    assert event.state == "quarantined"
    assert event.result.isprintable()


def test_an_event_that_cannot_be_processed_now_waits_and_keeps_no_other_waiting(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, free = waiting(house), waiting(house)
    receive(house, says(held), "evt_1")
    receive(house, says(free), "evt_2")
    record = attempts.record_outcome

    def busy(**asked: Any) -> Attempt:
        if asked["attempt_id"] == held.id:
            raise Busy("someone holds the policy")
        return record(**asked)

    with monkeypatch.context() as patch:
        patch.setattr(attempts, "record_outcome", busy)
        assert inbound.sweep() == 2
    assert (state(held), state(free)) == ("pending", "succeeded")
    assert inbound.sweep() == 1
    assert state(held) == "succeeded"


def test_an_event_id_that_cannot_be_kept_is_refused(house: House) -> None:
    with pytest.raises(BadText) as refused:
        receive(house, b"{}", event="x" * 121)
    assert refused.value.field == "external_id"


def test_a_stored_event_is_never_rewritten_and_never_comes_back(house: House) -> None:
    event = receive(house, b"{}")
    inbound.process(event.id)
    for change in ("body = ''", "state = 'received'", "external_id = 'x'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE payments_inboundevent SET {change}")


def test_the_door_answers_200_for_new_and_repeated_and_says_why_it_refuses(house: House) -> None:
    body = says(waiting(house))
    headers = sandbox_webhooks.signed(house.account, "evt_1", body.decode())

    def post(content: bytes) -> tuple[int, Any]:
        url = f"/hooks/{house.account.id}/"
        answer = Client().post(url, content, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()

    assert post(body) == (200, {"stored": True})
    assert post(body) == (200, {"stored": False})
    assert post(body + b" ")[0] == 403
    assert post(b"x" * (inbound.MAX_BODY_BYTES + 1))[0] == 422
