"""The last day of a term is over."""

from __future__ import annotations

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import bus, clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition
from policies import cancellations, locks, recording, transactions
from policies.events import TermExpired
from policies.models import Cancellation, Policy, Term


class TermStillRuns(Conflict):
    """The term has days left."""

    code = "term_still_runs"


@command
def expire(*, policy_id: str, actor: Actor) -> Policy:
    """End the terms that have run out; the policy expires with its last one.

    Raises: NotFound, Forbidden, IllegalTransition unless in force, TermStillRuns.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    policy = locks.lock(policy_id)
    terms = list(transactions.in_state(policy, Term.State.IN_FORCE))
    if not terms:
        said = f"Policy {policy.number} is {policy.get_state_display().lower()}: no term of it is in force."
        raise IllegalTransition(said, field="policy")
    over = [term for term in terms if term.expires_on <= clock.today()]
    if not over:
        said = f"The term of policy {policy.number} runs until {terms[0].expires_on}; cancel it to end it earlier."
        raise TermStillRuns(said, field="policy")
    for term in over:
        expire_locked(policy, term)
    return policy


@step
def expire_locked(policy: Policy, term: Term) -> Term:
    """End a term of a locked policy that has run out. A cancellation still pending came to nothing."""
    if term.expires_on > clock.today():
        raise TermStillRuns(f"The term {term} has days left.", field="policy")
    pending = term.cancellations.filter(state=Cancellation.State.PENDING).first()
    if pending is not None:
        cancellations.rescind_locked(policy, pending, "the term ran out first")
    term.expire()
    term.save(update_fields=["state"])
    before = policy.state
    if not transactions.in_state(policy, Term.State.IN_FORCE).exists():
        policy.expire()
        policy.save(update_fields=["state"])
    data = {"term": term.id, "expires_on": term.expires_on.isoformat()}
    recording.record(policy, "policy.expired", data, before=before)
    bus.publish(TermExpired(policy_id=policy.id, term_id=term.id))
    return term
