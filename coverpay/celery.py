"""Celery only wakes us up: rows say what is due, the beat sweeps what a lost wake-up left."""

from __future__ import annotations

import os

import kombu.exceptions
import redis.exceptions
from celery import Celery
from celery.signals import worker_init
from django.core.management.base import SystemCheckError

from coverpay.kernel import jobs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coverpay.settings")

app = Celery("coverpay")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _send(task: str, *args: str) -> None:
    app.send_task(task, args=args, retry=False, ignore_result=True)


def carry_wake_ups() -> None:
    """Let `jobs.wake` travel by Celery; what a missing broker raises is a lost wake-up, not an error."""
    jobs.use(_send, errors=(OSError, kombu.exceptions.OperationalError, redis.exceptions.RedisError))


@worker_init.connect
def refuse_bad_start(**_: object) -> None:
    """End a worker before it begins where the web server would not start either."""
    from payments import system_checks

    try:
        system_checks.refuse_bad_start()
    except SystemCheckError as error:
        raise SystemExit(str(error)) from None
