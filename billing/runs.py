"""The record of nightly runs: begun, how far each step is, what could not be done, finished."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from django.db import InterfaceError, OperationalError, connection

from billing.models import BillingRun, RunFailure
from compliance import access, audit
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid, NotFound

COUNTED = ("due", "done", "failed", "amount_minor")


class RunUnderWay(Conflict):
    """A run of the organization is at work; this one would meet it on every policy."""

    code = "run_under_way"


class RunTooEarly(Invalid):
    """The date has not come; what it would bill is not due yet."""

    code = "run_too_early"


@contextmanager
def alone(organization_id: str) -> Iterator[None]:
    """Hold the organization's run for this connection; losing the connection lets go of it.

    Raises: RunUnderWay.
    """
    key = f"billing-run:{organization_id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
        if cursor.fetchone() != (True,):
            raise RunUnderWay("A run of this organization is under way; see its progress, or wait for it.")
    try:
        yield
    finally:
        with suppress(OperationalError, InterfaceError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])


@command
def begin(*, organization_id: str, run_on: dt.date, actor: Actor) -> BillingRun:
    """Begin the run of a date, or give the one there is; a finished one is opened again once it changes something.

    Raises: Forbidden, NotFound (organization), RunTooEarly.
    """
    access.require(actor, Permission.BILLING_WRITE)
    of = Organization.objects.filter(pk=organization_id).first()
    if of is None or (not actor.sees_all and actor.organization_id != organization_id):
        raise NotFound(f"No organization {organization_id}.", field="organization")
    if run_on > clock.today():
        raise RunTooEarly(f"Today is {clock.today()}; run for {run_on} when it has come.", field="date")
    run, created = BillingRun.objects.get_or_create(organization=of, run_on=run_on)
    if created:
        _note(run, "billing_run.begin", before={})
    else:
        commands.unchanged()
    return run


@step
def advance(run_id: str, name: str, *, due: int, done: int = 0, failed: int = 0, amount_minor: int = 0) -> None:
    """Count what the open command did for a step, so that the count commits with it."""
    run = BillingRun.objects.select_for_update(no_key=True).get(pk=run_id)
    if run.state == BillingRun.State.FINISHED:
        run.resume()
        _note(run, "billing_run.resume", before={"state": BillingRun.State.FINISHED})
    before = {**dict.fromkeys(COUNTED, 0), **run.progress.get(name, {})}
    run.progress[name] = {
        "due": due,
        "done": before["done"] + done,
        "failed": failed,
        "amount_minor": before["amount_minor"] + amount_minor,
    }
    run.save(update_fields=["progress", "state"])


@command
def count(*, run_id: str, name: str, due: int, failed: int, amount_minor: int, actor: Actor) -> None:
    """Count what is known only after the work is done."""
    advance(run_id, name, due=due, failed=failed, amount_minor=amount_minor)
    commands.unchanged()


@command
def fail(
    *, run_id: str, name: str, object_id: str, code: str, message: str, due: int, failed: int, actor: Actor
) -> None:
    """Keep what a step could not do, and why. The same failure of a run is kept once."""
    message = texts.shown(message, 500)
    run = BillingRun.objects.get(pk=run_id)
    same: dict[str, Any] = {"run": run, "step": name, "object_id": object_id, "code": code, "message": message}
    known = RunFailure.objects.filter(**same).exists()
    if known and run.progress.get(name, {}).get("failed", 0) >= failed:
        commands.unchanged()
        return
    advance(run_id, name, due=due, failed=failed)
    if not known:
        RunFailure.objects.create(**same)
    audit.record(
        action="billing_run.fail",
        object_id=run_id,
        organization_id=run.organization_id,
        after={"step": name, "object": object_id, "code": code},
        reason=message,
    )


@command
def finish(*, run_id: str, steps: Mapping[str, Mapping[str, int]], actor: Actor) -> BillingRun:
    """Close a run whose every step went through; one that changed nothing since it was finished stays as it is.

    Takes: `steps`, the counts of this time, for those that had nothing to do, and for what proved not to be due.
    """
    run = BillingRun.objects.select_for_update(no_key=True).get(pk=run_id)
    if run.state == BillingRun.State.FINISHED:
        commands.unchanged()
        return run
    for name, counted in steps.items():
        run.progress.setdefault(name, dict(counted))["due"] = counted["due"]
    before = {"state": run.state}
    run.finished_at = clock.now()
    run.finish()
    run.save(update_fields=["state", "finished_at", "progress"])
    _note(run, "billing_run.finish", before=before)
    return run


def _note(run: BillingRun, action: str, *, before: Mapping[str, Any]) -> None:
    audit.record(
        action=action,
        object_id=run.id,
        organization_id=run.organization_id,
        before=before,
        after={"run_on": run.run_on.isoformat(), "state": run.state, "progress": run.progress},
    )
