"""Errands: what a processor is sent once under our key, and asked about until it is decided. Charges and refunds are.

State is the queue. `submitted` is committed before anything is sent, so whatever dies afterwards, the sweep finds the
row and asks the processor by our reference. All errands have the same schedule: how often and how long we ask, how
often we send again, and when a person takes over.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from django.conf import settings
from django.db.models import QuerySet

from compliance import audit, events
from coverpay.kernel import clock, commands, jobs, texts
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command, step
from payments import accounts, sweeps
from payments.gateways.base import Gateway, NotSent, Outcome, Status
from payments.models import Attempt, GatewayAccount, Refund

SWEEPER = system("sweep")
Sent = TypeVar("Sent", Attempt, Refund)
Order = TypeVar("Order")


@dataclass(frozen=True, slots=True)
class Schedule:
    """How patient we are: the waits between questions, and how often one errand is sent."""

    checks: tuple[dt.timedelta, ...]
    submits: int

    def wait(self, count: int) -> dt.timedelta:
        """How long to leave a processor alone after so many questions or tries; the last wait repeats."""
        return self.checks[min(count, len(self.checks) - 1)]

    def is_over(self, checks: int) -> bool:
        """Whether a processor had all its chances to answer."""
        return checks > len(self.checks)


SCHEDULE = Schedule(tuple(dt.timedelta(seconds=seconds) for seconds in settings.ATTEMPT_CHECK_SECONDS), submits=5)


class Errand(ABC, Generic[Sent, Order]):
    """One kind of errand: how its rows are found, locked, sent and answered. The rest is the same for all."""

    noun: ClassVar[str]
    asked: ClassVar[tuple[str, ...]]
    """States of a row that was sent."""
    review_event: ClassVar[str]
    wake: ClassVar[str]
    """The task that sends one."""
    schedule: Schedule = SCHEDULE

    def submit(self, id: str) -> None:
        """Send what is planned: command, network, command; no transaction is open on the way."""
        order, account = self.begin(id)
        if order is None or account is None:
            return
        try:
            outcome = self.send(accounts.gateway_of(account), order)
        except NotSent as error:
            self.not_sent(id, str(error))
        else:
            self.answered(id, order, outcome)

    def check(self, id: str) -> None:
        """Ask the processor by our reference and record what it says. After the last question a person decides."""
        account = _ask(errand=self, id=id, actor=SWEEPER)
        if account is None:
            return
        try:
            outcome = accounts.gateway_of(account).fetch(account.merchant, id)
        except NotSent:
            _hand_over(errand=self, id=id, actor=SWEEPER)
            return
        if outcome.status is Status.NOT_FOUND:
            _never_heard_of(errand=self, id=id, actor=SWEEPER)
            return
        self.record(id, outcome)
        if outcome.status is Status.UNKNOWN:
            _hand_over(errand=self, id=id, actor=SWEEPER)

    def sweep(self, limit: int) -> int:
        """Move on every row that is due, what is to be sent first. Gives how many it touched."""
        due = self.live().filter(next_check_at__lte=clock.now()).order_by("next_check_at")[:limit]
        steps = {row.id: self.next_step(row) for row in due}
        first = sorted(steps, key=lambda id: steps[id] != self.submit)
        return sweeps.each(first, lambda id: steps[id](id))

    def next_step(self, row: Sent) -> Callable[[str], None]:
        """What is to be done about a row that is due."""
        return self.submit if row.state == "planned" else self.check

    @abstractmethod
    def live(self) -> QuerySet[Sent]:
        """The rows that are not decided."""

    @abstractmethod
    def locked(self, id: str) -> Sent:
        """Lock the row's policies, then read it. Raises: NotFound."""

    @abstractmethod
    def begin(self, id: str) -> tuple[Order | None, GatewayAccount | None]:
        """Commit that a row is about to be sent. Gives what to send and where, or nothing."""

    @abstractmethod
    def send(self, gateway: Gateway, order: Order) -> Outcome:
        """Send it. Raises: NotSent."""

    @abstractmethod
    def answered(self, id: str, order: Order, outcome: Outcome) -> None:
        """Record the reply to what was sent."""

    @abstractmethod
    def not_sent(self, id: str, message: str) -> None:
        """Go on after the processor was surely not reached."""

    @abstractmethod
    def record(self, id: str, outcome: Outcome) -> None:
        """Let the answer to a question in by the one door for results."""


@command
def _ask(*, errand: Errand[Sent, Order], id: str, actor: Actor) -> GatewayAccount | None:
    """Note that we are asking. What was sent and whose lease ran out is unknown from here on."""
    row, now = errand.locked(id), clock.now()
    if row.state not in errand.asked or row.next_check_at is None or row.next_check_at > now:
        commands.unchanged()
        return None
    before = row.state
    if row.state == "submitted":
        row.lose_track()
    row.next_check_at = now + errand.schedule.wait(row.check_count)
    row.check_count += 1
    note(row, f"{errand.noun}.check", before=before)
    return row.account


@command
def _never_heard_of(*, errand: Errand[Sent, Order], id: str, actor: Actor) -> None:
    """The processor has no such row: sending the same key again cannot move money twice, if it promises so."""
    row = errand.locked(id)
    idempotent = accounts.capabilities_of(row.account).idempotent
    if row.state == "unknown" and idempotent and row.submit_count < errand.schedule.submits:
        replan(errand, row, "the gateway never heard of it")
        jobs.wake(errand.wake, row.id)
    else:
        _hand_over_worn_out(errand, row)


@command
def _hand_over(*, errand: Errand[Sent, Order], id: str, actor: Actor) -> None:
    """The processor would not say; once it had all its chances, a person must."""
    _hand_over_worn_out(errand, errand.locked(id))


@step
def _hand_over_worn_out(errand: Errand[Sent, Order], row: Sent) -> None:
    """Leave to a person what is unknown after the last question. What is pending is no mystery, and is waited for."""
    if row.state != "unknown" or row.next_check_at is None or not errand.schedule.is_over(row.check_count):
        commands.unchanged()
        return
    row.next_check_at = None
    note(row, f"{errand.noun}.hand_over", before=row.state)
    events.record(
        type=errand.review_event,
        organization_id=row.payment.policy.operator_id,
        object_id=row.payment_id,
        subject_id=row.payment.policy_id,
        data={"payment": row.payment_id, errand.noun: row.id, "code": row.outcome_code},
    )


@step
def replan(errand: Errand[Sent, Order], row: Sent, message: str) -> None:
    """Plan to send a locked row again under the same key, for no money moved; what was not reached is left alone."""
    before = row.state
    row.replan()
    unreached = before == "submitted"
    row.next_check_at = clock.now() + (errand.schedule.wait(row.submit_count - 1) if unreached else dt.timedelta())
    row.outcome_message = texts.shown(message, 300)
    note(row, f"{errand.noun}.replan", before=before)


@step
def note(row: Attempt | Refund, action: str, *, before: str) -> None:
    """Save a locked row and write down where it went."""
    row.save()
    audit.record(
        action=action,
        object_id=row.id,
        organization_id=row.payment.policy.operator_id,
        before={"state": before},
        after={"state": row.state, "submit_count": row.submit_count},
    )
