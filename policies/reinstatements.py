"""Reinstatements: cover of a cancelled term goes on, as if it had never ended or after a lapse."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import bus, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition, Invalid
from policies import locks, recording, returns, transactions
from policies.events import PolicyReinstated
from policies.models import Cancellation, Policy, Term, Transaction
from policies.transactions import Drafted


class NoStatementOfNoLoss(Invalid):
    """The insured has not stated that nothing was lost since cover ended."""

    code = "no_statement_of_no_loss"


@dataclass(frozen=True, slots=True)
class ReinstatementRequest:
    """From which day cover goes on (the day it ended: no lapse), why, and that the insured states no loss since."""

    effective_on: dt.date
    reason: str
    no_loss: bool


@command
def reinstate(*, policy_id: str, request: ReinstatementRequest, actor: Actor) -> Transaction:
    """Let a cancelled policy go on. For a lapse the program says: no premium for the gap, or a term that ends later.

    Raises: NotFound, Forbidden, IllegalTransition unless cancelled, NoStatementOfNoLoss, DateOutsideTerm, ChangedSince.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    return reinstate_locked(locks.lock(policy_id), request)


@step
def reinstate_locked(policy: Policy, request: ReinstatementRequest) -> Transaction:
    """The body of `reinstate`, on a locked policy."""
    reason = texts.line(request.reason, field="reason", at_most=300)
    if request.no_loss is not True:
        said = "A reinstatement takes the insured's statement of no loss since cover ended; send no_loss: true."
        raise NoStatementOfNoLoss(said, field="no_loss")
    cancellation = effective_of(policy)
    term = _term_of(cancellation)
    drafted, resumed = draft(term, cancellation, request)
    transaction = transactions.write(
        policy,
        term,
        drafted,
        kind=Transaction.Kind.REINSTATEMENT,
        reason=reason,
        details={
            "no_loss": True,
            "lapse_days": resumed.lapse_days,
            "lapse": transactions.conditions_of(term).lapse if resumed.lapse_days else "",
            "cancellation": cancellation.id,
            "expires_on": resumed.term_end.isoformat(),
        },
    )
    before = policy.state
    resume_locked(policy, term, cancellation, reason=reason, expires_on=resumed.term_end)
    data = {
        "transaction": transaction.id,
        "effective_on": request.effective_on.isoformat(),
        "lapse_days": resumed.lapse_days,
        "premium_minor": drafted.premium_minor,
        "total_minor": drafted.total_minor,
        "charges": drafted.amounts(),
    }
    recording.record(policy, "policy.reinstated", data, before=before, reason=reason)
    bus.publish(
        PolicyReinstated(
            policy_id=policy.id, term_id=term.id, transaction_id=transaction.id, lapse_days=resumed.lapse_days
        )
    )
    return transaction


@step
def resume_locked(policy: Policy, term: Term, cancellation: Cancellation, *, reason: str, expires_on: dt.date) -> None:
    """Move the states of a locked policy, its term and the cancellation back to cover."""
    cancellation.undo()
    cancellation.ended_reason = reason
    cancellation.save(update_fields=["state", "ended_reason"])
    term.reinstate()
    term.expires_on = expires_on
    term.save(update_fields=["state", "expires_on"])
    if policy.state == Policy.State.CANCELLED:
        policy.reinstate()
        policy.save(update_fields=["state"])


def preview(*, policy_id: str, request: ReinstatementRequest, actor: Actor) -> Drafted:
    """What `reinstate` would write, by the same arithmetic; nothing is written. Raises: as `reinstate`."""
    policy = access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_READ)
    cancellation = effective_of(policy)
    return draft(_term_of(cancellation), cancellation, request)[0]


def draft(term: Term, cancellation: Cancellation, request: ReinstatementRequest) -> tuple[Drafted, returns.Resumed]:
    """Work out how a cancelled term goes on; it writes nothing."""
    assert cancellation.transaction is not None
    terms = transactions.conditions_of(term)
    resumed = returns.reinstate(
        transactions.slices_of(term),
        cancelled=list(cancellation.transaction.segments.values_list("id", flat=True)),
        term_end=term.expires_on,
        cancelled_on=cancellation.effective_on,
        reinstate_on=request.effective_on,
        lapse=terms.lapse,
        day_count=terms.day_count,
    )
    why = replace(resumed.why, rule_version=str(term.program_version))
    if resumed.lapse_days:
        charges = transactions.recharged(term, resumed.change_minor, why, "resumes")
    else:
        charges = transactions.opposite(cancellation.transaction, why)
    figures = {"reinstated_premium": (resumed.change_minor, why)}
    return Drafted(request.effective_on, resumed.slices, charges, figures), resumed


def effective_of(policy: Policy) -> Cancellation:
    """The cancellation that ended the policy's last term. Raises: IllegalTransition."""
    rows = Cancellation.objects.filter(term__policy=policy, state=Cancellation.State.EFFECTIVE)
    cancellation = rows.select_related("transaction").order_by("-term__number").first()
    if cancellation is None:
        said = f"Policy {policy.number} is {policy.get_state_display().lower()}; only a cancelled one is reinstated."
        raise IllegalTransition(said, field="policy")
    _require_not_rewritten(cancellation)
    return cancellation


def require_standing(transaction: Transaction) -> None:
    """Check that a transaction's cancellation still ends its term. Raises: IllegalTransition."""
    cancellation = Cancellation.objects.get(transaction=transaction)
    if cancellation.state != Cancellation.State.EFFECTIVE:
        said = f"The cancellation of {cancellation.effective_on} is {cancellation.get_state_display().lower()} already."
        raise IllegalTransition(said, field="transaction")
    _require_not_rewritten(cancellation)


def _require_not_rewritten(cancellation: Cancellation) -> None:
    if cancellation.reason == Cancellation.Reason.REWRITTEN:
        said = "The policy was rewritten; cancel the policy that took its place instead."
        raise IllegalTransition(said, field="policy")


def _term_of(cancellation: Cancellation) -> Term:
    return Term.objects.select_related("program_version__program").get(pk=cancellation.term_id)
