"""Is it alive, is it ready, and how much is due: for load balancers, supervisors and Prometheus."""

from __future__ import annotations

import functools
import hmac
import ipaddress
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, Min, Model
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from coverpay.kernel import clock
from coverpay.webhooks.models import Delivery
from payments.models import Attempt
from reconciliation.models import Break

BROKER_TIMEOUT_SECONDS = 1


class NotReady(Exception):
    """What is missing, in a few words."""


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """Say that this process answers; touches nothing else."""
    return JsonResponse({"status": "alive"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Say whether requests can be served: 503 without the database or with migrations missing.

    The broker is told but not asked for: work waits in rows and the sweeps find it.
    """
    checks = {
        "database": _checked(_database),
        "migrations": _checked(_migrations),
        "broker": {**_checked(_broker), "required": False},
    }
    ok = all(check["state"] == "ok" for check in checks.values() if check.get("required", True))
    return JsonResponse({"status": "ready" if ok else "not ready", "checks": checks}, status=200 if ok else 503)


def _checked(check: Callable[[], None]) -> dict[str, Any]:
    started = time.monotonic()
    try:
        check()
        state: dict[str, Any] = {"state": "ok"}
    except (NotReady, DatabaseError, redis.RedisError, OSError) as error:
        state = {"state": "failed", "reason": str(error) if isinstance(error, NotReady) else type(error).__name__}
    return {**state, "milliseconds": round((time.monotonic() - started) * 1000, 1)}


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrations() -> None:
    missing = _shipped() - set(MigrationRecorder(connection).applied_migrations())
    if missing:
        raise NotReady(f"{len(missing)} migrations are not applied")


@functools.cache
def _shipped() -> frozenset[tuple[str, str]]:
    """The migrations of this code; files do not change while it runs."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _broker() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=BROKER_TIMEOUT_SECONDS,
        socket_timeout=BROKER_TIMEOUT_SECONDS,
    )
    try:
        client.ping()
    finally:
        client.close()


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Give the process's metrics and what is due in the books, to the local machine or the bearer of METRICS_TOKEN."""
    if not _may_scrape(request):
        return HttpResponse("Scrape from this machine, or send METRICS_TOKEN as a bearer token.\n", status=403)
    due = CollectorRegistry()
    due.register(DueWork())
    return HttpResponse(generate_latest(_process_registry()) + generate_latest(due), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        sent = request.headers.get("Authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    proxied = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"))
    try:
        return not proxied and ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _process_registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


class DueWork(Collector):
    """Gauges read from the rows at each scrape: what waits, and for how long."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _by("coverpay_attempts", "Payment attempts by state.", Attempt, "state")
        yield _by("coverpay_deliveries", "Webhook deliveries by state.", Delivery, "state")
        yield _by("coverpay_open_breaks", "Open reconciliation breaks by kind.", Break, "kind", state="open")
        ages = GaugeMetricFamily("coverpay_oldest_due_seconds", "Age of the oldest work due.", labels=["work"])
        ages.add_metric(["attempts"], _age(Attempt, "next_check_at", state__in=Attempt.LIVE))
        ages.add_metric(["deliveries"], _age(Delivery, "next_try_at", state="due", endpoint__disabled_at=None))
        yield ages


def _by(name: str, text: str, model: type[Model], label: str, **only: Any) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, text, labels=[label])
    counts = model._default_manager.filter(**only).order_by().values_list(label).annotate(Count("pk"))
    for value, count in counts:
        gauge.add_metric([value], count)
    return gauge


def _age(model: type[Model], moment: str, **only: Any) -> int:
    oldest = model._default_manager.filter(**only).aggregate(oldest=Min(moment))["oldest"]
    return 0 if oldest is None else max(0, int((clock.now() - oldest).total_seconds()))
