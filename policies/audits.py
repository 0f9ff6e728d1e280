"""Premium audits: what a term should have cost by its audited exposure, beside what it was charged."""

from __future__ import annotations

from dataclasses import dataclass

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import bus, clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition, Invalid
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import MAX_MINOR
from policies import locks, recording, transactions
from policies.earning import NewSlice
from policies.events import TermChanged
from policies.expirations import TermStillRuns
from policies.models import Component, Policy, Term, Transaction
from policies.slicing import PremiumBelowZero
from policies.transactions import Drafted


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """The whole premium of the term by audit, and where that is written. `term` is its number; else the last."""

    audited_minor: int
    reason: str
    term: int | None = None


@command
def audit(*, policy_id: str, request: AuditRequest, actor: Actor) -> Transaction:
    """Charge, or return, the difference between a term's audited premium and what it was charged.

    Raises: NotFound, Forbidden, IllegalTransition unless in force or expired, PremiumBelowZero, Invalid,
            TermStillRuns for a return before the term is over.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    return audit_locked(locks.lock(policy_id), request)


@step
def audit_locked(policy: Policy, request: AuditRequest) -> Transaction:
    """The body of `audit`, on a locked policy."""
    reason = texts.line(request.reason, field="reason", at_most=300)
    term = _term_of(policy, request.term)
    drafted = draft(term, request)
    transaction = transactions.write(
        policy,
        term,
        drafted,
        kind=Transaction.Kind.AUDIT,
        reason=reason,
        details={"audited_minor": request.audited_minor},
    )
    data = {
        "transaction": transaction.id,
        "audited_minor": request.audited_minor,
        "premium_minor": drafted.premium_minor,
        "total_minor": drafted.total_minor,
        "charges": drafted.amounts(),
    }
    recording.record(policy, "policy.audited", data, reason=reason)
    bus.publish(TermChanged(policy_id=policy.id, term_id=term.id, transaction_id=transaction.id))
    return transaction


def preview(*, policy_id: str, request: AuditRequest, actor: Actor) -> Drafted:
    """What `audit` would write, by the same arithmetic; nothing is written. Raises: as `audit`."""
    policy = access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_READ)
    return draft(_term_of(policy, request.term), request)


def draft(term: Term, request: AuditRequest) -> Drafted:
    """Work out a premium audit of a term; it writes nothing.

    More than was charged is a charge of its own, due in full. Less is return premium of a term that is over.
    """
    if request.audited_minor < 0:
        raise PremiumBelowZero("Audited premium is zero or more.", field="audited_minor")
    if request.audited_minor > MAX_MINOR:
        raise Invalid("Audited premium is larger than any we accept.", field="audited_minor")
    standing = transactions.standing_of(term)
    charged = sum(standing[name].amount_minor for name in transactions.PREMIUM_LIKE if name in standing)
    change = request.audited_minor - charged
    why = Explained(
        formula="audit premium = audited premium of the term − premium charged for it so far",
        inputs={"audited_minor": request.audited_minor, "charged_minor": charged},
        rule="premium audit",
        rule_version=str(term.program_version),
    )
    figures = {"audit_premium": (change, why)}
    if change >= 0:
        charges = transactions.recharged(term, change, why, "changes", Component.AUDIT_PREMIUM)
        return Drafted(min(clock.today(), term.expires_on), [], charges, figures)
    if clock.today() < term.expires_on:
        said = f"An audit returns premium once the term is over, on {term.expires_on}; endorse it until then."
        raise TermStillRuns(said, field="audited_minor")
    returned = NewSlice("retained", term.expires_on, term.expires_on, 0, change)
    return Drafted(term.expires_on, [returned], transactions.recharged(term, change, why, "changes"), figures)


def _term_of(policy: Policy, number: int | None) -> Term:
    terms = transactions.in_state(policy, Term.State.IN_FORCE, Term.State.EXPIRED)
    if number is not None:
        terms = terms.filter(number=number)
    else:
        terms = terms.filter(effective_on__lte=clock.today()) if terms.count() > 1 else terms
    term = terms.last()
    if term is None:
        said = f"Policy {policy.number} has no such term in force or expired; only those are audited."
        raise IllegalTransition(said, field="term")
    return term
