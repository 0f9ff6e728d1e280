"""Renewals accepted by payment: when the first invoice of an offered term is paid, the term is taken."""

from __future__ import annotations

from billing.models import Invoice
from coverpay.kernel.commands import step
from policies import renewals
from policies.models import Policy, Term

_GONE = (Invoice.State.SUPERSEDED, Invoice.State.VOID)


@step
def accept_paid(policy: Policy) -> list[Term]:
    """Take every offered next term of a locked policy whose first invoice is paid in full.

    A cancelled policy is never brought back by a payment. Gives: the terms that were taken.
    """
    if policy.state not in (*Policy.IN_FORCE, Policy.State.EXPIRED):
        return []
    offered = Term.objects.filter(policy=policy, state=Term.State.OFFERED, number__gt=1)
    return [renewals.accept_locked(policy, term) for term in offered.order_by("number") if _is_paid(term)]


def _is_paid(term: Term) -> bool:
    asking = Invoice.objects.filter(lines__term=term).exclude(state__in=_GONE).distinct().order_by("due_on", "id")
    first = asking.first()
    return first is not None and first.state == Invoice.State.PAID
