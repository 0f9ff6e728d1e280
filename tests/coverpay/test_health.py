"""Alive without touching anything, ready when the database is, metrics for this machine or a token only."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from compliance import audit, events
from compliance.models import Organization
from coverpay import health
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.webhooks import endpoints
from tests.support import world


@command
def _bound(*, org: Organization, actor: Actor) -> None:
    events.record(type="policy.bound", organization_id=org.id, object_id="pol_1", data={})
    audit.record(action="test.bound", object_id="pol_1", organization_id=org.id)


def test_alive_asks_neither_database_nor_broker() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


@pytest.mark.django_db
def test_ready_tells_each_check_with_its_time_and_does_not_need_the_broker() -> None:
    answer = Client().get("/readyz")
    checks = answer.json()["checks"]
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert {name: check["state"] for name, check in checks.items()} == {
        "database": "ok",
        "migrations": "ok",
        "broker": "failed",
    }
    assert all(check["milliseconds"] >= 0 for check in checks.values())


@pytest.mark.django_db
def test_without_the_database_it_is_alive_but_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise OperationalError("password authentication failed for user x")

    monkeypatch.setattr(health, "_database", gone)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["database"]["state"]) == (503, "failed")
    assert "password" not in answer.content.decode()


@pytest.mark.django_db
def test_with_a_migration_missing_it_is_not_ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'webhooks'")
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "not applied" in answer.json()["checks"]["migrations"]["reason"]


@pytest.mark.django_db
def test_metrics_tell_what_is_due() -> None:
    org = world.organization()
    endpoints.create(url="https://93.184.215.14/hook", actor=world.actor(org))
    _bound(org=org, actor=world.TESTER)
    text = Client().get("/metrics").content.decode()
    assert 'coverpay_deliveries{state="due"} 1.0' in text
    assert 'coverpay_oldest_due_seconds{work="deliveries"} 0.0' in text
    assert "coverpay_attempts" in text
    assert "django_http_requests_total" in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "10.0.0.8"}, 403),
        ({"REMOTE_ADDR": ""}, 403),
        ({"HTTP_X_FORWARDED_FOR": "8.8.8.8"}, 403),
        ({"HTTP_FORWARDED": "for=8.8.8.8"}, 403),
    ],
)
def test_metrics_are_for_this_machine(sent: dict[str, Any], status: int) -> None:
    assert Client().get("/metrics", **sent).status_code == status


@pytest.mark.django_db
def test_with_a_token_set_only_its_bearer_reads_metrics(settings: Any) -> None:
    settings.METRICS_TOKEN = "s3cret"
    client = Client()
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    right = {"Authorization": "Bearer s3cret"}
    assert client.get("/metrics", headers=right, REMOTE_ADDR="10.0.0.8").status_code == 200
