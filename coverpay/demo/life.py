"""Give the demo book a life to look at: the other policies billed, and payments that end in every way."""

from __future__ import annotations

from billing import invoices
from compliance.models import Organization
from coverpay.demo import book
from coverpay.demo.job import POLICY_NUMBER
from payments import collection
from policies.models import Policy

TOKENS = ("tok_ok", "tok_pending_ok", "tok_decline_insufficient_funds", "tok_timeout_taken", "tok_wrong_amount", None,
          "tok_return", "tok_ok", None)  # fmt: skip
"""One per policy, in the order of their numbers; None stays unpaid."""


def live() -> int:
    """Bill every bound policy that has no invoice yet, and ask for most of the money. Gives how many were billed."""
    operator = Organization.objects.get(code=book.OPERATOR[2])
    actor = book.administrator(operator)
    waiting = Policy.objects.filter(operator=operator, state=Policy.State.BOUND, invoices__isnull=True)
    policies = list(waiting.exclude(number=POLICY_NUMBER).order_by("number"))
    for place, policy in enumerate(policies):
        invoice = invoices.issue(policy_id=policy.id, through=policy.terms.get(number=1).effective_on, actor=actor)
        token = TOKENS[place % len(TOKENS)]
        if token is not None:
            collection.collect(invoice_id=invoice.id, method="card", token=token, actor=actor)
    return len(policies)
