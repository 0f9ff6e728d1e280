"""The nightly run: what a date brings due, step by step, each piece a command of its own.

State is the queue: a step asks the rows what is due and does it, so running again for the same date does only what is
left, wherever it was stopped. What cannot be done is kept as a failure and never keeps the others waiting.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, OperationalError
from django_fsm import TransitionNotAllowed

from billing import runs
from billing.models import BillingRun
from compliance.models import Organization
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import DomainError
from coverpay.nightly_steps import STEPS, Chunk, Step
from policies.models import Policy

CHUNK = 1000
BROKEN = (DomainError, DatabaseError, TransitionNotAllowed, ArithmeticError, AttributeError, LookupError,
          TypeError, ValueError)  # fmt: skip
"""What one broken policy may raise. Anything else ends the run, which goes on where it was when it is run again."""


@dataclass(slots=True)
class Progress:
    """How far a step is, as told to whoever watches."""

    step: Step
    due: int = 0
    done: int = 0
    failed: int = 0
    amount_minor: int = 0


Watch = Callable[[Progress], None]


@dataclass(slots=True)
class _Night:
    """A run at work."""

    run: BillingRun
    actor: Actor
    watch: Watch
    steps: dict[str, Progress] = field(default_factory=dict)


def run(*, organization_id: str, run_on: dt.date, actor: Actor, watch: Watch = lambda _: None) -> BillingRun:
    """Do for an organization whatever is due through a date.

    Gives:  the run with its counts and failures. A run of that date that has nothing left changes nothing.
    Raises: Forbidden, NotFound, RunTooEarly, RunUnderWay.
    """
    with runs.alone(organization_id):
        night = _Night(runs.begin(organization_id=organization_id, run_on=run_on, actor=actor), actor, watch)
        for step in STEPS:
            _do(night, step)
        counted = {
            name: {"due": p.due, "done": p.done, "failed": p.failed, "amount_minor": p.amount_minor}
            for name, p in night.steps.items()
        }
        return runs.finish(run_id=night.run.id, steps=counted, actor=actor)


def billing_organizations() -> list[str]:
    """The organizations that bill policies, in order."""
    own = Policy.objects.order_by("operator_id").values("operator_id").distinct()
    return list(Organization.objects.filter(pk__in=own).order_by("id").values_list("id", flat=True))


def _do(night: _Night, step: Step) -> None:
    rows = step.due(night.run.organization_id, night.run.run_on)
    waiting, before = rows.count(), night.run.progress.get(step.name, {})
    progress = night.steps[step.name] = Progress(
        step, before.get("done", 0) + waiting, before.get("done", 0), 0, before.get("amount_minor", 0)
    )
    night.watch(progress)
    if not waiting:
        return
    for ids in _chunks(rows.iterator(chunk_size=CHUNK)):
        for id in _at_once(night, step, progress, ids) if step.many else ids:
            _one(night, step, progress, id)
            night.watch(progress)
        night.watch(progress)


def _chunks(ids: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(itertools.islice(ids, CHUNK)):
        yield chunk


def _at_once(night: _Night, step: Step, progress: Progress, ids: Sequence[str]) -> Sequence[str]:
    """Do a chunk in one command. Gives what must be done one by one: all of it when any of it is broken."""
    try:
        chunk = _chunk(night=night, step=step, progress=progress, ids=ids, actor=night.actor)
    except OperationalError:
        raise
    except BROKEN:
        return ids
    progress.done += chunk.done
    progress.amount_minor += chunk.amount_minor
    return chunk.left


@command
def _chunk(*, night: _Night, step: Step, progress: Progress, ids: Sequence[str], actor: Actor) -> Chunk:
    assert step.many is not None
    chunk = step.many(ids, night.run.run_on)
    if chunk.done:
        runs.advance(
            night.run.id,
            step.name,
            due=progress.due,
            done=chunk.done,
            failed=progress.failed,
            amount_minor=chunk.amount_minor,
        )
    else:
        commands.unchanged()
    return chunk


def _one(night: _Night, step: Step, progress: Progress, id: str) -> None:
    """Do one thing; its count commits with it. A failure is kept and the next one is done."""

    def counted(_: commands.OpenCommand) -> None:
        runs.advance(night.run.id, step.name, due=progress.due, done=1, failed=progress.failed)
        changed.append(id)

    changed: list[str] = []
    try:
        with commands.witnessed(counted):
            amount_minor = step.one(id, night.run.run_on, night.actor)
    except OperationalError:
        raise
    except BROKEN as error:
        progress.failed += 1
        runs.fail(
            run_id=night.run.id,
            name=step.name,
            object_id=id,
            code=error.code if isinstance(error, DomainError) else type(error).__name__,
            message=error.message if isinstance(error, DomainError) else str(error),
            due=progress.due,
            failed=progress.failed,
            actor=night.actor,
        )
        return
    if not changed:
        progress.due -= 1
        return
    progress.done += 1
    progress.amount_minor += amount_minor
    if amount_minor:
        runs.count(
            run_id=night.run.id,
            name=step.name,
            due=progress.due,
            failed=progress.failed,
            amount_minor=amount_minor,
            actor=night.actor,
        )
