"""A policy whose second installment is not paid, and the nights that follow it: DOMAIN.md's 1,200 a year, 400 paid."""

from __future__ import annotations

import datetime as dt
from typing import Any

from billing import arrivals, cash, delinquency, invoices, notices, schedules
from billing.models import Delinquency, Notice, Receipt
from compliance.rules import decisions
from coverpay.kernel import clock, commands, ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from policies import cancellations, locks, programs
from policies.models import Policy
from tests.support import books
from tests.support.books import House

FIRST = dt.date(2026, 1, 1)
DUE = dt.date(2026, 5, 1)
NOTICED = dt.date(2026, 5, 6)
CANCEL = dt.date(2026, 5, 19)
PLAN: dict[str, Any] = {
    "down_payment": {"percent": "33.3333"},
    "installments": [{"month": 4}, {"month": 8}],
    "late_fee": "10.00",
    "nonpay_threshold": "25.00",
    "small_balance": "5.00",
}
FOLLOW: dict[str, Any] = {
    "steps": [
        {"action": "reminder", "after_days": 2},
        {"action": "late_fee", "after_days": 4},
        {"action": "notice", "after_days": 5},
        {"action": "cancel", "after_days": 5},
        {"action": "collections", "after_days": 30},
    ],
    "thresholds": {"enter": "5.00", "exit": "1.00", "cancel": "25.00"},
    "mail_within_days": 0,
}
RULES: dict[str, Any] = {
    "noc_nonpay_days": 10,
    "noc_mail_days_added": 3,
    "payment_within_notice_rescinds": True,
    "late_fee_cap": "7.50",
}


def at(day: dt.date, hour: int = 15) -> Any:
    """Hold the clock on a day; nights are at 2, people work at 15."""
    return clock.frozen(dt.datetime.combine(day, dt.time(hour), tzinfo=dt.UTC))


def may(day: int) -> dt.date:
    return dt.date(2026, 5, day)


def settle_rules(house: House, **changes: Any) -> None:
    """Decide the rules of Hawaii that the story needs; None leaves one undecided."""
    for rule, value in {**RULES, **changes}.items():
        if value is not None:
            decisions.decide(
                rule=rule, jurisdiction="HI", line="commercial_pc", value=value, reason="Read in the statute.",
                effective_from=books.SINCE, actor=house.me,
            )  # fmt: skip


def policy(
    house: House, *, plan: dict[str, Any] | None = None, follow: dict[str, Any] | None = None,
    program: str = "plain", charges: list[dict[str, Any]] | None = None, **asked: Any,
) -> Policy:  # fmt: skip
    """A policy of 1,200 from 2026-01-01, whose first 400 are paid and whose second 400, due 05-01, are billed."""
    with at(FIRST):
        terms = {"commission_rate": "0.15", "charges": charges or []}
        programs.publish(
            code=program, name="Plain", carrier_id=house.carrier.id, states=["HI"], terms=terms,
            effective_from=books.SINCE, actor=house.me,
        )  # fmt: skip
        schedules.publish_plan(
            code="story", name="Story", spec={**PLAN, **(plan or {})}, effective_from=books.SINCE, actor=house.me
        )
        delinquency.publish(
            code="default", spec={**FOLLOW, **(follow or {})}, effective_from=books.SINCE, actor=house.me
        )
        wanted = {"program": program, "plan": "story", "premium": Money(120_000), "effective_on": FIRST}
        bound = books.bound(house, **{**wanted, "expires_on": dt.date(2027, 1, 1), **asked})
        first = invoices.issue(policy_id=bound.id, actor=house.me)
        pay(bound, first.total_minor, house)
    with at(DUE):
        invoices.issue(policy_id=bound.id, actor=house.me)
    return bound


def pay(of: Policy, minor: int, house: House, **more: Any) -> Receipt:
    """What a payment does when it succeeded, today."""
    return _take(policy_id=of.id, minor=minor, more=more, actor=house.me)


@command
def _take(*, policy_id: str, minor: int, more: dict[str, Any], actor: Actor) -> Receipt:
    commands.unchanged()
    locked = locks.lock(policy_id)
    return arrivals.take(locked, source_id=ids.new("pay"), amount=Money(minor), received_on=clock.today(), **more)


def night(of: Policy, day: dt.date, house: House) -> list[str]:
    """Follow a policy's past due money on a night. Gives: the actions taken."""
    with at(day, 2):
        return [done.action for done in delinquency.follow(policy_id=of.id, actor=house.me)]


def nights(of: Policy, first: dt.date, last: dt.date, house: House) -> dict[int, list[str]]:
    """Every night from one day to another. Gives: the days of the month on which something was done, and what."""
    days = (first + dt.timedelta(days=number) for number in range((last - first).days + 1))
    return {day.day: done for day in days if (done := night(of, day, house))}


def noticed(of: Policy, house: House) -> Notice:
    """Let the notice be made and mail it, on 05-06."""
    nights(of, may(2), NOTICED, house)
    return mailed(of, house)


def mailed(of: Policy, house: House, on: dt.date = NOTICED, said_on: dt.date | None = None) -> Notice:
    """Mail the latest notice of cancellation, with proof."""
    notice = latest_notice(of)
    with at(on):
        return notices.mail(
            notice_id=notice.id, method="certificate", mailed_on=said_on or on, proof_reference="PS3817-1",
            actor=house.me,
        )  # fmt: skip


def latest_notice(of: Policy) -> Notice:
    return Notice.objects.filter(policy=of, kind="cancellation").order_by("-id")[0]


def followed(of: Policy) -> Delinquency:
    return Delinquency.objects.filter(policy=of).order_by("-id")[0]


def is_pending(of: Policy) -> bool:
    return of.terms.filter(cancellations__state="pending").exists()


def fresh(of: Policy) -> Policy:
    return Policy.objects.get(pk=of.pk)


def give_back(receipt: Receipt, house: House) -> None:
    """What a returned payment does, today."""
    _give_back(receipt=receipt, actor=house.me)


@command
def _give_back(*, receipt: Receipt, actor: Actor) -> None:
    locked = locks.lock(receipt.policy_id)
    cash.take_back(receipt, reason="returned", on=clock.today())
    delinquency.money_returned(locked)


def cancel_by_request(of: Policy, day: dt.date, house: House) -> None:
    with at(day):
        cancellations.cancel(
            policy_id=of.id, request=cancellations.CancellationRequest(effective_on=day), actor=house.me
        )


def bill(of: Policy, house: House) -> None:
    invoices.issue(policy_id=of.id, actor=house.me)
