"""What billing does when a lower layer tells it something."""

from __future__ import annotations

from billing import bulk, schedules
from policies.events import PoliciesBound, PolicyBound
from policies.models import Policy, Term


def schedule_what_was_bound(event: PolicyBound) -> None:
    """A bound transaction's charges get their installments. The policy is locked by the command that bound it."""
    schedules.create(
        Policy.objects.get(pk=event.policy_id),
        Term.objects.get(pk=event.term_id),
        event.transaction_id,
        event.plan_code,
    )


def schedule_what_was_bound_at_once(event: PoliciesBound) -> None:
    """The same for many policies, all locked or new in the command that bound them."""
    bulk.create_schedules(event.policies)
