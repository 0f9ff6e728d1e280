"""Endorsements: the contract changes from a day on, its premium up, down or not at all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import bus, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import MAX_MINOR
from policies import locks, recording, slicing, transactions
from policies.events import TermChanged
from policies.models import Policy, Term, Transaction
from policies.transactions import Drafted


@dataclass(frozen=True, slots=True)
class EndorsementRequest:
    """What changes: the premium of a full term anew, or by how much; neither for a change without premium.

    `later` says what becomes of changes that are effective after this one: `carry` moves them along, `until_next` lets
    this one end where the next begins.
    """

    effective_on: dt.date
    reason: str
    new_full_term_minor: int | None = None
    change_minor: int | None = None
    later: str = "carry"


@command
def endorse(*, policy_id: str, request: EndorsementRequest, actor: Actor) -> Transaction:
    """Change the contract from a day on; the charges of the change are owed, or given back, by the plan.

    Raises: NotFound, Forbidden, IllegalTransition unless in force, DateOutsideTerm, PremiumBelowZero, Invalid.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    return endorse_locked(locks.lock(policy_id), request)


@step
def endorse_locked(policy: Policy, request: EndorsementRequest) -> Transaction:
    """The body of `endorse`, on a locked policy."""
    request = replace(request, reason=texts.line(request.reason, field="reason", at_most=300))
    term = transactions.current_term(policy, request.effective_on)
    drafted = draft(term, request)
    transaction = transactions.write(
        policy,
        term,
        drafted,
        kind=Transaction.Kind.ENDORSEMENT,
        reason=request.reason,
        details={
            "new_full_term_minor": request.new_full_term_minor,
            "change_minor": request.change_minor,
            "later": request.later,
        },
    )
    data = {
        "transaction": transaction.id,
        "effective_on": request.effective_on.isoformat(),
        "premium_minor": drafted.premium_minor,
        "total_minor": drafted.total_minor,
        "charges": drafted.amounts(),
    }
    recording.record(policy, "policy.endorsed", data, reason=request.reason)
    bus.publish(TermChanged(policy_id=policy.id, term_id=term.id, transaction_id=transaction.id))
    return transaction


def preview(*, policy_id: str, request: EndorsementRequest, actor: Actor) -> Drafted:
    """What `endorse` would write, by the same arithmetic; nothing is written. Raises: as `endorse`."""
    policy = access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_READ)
    return draft(transactions.current_term(policy, request.effective_on), request)


def draft(term: Term, request: EndorsementRequest) -> Drafted:
    """Work out an endorsement of a term in force; it writes nothing."""
    transactions.require_changeable(term, request.effective_on)
    for amount in (request.new_full_term_minor, request.change_minor):
        if amount is not None and abs(amount) > MAX_MINOR:
            raise Invalid("The premium is larger than any we accept.", field="premium")
    if request.new_full_term_minor is not None and request.new_full_term_minor < 0:
        raise slicing.PremiumBelowZero("The new premium of a full term is zero or more.", field="premium")
    plain = request.new_full_term_minor is None and request.change_minor is None
    sliced = slicing.endorse(
        transactions.slices_of(term),
        term_start=term.effective_on + dt.timedelta(days=transactions.moved_days(term)),
        term_end=term.expires_on,
        effective_on=request.effective_on,
        new_full_term_minor=request.new_full_term_minor,
        change_minor=0 if plain else request.change_minor,
        later=request.later,
        day_count=transactions.conditions_of(term).day_count,
    )
    charges = transactions.recharged(term, sliced.change_minor, sliced.why, "changes")
    return Drafted(request.effective_on, sliced.slices, charges, {"written": (sliced.change_minor, sliced.why)})
