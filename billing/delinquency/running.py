"""Take what is due of one policy or one delinquency, as a command of its own."""

from __future__ import annotations

from billing.delinquency import process
from billing.models import Delinquency, DelinquencyStep
from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from policies import locks
from policies.models import Policy


@command
def advance_one(*, delinquency_id: str, actor: Actor) -> Delinquency:
    """Take every step of a delinquency that is due today; nothing when nothing is. Raises: NotFound, Forbidden."""
    rows = Delinquency.objects.all()
    found = access.get_operable(actor, rows, delinquency_id, permission=Permission.BILLING_WRITE)
    locks.lock(found.policy_id)
    commands.unchanged()
    process.advance(found, clock.today())
    return rows.get(pk=found.pk)


@command
def follow(*, policy_id: str, actor: Actor) -> list[DelinquencyStep]:
    """Let past due money of a policy enter its plan, and take every step of the policy that is due today.

    Gives:  the steps taken; none, and no change, when nothing is due.
    Raises: NotFound, Forbidden.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.BILLING_WRITE)
    policy = locks.lock(policy_id)
    commands.unchanged()
    on = clock.today()
    process.enter_due(policy, on)
    due = process.to_advance(policy.operator_id, on).filter(policy=policy)
    return [done for delinquency in due for done in process.advance(delinquency, on)]
