"""What billing does when a lower layer tells it something. Every policy named is locked by the command that tells."""

from __future__ import annotations

from django.db.models import Sum

from billing import agreed_plans, bulk, cash, fees, invoices, returns, schedules, transfers, voids
from billing.delinquency import cures
from billing.models import LineCredit, Schedule
from policies.events import (
    PoliciesBound,
    PolicyBound,
    PolicyCancelled,
    PolicyReinstated,
    PolicyRewritten,
    RenewalNotTaken,
    RenewalOffered,
    TermChanged,
)
from policies.models import Component, Policy, Term, Transaction


def schedule_what_was_bound(event: PolicyBound | RenewalOffered) -> None:
    """A bound or offered transaction's charges get their installments."""
    schedules.create(_policy(event.policy_id), _term(event.term_id), event.transaction_id, event.plan_code)


def schedule_what_was_bound_at_once(event: PoliciesBound) -> None:
    """The same for many policies, all locked or new in the command that bound them."""
    bulk.create_schedules(event.policies)


def adjust_to_the_change(event: TermChanged) -> None:
    """What is added is billed as the plan says; what is taken off is credited, and owed if it had been paid."""
    _adjust(event.policy_id, event.term_id, event.transaction_id)


def settle_a_cancelled_term(event: PolicyCancelled) -> None:
    """What is kept is billed at once and takes of the cash, the rest is credited; nothing is past due any more."""
    policy, term = _adjust(event.policy_id, event.term_id, event.transaction_id)
    cures.policy_cancelled(policy, term)


def restore_a_reinstated_term(event: PolicyReinstated) -> None:
    """The charges are owed by the plan's dates again, with the plan's fee; cash that waits covers what is open."""
    policy, term = _adjust(event.policy_id, event.term_id, event.transaction_id)
    fee = agreed_plans.of_term(term.id).fee("reinstatement_fee", term.state_code, policy.program.currency)
    component = Component.REINSTATEMENT_FEE
    fees.charge(policy, term, component, fee.amount_minor, reason="The policy was reinstated.")


def carry_to_the_new_policy(event: PolicyRewritten) -> None:
    """Settle the cancelled policy, schedule the new one, and carry over by journal what was paid in excess."""
    old, old_term = _policy(event.from_policy_id), _term(event.from_term_id)
    new, new_term = _policy(event.to_policy_id), _term(event.to_term_id)
    reason = f"Rewritten as {new.number}"
    schedules.adjust(old, old_term, event.cancel_transaction_id, reason=reason)
    invoices.settle_term(old, old_term)
    cures.policy_cancelled(old, old_term, reason=f"{reason}.")
    if not Schedule.objects.filter(term=new_term).exists():
        schedules.create(new, new_term, event.to_transaction_id, event.plan_code)
    transfers.transfer_locked(old, new, reason=reason)
    cash.apply_waiting(new)


def ask_no_more(event: RenewalNotTaken) -> None:
    """Nothing is asked for a term that was let go."""
    voids.ask_no_more(_policy(event.policy_id), _term(event.term_id), reason="The renewal was not taken.")


def _adjust(policy_id: str, term_id: str, transaction_id: str) -> tuple[Policy, Term]:
    policy, term = _policy(policy_id), _term(term_id)
    transaction = Transaction.objects.get(pk=transaction_id)
    before = cash.waiting_minor(policy)
    schedules.adjust(policy, term, transaction_id, reason=transaction.reason or transaction.get_kind_display())
    if term.state == Term.State.CANCELLED:
        invoices.settle_term(policy, term)
    else:
        cash.apply_waiting(policy)
    freed = cash.waiting_minor(policy) - before
    credits = LineCredit.objects.filter(source_id=transaction_id, kind=LineCredit.Kind.RETURN_PREMIUM)
    credited = credits.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    refundable = max(0, min(freed, credited))
    returns.record(policy, term, transaction, credited_minor=credited, refundable_minor=refundable)
    return policy, term


def _policy(policy_id: str) -> Policy:
    return Policy.objects.select_related("program", "operator", "insured").get(pk=policy_id)


def _term(term_id: str) -> Term:
    return Term.objects.select_related("program_version").get(pk=term_id)
