"""Wake-ups of the relay."""

from __future__ import annotations

from celery import shared_task

from coverpay.kernel import jobs
from coverpay.webhooks import relay


@shared_task(name="webhooks.deliver")
def deliver(delivery_id: str) -> None:
    relay.deliver(delivery_id)


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    """Wake a worker for everything due: what a lost wake-up left, and what is to be tried again."""
    for delivery_id in relay.due():
        jobs.wake("webhooks.deliver", delivery_id)
