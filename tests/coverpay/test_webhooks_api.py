"""Webhook endpoints over the API: opened, changed, rotated, switched off; deliveries seen and retried."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from compliance import audit, events, vault
from compliance.models import AuditEntry, Organization
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.webhooks import relay
from coverpay.webhooks.endpoints import MAX_ENDPOINTS
from coverpay.webhooks.models import Delivery, DeliveryTry, Endpoint
from tests.support import world
from tests.support.world import Api

pytestmark = pytest.mark.django_db

URL = "https://93.184.215.14/hook"


@pytest.fixture
def org() -> Organization:
    return world.organization()


@pytest.fixture
def api(org: Organization) -> Api:
    return world.api(org)


@command
def _bound(*, org: Organization, actor: Actor) -> None:
    events.record(type="policy.bound", organization_id=org.id, object_id="pol_1", data={})
    audit.record(action="test.bound", object_id="pol_1", organization_id=org.id)


def _given_up(org: Organization) -> Delivery:
    _bound(org=org, actor=world.TESTER)
    Delivery.objects.update(try_count=9)
    Endpoint.objects.update(url="http://127.0.0.1:1/")
    relay.deliver_due()
    return Delivery.objects.get()


def test_the_secret_of_a_new_endpoint_is_shown_once(api: Api) -> None:
    made = api.post("webhook-endpoints", {"url": URL, "event_types": ["policy.bound", "policy.bound"]})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert made.json()["event_types"] == ["policy.bound"]
    seen = api.get(f"webhook-endpoints/{made.json()['id']}").json()
    assert "secret" not in seen
    row = Endpoint.objects.get()
    assert made.json()["secret"] not in str(vars(row))
    assert vault.open_sealed(row.secret_sealed, row_id=row.id) == made.json()["secret"]


@pytest.mark.parametrize("url", ["http://93.184.215.14/", "https://127.0.0.1/", "https://169.254.169.254/latest", "x"])
def test_an_endpoint_that_leads_inside_is_refused_by_field(api: Api, url: str, settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = False
    answer = api.post("webhook-endpoints", {"url": url})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "target_refused", "url")
    made = api.post("webhook-endpoints", {"url": URL}).json()["id"]
    assert api.patch(f"webhook-endpoints/{made}", {"url": url}).json()["code"] == "target_refused"
    assert Endpoint.objects.get().url == URL


def test_an_event_type_nobody_records_is_refused(api: Api) -> None:
    answer = api.post("webhook-endpoints", {"url": URL, "event_types": ["policy.exploded"]})
    assert (answer.status_code, answer.json()["field"]) == (422, "event_types")


def test_a_change_keeps_before_and_after_and_no_change_keeps_nothing(api: Api) -> None:
    made = api.post("webhook-endpoints", {"url": URL}).json()["id"]
    changed = api.patch(f"webhook-endpoints/{made}", {"description": "ledger"})
    assert (changed.status_code, changed.json()["description"], changed.json()["url"]) == (200, "ledger", URL)
    api.patch(f"webhook-endpoints/{made}", {"description": "ledger"})
    entry = AuditEntry.objects.get(action="webhook_endpoint.update")
    assert (entry.before["description"], entry.after["description"]) == ("", "ledger")


def test_rotating_gives_a_new_secret_and_says_until_when_the_old_one_signs(api: Api) -> None:
    made = api.post("webhook-endpoints", {"url": URL}).json()
    rotated = api.post(f"webhook-endpoints/{made['id']}/rotate-secret", {"overlap_hours": 2})
    assert rotated.status_code == 200
    assert rotated.json()["secret"] != made["secret"]
    assert rotated.json()["previous_secret_until"] > clock.now().isoformat()
    wrong = api.post(f"webhook-endpoints/{made['id']}/rotate-secret", {"overlap_hours": 999})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "overlap_hours")
    entry = AuditEntry.objects.get(action="webhook_endpoint.rotate_secret")
    assert entry.before["secret_mark"] != entry.after["secret_mark"]
    assert made["secret"] not in str(entry.before)


def test_disabling_and_enabling_leave_their_entries(api: Api) -> None:
    made = api.post("webhook-endpoints", {"url": URL}).json()["id"]
    off = api.post(f"webhook-endpoints/{made}/disable", {"reason": "moving"})
    assert (off.json()["disabled_reason"], off.json()["disabled_at"] is None) == ("moving", False)
    assert api.post(f"webhook-endpoints/{made}/disable").status_code == 200
    assert api.post(f"webhook-endpoints/{made}/enable").json()["disabled_at"] is None
    actions = AuditEntry.objects.filter(object_id=made).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["webhook_endpoint.create", "webhook_endpoint.disable", "webhook_endpoint.enable"]


def test_an_organization_has_a_bounded_number_of_endpoints(api: Api) -> None:
    for _ in range(MAX_ENDPOINTS):
        assert api.post("webhook-endpoints", {"url": URL}).status_code == 201
    assert api.post("webhook-endpoints", {"url": URL}).status_code == 409


def test_a_delivery_that_was_given_up_is_shown_with_its_tries_and_retried(
    api: Api, org: Organization, settings: Any
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True
    api.post("webhook-endpoints", {"url": URL})
    delivery = _given_up(org)
    shown = api.get("webhook-deliveries", state="given_up").json()["data"][0]
    assert (shown["id"], shown["event_type"]) == (delivery.id, "policy.bound")
    assert shown["tries"][0]["error"] == "Port 1 belongs to another service; use 80 or one from 1024 on."
    again = api.post(f"webhook-deliveries/{delivery.id}/retry")
    assert (again.status_code, again.json()["state"]) == (200, "due")
    assert relay.due() == [delivery.id]


def test_a_delivered_one_is_not_retried(api: Api, org: Organization) -> None:
    api.post("webhook-endpoints", {"url": URL})
    _bound(org=org, actor=world.TESTER)
    delivery = Delivery.objects.get()
    delivery.deliver()
    delivery.save()
    answer = api.post(f"webhook-deliveries/{delivery.id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


def test_a_reader_sees_endpoints_and_changes_none(api: Api, org: Organization) -> None:
    made = api.post("webhook-endpoints", {"url": URL}).json()["id"]
    reader = world.api(org, Permission.WEBHOOKS_READ)
    assert reader.get("webhook-endpoints").json()["data"][0]["id"] == made
    for verb in ("disable", "enable", "rotate-secret"):
        assert reader.post(f"webhook-endpoints/{made}/{verb}").status_code == 403
    assert reader.patch(f"webhook-endpoints/{made}", {"description": "x"}).status_code == 403
    stranger = world.api(world.organization())
    assert stranger.post(f"webhook-endpoints/{made}/disable").status_code == 404
    assert stranger.patch(f"webhook-endpoints/{made}", {"description": "x"}).status_code == 404


def test_raw_sql_cannot_undeliver_or_rewrite_a_try(api: Api, org: Organization, settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True
    api.post("webhook-endpoints", {"url": URL})
    delivery = _given_up(org)
    delivery_table, try_table = Delivery._meta.db_table, DeliveryTry._meta.db_table
    for verb in (
        f"UPDATE {delivery_table} SET state = 'delivered' WHERE id = '{delivery.id}'",
        f"DELETE FROM {delivery_table}",
        f"UPDATE {try_table} SET status = 200",
        f"DELETE FROM {try_table}",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(verb)
