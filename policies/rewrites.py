"""Rewrites: a policy is cancelled and another takes its place, with the money that was paid."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import bus, clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from policies import cancellations, lifecycle, locks, programs, rating, recording, renewals, transactions
from policies.cancellations import CancellationRequest
from policies.events import PolicyRewritten
from policies.lifecycle import QuoteRequest
from policies.models import Cancellation, Policy, Term
from policies.parties import PartyDetails
from policies.rating import RatedCharge
from policies.transactions import Drafted

TERMS = ("full_term", "remainder", "new_term")


@dataclass(frozen=True, slots=True)
class RewriteRequest:
    """What takes the policy's place: a number of its own, its premium, and for which days.

    `full_term` writes the same term anew from its first day, `remainder` what is left of it, `new_term` one as long
    from the rewrite day on. Program and plan are those of the policy unless said.
    """

    effective_on: dt.date
    term: str
    number: str
    premium_minor: int
    reason: str
    program: str = ""
    plan: str = ""


@dataclass(frozen=True, slots=True)
class RewriteDrafted:
    """What a rewrite returns on the old policy, and what it charges on the new one."""

    cancelled: Drafted
    effective_on: dt.date
    expires_on: dt.date
    charges: list[RatedCharge]


@command
def rewrite(*, policy_id: str, request: RewriteRequest, actor: Actor) -> Policy:
    """Cancel a policy pro rata and bind another in its place; billing carries over what was paid in excess.

    Gives:  the new policy, bound.
    Raises: NotFound, Forbidden, IllegalTransition unless in force, CancellationPending, DateOutsideTerm,
            PolicyNumberTaken, StateNotInProgram, Invalid.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    return rewrite_locked(locks.lock(policy_id), request)


@step
def rewrite_locked(policy: Policy, request: RewriteRequest) -> Policy:
    """The body of `rewrite`, on a locked policy."""
    reason = texts.line(request.reason, field="reason", at_most=300)
    term = _term_to_rewrite(policy, request)
    quoted = _quote(policy, term, request)
    cancellation = Cancellation.objects.create(
        term=term,
        effective_on=request.effective_on,
        method=_method(term, request),
        reason=Cancellation.Reason.REWRITTEN,
        initiator="insured",
        requested_on=clock.today(),
        note=reason,
    )
    before = policy.state
    drafted, cancelled = cancellations.end_locked(policy, term, cancellation)
    for offered in transactions.in_state(policy, Term.State.OFFERED):
        renewals.let_go_locked(policy, offered, reason="the policy was rewritten")
    new = lifecycle.write_quote(policy.operator_id, quoted, rewrites=policy)
    new_term = lifecycle.take_cover_locked(new)
    data = {
        "transaction": cancelled.id,
        "effective_on": request.effective_on.isoformat(),
        "return_premium_minor": -drafted.premium_minor,
        "rewritten_as": new.id,
        "rewritten_as_number": new.number,
    }
    recording.record(policy, "policy.rewritten", data, before=before, reason=reason)
    bus.publish(
        PolicyRewritten(
            from_policy_id=policy.id,
            from_term_id=term.id,
            cancel_transaction_id=cancelled.id,
            to_policy_id=new.id,
            to_term_id=new_term.id,
            to_transaction_id=new_term.transactions.get(sequence=1).id,
            plan_code=new_term.plan_code,
        )
    )
    return new


def preview(*, policy_id: str, request: RewriteRequest, actor: Actor) -> RewriteDrafted:
    """What `rewrite` would return and charge, by the same arithmetic; nothing is written. Raises: as `rewrite`."""
    policy = access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_READ)
    term = _term_to_rewrite(policy, request)
    quoted = _quote(policy, term, request)
    refused = lifecycle.refusals(policy.operator_id, quoted)
    if refused:
        raise refused[0]
    version = programs.version_for(policy.operator_id, quoted.program, quoted.state, quoted.effective_on)
    risk = programs.risk_of(version, quoted.state, quoted.effective_on)
    charges = rating.rate(quoted.premium, version.terms, risk)
    ending = CancellationRequest(request.effective_on, _method(term, request), Cancellation.Reason.REWRITTEN)
    return RewriteDrafted(cancellations.draft(term, ending), quoted.effective_on, quoted.expires_on, charges)


def _term_to_rewrite(policy: Policy, request: RewriteRequest) -> Term:
    if request.term not in TERMS:
        raise Invalid(f"term is one of {', '.join(TERMS)}.", field="term")
    term = cancellations.term_to_end(policy, request.effective_on)
    transactions.require_changeable(term, request.effective_on)
    if request.term == "full_term" and request.effective_on != term.effective_on:
        said = f"A full term rewrite begins {term.effective_on}, the term's first day; or rewrite the remainder."
        raise Invalid(said, field="effective_on")
    return term


def _method(term: Term, request: RewriteRequest) -> str:
    first_day = request.effective_on == term.effective_on
    return Cancellation.Method.FLAT if first_day else Cancellation.Method.PRO_RATA


def _quote(policy: Policy, term: Term, request: RewriteRequest) -> QuoteRequest:
    length = term.expires_on - term.effective_on
    insured = policy.insured
    return QuoteRequest(
        number=request.number,
        program=request.program or policy.program.code,
        insured=PartyDetails(reference=insured.reference, name=insured.name),
        state=term.state_code,
        effective_on=request.effective_on,
        expires_on=request.effective_on + length if request.term == "new_term" else term.expires_on,
        premium=Money(request.premium_minor, policy.program.currency),
        plan=request.plan or term.plan_code,
        agency_code=_agency_of(policy),
    )


def _agency_of(policy: Policy) -> str:
    part = policy.participants.filter(role="agency").select_related("organization").first()
    return part.organization.code if part else ""
