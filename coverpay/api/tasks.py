"""Housekeeping of the API's own rows."""

from __future__ import annotations

from celery import shared_task

from coverpay.api import claims


@shared_task(name="api.forget_old_requests")
def forget_old_requests() -> None:
    claims.forget_old()
