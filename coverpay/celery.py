"""Celery only wakes us up: rows say what is due, the beat sweeps what a lost wake-up left."""

from __future__ import annotations

import os

import kombu.exceptions
import redis.exceptions
from celery import Celery, bootsteps
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


class RefuseBadStart(bootsteps.Step):
    """A worker's first step: it ends before it begins where the web server would not start either."""

    def __init__(self, parent: object, **options: object) -> None:
        from payments import system_checks

        try:
            system_checks.refuse_bad_start()
        except SystemCheckError as error:
            raise SystemExit(str(error)) from None
        super().__init__(parent, **options)


app.steps["worker"].add(RefuseBadStart)
