"""The nightly wake-up. Nothing imports this module."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task

from billing.runs import RunUnderWay
from coverpay import nightly
from coverpay.kernel import actors, clock, jobs

log = logging.getLogger(__name__)


@shared_task(name="nightly.begin")
def begin() -> None:
    """Wake the run of every organization that bills."""
    for organization_id in nightly.billing_organizations():
        jobs.wake("nightly.run", organization_id)


@shared_task(name="nightly.run")
def run(organization_id: str, run_on: str = "") -> None:
    """Run one organization's night, of today unless a date is named."""
    date = dt.date.fromisoformat(run_on) if run_on else clock.today()
    try:
        nightly.run(organization_id=organization_id, run_on=date, actor=actors.system("nightly"))
    except RunUnderWay:
        log.info("a run is under way already", extra={"organization_id": organization_id})
