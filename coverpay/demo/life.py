"""Give the demo book a life to look at: the others billed, payments that end in every way, full worklists."""

from __future__ import annotations

import datetime as dt
from contextlib import AbstractContextManager, nullcontext

from billing import invoices
from compliance.models import Organization
from coverpay.demo import book, life_job, waiting
from coverpay.demo.job import POLICY_NUMBER
from coverpay.kernel import clock
from payments import collection
from policies.models import Policy

TOKENS = ("tok_ok", "tok_pending_ok", "tok_decline_insufficient_funds", "tok_timeout_taken", "tok_wrong_amount", None,
          "tok_return", "tok_ok", None)  # fmt: skip
"""One per policy, in the order of their numbers; None stays unpaid."""

LATE_DAYS = {"HPU-26-00004": 12, "HPU-26-00007": 12, "HPU-26-00010": 12}
"""Billed so many days ago and not paid, so that the night has something to follow."""


def live() -> int:
    """Bill every bound policy that has no invoice yet, ask for most of the money, and fill the worklists.

    Gives: how many were billed.
    """
    operator = Organization.objects.get(code=book.OPERATOR[2])
    actor = book.administrator(operator)
    unbilled = Policy.objects.filter(operator=operator, state=Policy.State.BOUND, invoices__isnull=True)
    policies = list(unbilled.exclude(number__in=(POLICY_NUMBER, life_job.NUMBER)).order_by("number"))
    for place, policy in enumerate(policies):
        with _clock_of(policy.number):
            invoice = invoices.issue(policy_id=policy.id, through=policy.terms.get(number=1).effective_on, actor=actor)
        token = TOKENS[place % len(TOKENS)]
        if token is not None:
            collection.collect(invoice_id=invoice.id, method="card", token=token, actor=actor)
    waiting.fill(actor)
    return len(policies)


def _clock_of(number: str) -> AbstractContextManager[None]:
    days = LATE_DAYS.get(number)
    return clock.frozen(clock.now() - dt.timedelta(days=days)) if days else nullcontext()
