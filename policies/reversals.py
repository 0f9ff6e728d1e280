"""Undo a wrong transaction by a reversing one: every figure is then as it was before it."""

from __future__ import annotations

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import bus, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, NotFound
from coverpay.kernel.figures import Explained
from policies import locks, recording, reinstatements, returns, transactions
from policies.earning import NewSlice, Slice
from policies.events import PolicyReinstated, TermChanged
from policies.models import Cancellation, Policy, Segment, Term, Transaction
from policies.returns import ChangedSince
from policies.transactions import Drafted

INSTEAD: dict[str, str] = {
    Transaction.Kind.NEW_BUSINESS: "cancel the term flat instead",
    Transaction.Kind.RENEWAL: "let the renewal go, or cancel its term flat instead",
    Transaction.Kind.REINSTATEMENT: "cancel the policy again instead",
    Transaction.Kind.REVERSAL: "make the change again instead",
}


class NotUndoable(Conflict):
    """A transaction of this kind is not undone; the message says what to do instead."""

    code = "not_undoable"


@command
def undo(*, policy_id: str, transaction_id: str, reason: str, actor: Actor) -> Transaction:
    """Undo a wrong endorsement, audit or cancellation; premium and charges are as before it.

    Raises: NotFound, Forbidden, NotUndoable, ChangedSince naming what to undo first, IllegalTransition.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    policy = locks.lock(policy_id)
    return undo_locked(policy, _transaction_of(policy, transaction_id), reason)


@step
def undo_locked(policy: Policy, wrong: Transaction, reason: str) -> Transaction:
    """The body of `undo`, on a locked policy's transaction."""
    reason = texts.line(reason, field="reason", at_most=300)
    term = _term_of(wrong)
    drafted = draft(term, wrong)
    ended = wrong.kind == Transaction.Kind.CANCELLATION
    cancellation = Cancellation.objects.get(transaction=wrong) if ended else None
    before = policy.state
    transaction = transactions.write(
        policy,
        term,
        drafted,
        kind=Transaction.Kind.REVERSAL,
        reason=reason,
        details={"undoes": wrong.kind},
        reverses=wrong,
    )
    if cancellation is not None:
        reinstatements.resume_locked(policy, term, cancellation, reason=reason, expires_on=term.expires_on)
    data = {
        "transaction": transaction.id,
        "reverses": wrong.id,
        "kind": wrong.kind,
        "effective_on": wrong.effective_on.isoformat(),
        "total_minor": drafted.total_minor,
        "charges": drafted.amounts(),
    }
    recording.record(policy, "policy.transaction_reversed", data, before=before, reason=reason)
    told = {"policy_id": policy.id, "term_id": term.id, "transaction_id": transaction.id}
    bus.publish(PolicyReinstated(**told, lapse_days=0) if ended else TermChanged(**told))
    return transaction


def preview(*, policy_id: str, transaction_id: str, actor: Actor) -> Drafted:
    """What `undo` would write; nothing is written. Raises: as `undo`."""
    policy = access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_READ)
    wrong = _transaction_of(policy, transaction_id)
    return draft(_term_of(wrong), wrong)


def draft(term: Term, wrong: Transaction) -> Drafted:
    """Work out the opposite of a transaction; it writes nothing."""
    _require_undoable(term, wrong)
    why = Explained(
        formula="the opposite of what the transaction wrote",
        inputs={"reverses": wrong.id, "kind": wrong.kind},
        rule="reversal",
        rule_version=str(term.program_version),
    )
    own = list(wrong.segments.values_list("id", flat=True))
    slices = _opposite(transactions.slices_of(term), own)
    _require_open(term, wrong)
    change = sum(each.written_minor for each in slices)
    others = term.transactions.filter(sequence__gt=wrong.sequence).exists()
    if others and wrong.kind == Transaction.Kind.ENDORSEMENT:
        charges = transactions.opposite_among_others(term, wrong, change, why)
    else:
        charges = transactions.opposite(wrong, why)
    return Drafted(wrong.effective_on, slices, charges, {"written": (change, why)})


def _require_undoable(term: Term, wrong: Transaction) -> None:
    instead = INSTEAD.get(wrong.kind)
    if instead:
        said = f"A transaction of the kind {wrong.get_kind_display().lower()} is not undone; {instead}."
        raise NotUndoable(said, field="transaction")
    if Transaction.objects.filter(reverses=wrong).exists():
        raise NotUndoable("This transaction is undone already.", field="transaction")
    if wrong.kind == Transaction.Kind.CANCELLATION:
        reinstatements.require_standing(wrong)
    audits = term.transactions.filter(kind=Transaction.Kind.AUDIT, sequence__gt=wrong.sequence, reversed_by=None)
    later = audits.order_by("-sequence").first()
    if later is not None:
        raise ChangedSince(_first(later), field="transaction", transaction=later.id)


def _first(later: Transaction) -> str:
    return f"Undo the {later.get_kind_display().lower()} {later.id} of {later.effective_on} first; it rests on this."


def _opposite(slices: list[Slice], own: list[str]) -> list[NewSlice]:
    """The slices that take back a transaction's own. Raises: ChangedSince naming the transaction to undo first."""
    try:
        made = returns.undo(slices, own)
    except ChangedSince as error:
        later = Segment.objects.select_related("transaction").get(pk=error.extra["slice"]).transaction
        raise ChangedSince(_first(later), field="transaction", transaction=later.id) from None
    returns.require_none_below_zero(slices, made)
    return made


def _require_open(term: Term, wrong: Transaction) -> None:
    ended = wrong.kind == Transaction.Kind.CANCELLATION
    fits = [Term.State.CANCELLED] if ended else [Term.State.IN_FORCE]
    if wrong.kind == Transaction.Kind.AUDIT:
        fits.append(Term.State.EXPIRED)
    if term.state not in fits:
        said = f"The term {term} is {term.get_state_display().lower()}; this is not undone any more."
        raise IllegalTransition(said, field="policy")


def _transaction_of(policy: Policy, transaction_id: str) -> Transaction:
    found = Transaction.objects.filter(term__policy=policy, pk=transaction_id).first()
    if found is None:
        raise NotFound(f"Policy {policy.number} has no transaction {transaction_id}.", field="transaction")
    return found


def _term_of(wrong: Transaction) -> Term:
    return Term.objects.select_related("program_version__program").get(pk=wrong.term_id)
