"""A recovery plan, payments that fail on purpose, and time that passes: what tests of recovery are made of."""

from __future__ import annotations

import datetime as dt
from typing import Any

from billing.models import Invoice
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from payments import attempts, collection, opt_outs, recovery_steps, recovery_versions
from payments.collection import Source, Wanted
from payments.gateways.base import Outcome, Status
from payments.models import Attempt, Payment, PaymentMethod, RecoveryCase, RecoveryPlan, RecoveryStep
from policies import locks
from tests.support import books
from tests.support.books import House

RETRY = {"do": "retry", "after": {"days": 3}}
PLAN: dict[str, Any] = {
    "zone": "America/New_York",
    "at": "09:00",
    "basis": "Read by us.",
    "classes": {
        "soft": [{"do": "message", "template": "payment_failed"}, RETRY, RETRY, RETRY, {"do": "hand_over"}],
        "limit": [RETRY, {"do": "hand_over"}],
        "gateway": [{"do": "retry", "after": {"hours": 4}}, {"do": "hand_over"}],
        "details": [{"do": "ask_details"}, {"do": "hand_over", "after": {"days": 7}}],
        "hard": [{"do": "fallback"}, {"do": "ask_details"}, {"do": "hand_over", "after": {"days": 5}}],
        "unknown": [{"do": "hand_over"}],
    },
}


def plan(house: House, **changes: Any) -> RecoveryPlan:
    """Publish PLAN with changes; `soft` and the other classes by name."""
    classes = {name: changes.pop(name) for name in list(changes) if name in PLAN["classes"]}
    spec = {**PLAN, **changes, "classes": {**PLAN["classes"], **classes}}
    return recovery_versions.publish(spec=spec, effective_from=books.SINCE, actor=house.me)


def failed(house: House, invoice: Invoice | None = None, code: str = "insufficient_funds", **more: Any) -> RecoveryCase:
    """A payment by card that is declined with a code. Gives the case that follows it."""
    payment = planned(house, invoice or books.billed(house), **{"method": "card", **more})
    decline(payment, code)
    return RecoveryCase.objects.filter(payment=payment).get()


def returned(house: House, invoice: Invoice | None = None, code: str = "R01", **more: Any) -> RecoveryCase:
    """A bank debit that is returned with a code."""
    payment = planned(house, invoice or books.billed(house), **{"method": "ach", **more})
    bounce(payment, code)
    return RecoveryCase.objects.filter(payment=payment).get()


def planned(house: House, invoice: Invoice, *, method: str, kept: PaymentMethod | None = None, **more: Any) -> Payment:
    """A payment that waits to be sent."""
    source = Source(method, "" if kept else "tok_ok", kept)
    return _collect(
        invoice=invoice, source=source, amount_minor=more.pop("amount_minor", None), more=more, actor=house.me
    )


@command
def _collect(
    *, invoice: Invoice, source: Source, amount_minor: int | None, more: dict[str, Any], actor: Actor
) -> Payment:
    policy = locks.lock(invoice.policy_id)
    return collection.collect_locked(policy, [Wanted(invoice.id, amount_minor)], source=source, **more)


def decline(payment: Payment, code: str = "insufficient_funds", **more: str) -> None:
    tell(payment, Outcome(Status.DECLINED, code=code, **more))


def bounce(payment: Payment, code: str = "R01") -> None:
    """The bank took it, and returns it."""
    succeed(payment)
    tell(payment, Outcome(Status.RETURNED, code=code))


def succeed(payment: Payment) -> None:
    tell(payment, Outcome(Status.SUCCEEDED, gateway_reference=f"gw-{payment.id}"))


def tell(payment: Payment, outcome: Outcome) -> None:
    """The news about the last attempt of a payment, as a processor would bring it; it was sent before."""
    attempt = payment.attempts.order_by("number").last()
    assert attempt is not None
    if attempt.state == Attempt.State.PLANNED:
        attempts._begin(attempt_id=attempt.id, actor=attempts.SWEEPER)
    attempts.record_outcome(attempt_id=attempt.id, outcome=outcome, actor=attempts.SWEEPER)


def until(day: str) -> int:
    """Let time pass to a day, 18:00 UTC, and do what is due. Gives how many steps were tried."""
    now = clock.now()
    clock.advance(dt.datetime.fromisoformat(day).replace(hour=18, tzinfo=dt.UTC) - now)
    return work()


def work() -> int:
    """Do what is due until nothing is."""
    total = 0
    while count := recovery_steps.run_due():
        total += count
        if total > 50:
            raise AssertionError("it goes round in circles")
    return total


def steps(case: RecoveryCase) -> list[str]:
    """The steps of a case so far: what, when, and how it stands."""
    rows = RecoveryStep.objects.filter(case=case).order_by("number")
    return [f"{row.kind} {row.due_at:%m-%d} {row.state}" for row in rows]


def last_step(case: RecoveryCase) -> RecoveryStep:
    return RecoveryStep.objects.filter(case=case).order_by("number").last()  # type: ignore[return-value]


def retry_of(case: RecoveryCase) -> Payment:
    """The last payment recovery made for a case."""
    row = RecoveryStep.objects.filter(case=case, payment__isnull=False).order_by("number").last()
    assert row is not None and row.payment is not None
    return row.payment


def fresh(case: RecoveryCase) -> RecoveryCase:
    return RecoveryCase.objects.get(pk=case.pk)


def seeded(house: House) -> None:
    """A case with a step done and one to come, a message that was planned, and an address that wants none."""
    plan(house)
    failed(house)
    work()
    opt_outs.opt_out(organization_id=house.operator.id, address="nobody@example.org", kind="recovery", actor=house.me)
