"""The relay: an event reaches every endpoint that wants it, signed, the same bytes at every try, until it gives up."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from compliance import audit, events
from compliance.models import AuditEntry, Organization
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import IllegalTransition
from coverpay.webhooks import deliveries, endpoints, relay, sender
from coverpay.webhooks.deliveries import BACKOFF_SECONDS, LEASE_SECONDS
from coverpay.webhooks.endpoints import IssuedEndpoint
from coverpay.webhooks.models import Delivery, DeliveryTry
from coverpay.webhooks.sender import Reply, SendFailed
from tests.support import world
from tests.support.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def private(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def org() -> Organization:
    return world.organization()


@command
def bound(*, org: Organization, actor: Actor, type: str = "policy.bound", fail: bool = False) -> str:
    data = {"number": "Ä-1", "total_minor": 1_071_800}
    event = events.record(type=type, organization_id=org.id, object_id="pol_1", data=data)
    audit.record(action="test.bound", object_id="pol_1", organization_id=org.id)
    if fail:
        raise IllegalTransition("undone")
    return event.id


def _endpoint(org: Organization, url: str, **more: Any) -> IssuedEndpoint:
    return endpoints.create(url=url, actor=world.actor(org), **more)


def test_a_delivered_event_is_signed_as_standard_webhooks_says(org: Organization, receiver: Receiver) -> None:
    issued = _endpoint(org, receiver.url)
    event_id = bound(org=org, actor=world.TESTER)
    assert relay.deliver_due() == 1
    got = receiver.received[0]
    message = Webhook(issued.secret).verify(got.body, got.headers)
    assert got.headers["webhook-id"] == message["id"] == event_id
    assert message["type"] == "policy.bound"
    assert message["data"] == {"object_id": "pol_1", "number": "Ä-1", "total_minor": 1_071_800}
    assert dt.datetime.fromisoformat(message["timestamp"]).tzinfo is not None
    assert Delivery.objects.get().state == "delivered"


def test_a_changed_body_or_another_secret_does_not_verify(org: Organization, receiver: Receiver) -> None:
    issued, other = _endpoint(org, receiver.url), _endpoint(world.organization(), receiver.url)
    bound(org=org, actor=world.TESTER)
    relay.deliver_due()
    got = receiver.received[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(issued.secret).verify(got.body.replace(b"1071800", b"9"), got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other.secret).verify(got.body, got.headers)


def test_every_try_sends_the_same_bytes_under_the_same_id(org: Organization, receiver: Receiver) -> None:
    issued = _endpoint(org, receiver.url)
    bound(org=org, actor=world.TESTER)
    receiver.statuses = [500, 302, 204]
    for _ in range(3):
        relay.deliver_due()
        Delivery.objects.update(next_try_at=clock.now())
    assert len({got.body for got in receiver.received}) == 1
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    Webhook(issued.secret).verify(receiver.received[2].body, receiver.received[2].headers)
    tries = list(DeliveryTry.objects.values_list("number", "status", "response"))
    assert tries == [(1, 500, "ok"), (2, 302, "ok"), (3, 204, "")]
    assert Delivery.objects.get().delivered_at is not None


def test_a_failing_endpoint_is_tried_later_and_later_then_given_up(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    _endpoint(org, "http://127.0.0.1:9999/")
    bound(org=org, actor=world.TESTER)

    def refuse(*_: Any) -> Reply:
        raise SendFailed("connection refused")

    monkeypatch.setattr(sender, "post", refuse)
    waits = []
    with clock.frozen(clock.now()):
        while relay.deliver_due() == 1:
            delivery = Delivery.objects.get()
            if delivery.state == "due":
                waits.append((delivery.next_try_at - clock.now()).total_seconds())
                assert relay.deliver_due() == 0
                clock.advance(delivery.next_try_at - clock.now())
    assert tuple(waits) == BACKOFF_SECONDS
    assert (delivery.state, delivery.try_count) == ("given_up", len(BACKOFF_SECONDS) + 1)
    assert {row.error for row in DeliveryTry.objects.all()} == {"connection refused"}


def test_only_enabled_endpoints_of_the_organization_that_want_the_type_get_it(org: Organization) -> None:
    admin, elsewhere = world.actor(org), "http://127.0.0.1:9999/"
    every = _endpoint(org, elsewhere).endpoint
    some = _endpoint(org, elsewhere, event_types=["policy.bound", "invoice.paid"]).endpoint
    _endpoint(org, elsewhere, event_types=["invoice.paid"])
    _endpoint(world.organization(), elsewhere)
    endpoints.disable(endpoint_id=_endpoint(org, elsewhere).endpoint.id, actor=admin)
    bound(org=org, actor=world.TESTER)
    assert set(Delivery.objects.values_list("endpoint_id", flat=True)) == {every.id, some.id}


def test_an_event_that_was_undone_is_owed_to_nobody(org: Organization) -> None:
    _endpoint(org, "http://127.0.0.1:9999/")
    with pytest.raises(IllegalTransition):
        bound(org=org, actor=world.TESTER, fail=True)
    assert not Delivery.objects.exists()


def test_a_receiver_that_is_gone_is_disabled_and_asked_no_more(org: Organization, receiver: Receiver) -> None:
    endpoint = _endpoint(org, receiver.url).endpoint
    bound(org=org, actor=world.TESTER)
    bound(org=org, actor=world.TESTER)
    receiver.statuses = [410]
    relay.deliver(relay.due()[0])
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == "the receiver answered 410 Gone"
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["due", "given_up"]
    assert relay.deliver_due() == 0
    assert len(receiver.received) == 1


def test_what_was_due_is_delivered_once_the_endpoint_is_enabled_again(org: Organization, receiver: Receiver) -> None:
    admin, endpoint = world.actor(org), _endpoint(org, receiver.url).endpoint
    bound(org=org, actor=world.TESTER)
    endpoints.disable(endpoint_id=endpoint.id, actor=admin)
    assert relay.deliver_due() == 0
    endpoints.enable(endpoint_id=endpoint.id, actor=admin)
    assert (relay.deliver_due(), len(receiver.received)) == (1, 1)


def test_during_a_rotation_both_secrets_sign_and_afterwards_the_new_one(org: Organization, receiver: Receiver) -> None:
    admin, old = world.actor(org), _endpoint(org, receiver.url)
    new = endpoints.rotate_secret(endpoint_id=old.endpoint.id, overlap_hours=1, actor=admin)
    bound(org=org, actor=world.TESTER)
    relay.deliver_due()
    got = receiver.received[0]
    assert Webhook(old.secret).verify(got.body, got.headers) == Webhook(new.secret).verify(got.body, got.headers)
    with clock.frozen(clock.now() + dt.timedelta(hours=1)):
        assert endpoints.secrets_of(new.endpoint) == [new.secret]


def test_a_rotation_without_overlap_drops_the_old_secret_at_once(org: Organization) -> None:
    old = _endpoint(org, "http://127.0.0.1:9999/")
    new = endpoints.rotate_secret(endpoint_id=old.endpoint.id, overlap_hours=0, actor=world.actor(org))
    assert endpoints.secrets_of(new.endpoint) == [new.secret]


def test_a_try_whose_process_died_is_due_again_after_the_lease(org: Organization, receiver: Receiver) -> None:
    _endpoint(org, receiver.url)
    bound(org=org, actor=world.TESTER)
    delivery_id = relay.due()[0]
    assert deliveries.take_up(delivery_id=delivery_id, actor=relay.RELAY) is not None
    assert relay.deliver(delivery_id) is None
    with clock.frozen(clock.now() + dt.timedelta(seconds=LEASE_SECONDS + 1)):
        assert relay.due() == [delivery_id]
        relay.deliver(delivery_id)
    assert Delivery.objects.get().state == "delivered"


def test_a_name_that_leads_inside_by_now_is_refused_at_delivery_too(org: Organization, settings: Any) -> None:
    _endpoint(org, "http://127.0.0.1:9999/")
    bound(org=org, actor=world.TESTER)
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = False
    relay.deliver_due()
    row = DeliveryTry.objects.get()
    assert (row.status, row.error) == (None, "Use an https address.")


def test_the_trail_tells_each_try(org: Organization, receiver: Receiver) -> None:
    _endpoint(org, receiver.url)
    bound(org=org, actor=world.TESTER)
    relay.deliver_due()
    entry = AuditEntry.objects.get(action="webhook_delivery.try")
    assert entry.before == {"state": "due", "try_count": 0}
    assert entry.after == {"state": "delivered", "try_count": 1, "status": 200, "error": ""}
    assert json.loads(receiver.received[0].body)["id"] == Delivery.objects.get().event_id
