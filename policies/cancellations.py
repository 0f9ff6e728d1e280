"""Cancellations: a term ends before its time, at once or on a day to come, and returns what is not kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import bus, clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid
from policies import holds, locks, recording, renewals, returns, transactions
from policies.events import CancellationAnnounced, CancellationRescinded, PolicyCancelled, PremiumPaid
from policies.models import Cancellation, Initiator, Policy, Term, Transaction
from policies.transactions import Drafted


class CancellationPending(Conflict):
    """The term's cancellation is announced already."""

    code = "cancellation_pending"


class RenewedAlready(Conflict):
    """A later term of the policy is in force."""

    code = "renewed_already"


@dataclass(frozen=True, slots=True)
class CancellationRequest:
    """When and how a term ends: its first day without cover, the method of return, why, and on whose word."""

    effective_on: dt.date
    method: str = "pro_rata"
    reason: str = "requested"
    initiator: str = "insured"
    note: str = ""


@command
def cancel(*, policy_id: str, request: CancellationRequest, actor: Actor) -> Cancellation:
    """End a term: at once when its day has come, else announced and pending until the day.

    Raises: NotFound, Forbidden, IllegalTransition unless in force, CancellationPending, DateOutsideTerm,
            FlatOnlyFromStart, ShortRateTableMissing, InMoratorium, Invalid.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    return cancel_locked(locks.lock(policy_id), request)


@step
def cancel_locked(policy: Policy, request: CancellationRequest) -> Cancellation:
    """The body of `cancel`, on a locked policy."""
    request = _checked(request)
    term = term_to_end(policy, request.effective_on)
    _require_method(term, request)
    draft(term, request)
    holds.require_none(policy, term, reason=request.reason, initiator=request.initiator, on=request.effective_on)
    cancellation = Cancellation.objects.create(
        term=term,
        effective_on=request.effective_on,
        method=request.method,
        reason=request.reason,
        initiator=request.initiator,
        requested_on=clock.today(),
        note=request.note,
    )
    if request.effective_on <= clock.today():
        return take_effect_locked(policy, cancellation)
    recording.record(policy, "policy.cancellation_pending", _said(cancellation), reason=request.note)
    bus.publish(CancellationAnnounced(policy_id=policy.id, term_id=term.id, cancellation_id=cancellation.id))
    return cancellation


@command
def take_effect(*, policy_id: str, actor: Actor) -> Cancellation:
    """Let a pending cancellation take effect once its day has come.

    Raises: NotFound, Forbidden, IllegalTransition when none is pending, Conflict before its day, InMoratorium.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    policy = locks.lock(policy_id)
    cancellation = pending_of(policy)
    if cancellation.effective_on > clock.today():
        said = (
            f"The cancellation takes effect on {cancellation.effective_on}; rescind it and cancel anew to end earlier."
        )
        raise Conflict(said, field="effective_on")
    return take_effect_locked(policy, cancellation)


@step
def take_effect_locked(policy: Policy, cancellation: Cancellation) -> Cancellation:
    """End the term by a pending cancellation of a locked policy; what is returned is worked out as things stand now."""
    term = transactions.in_state(policy, Term.State.IN_FORCE).get(pk=cancellation.term_id)
    request = request_of(cancellation)
    holds.require_none(policy, term, reason=request.reason, initiator=request.initiator, on=cancellation.effective_on)
    before = policy.state
    drafted, transaction = end_locked(policy, term, cancellation)
    data = {
        **_said(cancellation),
        "transaction": transaction.id,
        "return_premium_minor": -drafted.premium_minor,
        "total_minor": drafted.total_minor,
        "charges": drafted.amounts(),
    }
    recording.record(policy, "policy.cancelled", data, before=before, reason=cancellation.note)
    bus.publish(
        PolicyCancelled(
            policy_id=policy.id,
            term_id=term.id,
            transaction_id=transaction.id,
            cancellation_id=cancellation.id,
        )
    )
    for offered in transactions.in_state(policy, Term.State.OFFERED):
        renewals.let_go_locked(policy, offered, reason="the policy was cancelled")
    return cancellation


@step
def end_locked(policy: Policy, term: Term, cancellation: Cancellation) -> tuple[Drafted, Transaction]:
    """Write the end of a term of a locked policy, and move all three states; whoever calls it tells what it means."""
    request = request_of(cancellation)
    drafted = draft(term, request)
    transaction = transactions.write(
        policy,
        term,
        drafted,
        kind=Transaction.Kind.CANCELLATION,
        reason=cancellation.note,
        details={"method": request.method, "reason": request.reason, "initiator": request.initiator},
    )
    cancellation.take_effect()
    cancellation.transaction = transaction
    cancellation.save(update_fields=["state", "transaction"])
    term.cancel()
    term.save(update_fields=["state"])
    if not transactions.in_state(policy, Term.State.IN_FORCE).exists():
        policy.cancel()
        policy.save(update_fields=["state"])
    return drafted, transaction


@command
def rescind(*, policy_id: str, reason: str, actor: Actor) -> Cancellation:
    """Take back an announced cancellation before it takes effect. Raises: NotFound, Forbidden, IllegalTransition."""
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    policy = locks.lock(policy_id)
    return rescind_locked(policy, pending_of(policy), reason)


@step
def rescind_locked(policy: Policy, cancellation: Cancellation, reason: str) -> Cancellation:
    """The body of `rescind`, on a locked policy's pending cancellation."""
    reason = texts.line(reason, field="reason", at_most=300)
    cancellation.rescind()
    cancellation.ended_reason = reason
    cancellation.save(update_fields=["state", "ended_reason"])
    recording.record(policy, "policy.cancellation_rescinded", _said(cancellation), reason=reason)
    bus.publish(
        CancellationRescinded(policy_id=policy.id, term_id=cancellation.term_id, cancellation_id=cancellation.id)
    )
    return cancellation


def pending_of(policy: Policy) -> Cancellation:
    """The pending cancellation of a policy. Raises: IllegalTransition."""
    rows = Cancellation.objects.filter(term__policy=policy, state=Cancellation.State.PENDING)
    cancellation = rows.select_related("term").first()
    if cancellation is None:
        raise IllegalTransition(f"No cancellation of policy {policy.number} is pending.", field="policy")
    return cancellation


def preview(*, policy_id: str, request: CancellationRequest, actor: Actor) -> Drafted:
    """What `cancel` would return, by the same arithmetic; nothing is written. Raises: as `cancel`."""
    policy = access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_READ)
    term, request = transactions.current_term(policy, request.effective_on), _checked(request)
    _require_method(term, request)
    return draft(term, request)


def draft(term: Term, request: CancellationRequest) -> Drafted:
    """Work out the end of a term; it writes nothing."""
    transactions.require_changeable(term, request.effective_on)
    terms = transactions.conditions_of(term).cancellation
    on_paid = request.method == Cancellation.Method.SHORT_RATE_90 and terms.short_rate_on == "paid"
    returned = returns.cancel(
        transactions.slices_of(term),
        term_start=term.effective_on,
        term_end=term.expires_on,
        cancel_on=request.effective_on,
        terms=terms,
        method=request.method,
        minimum_applies=terms.minimum_applies(request.initiator, request.reason),
        premium_paid_minor=bus.ask(PremiumPaid(term_id=term.id)) if on_paid else None,
    )
    version = str(term.program_version)
    why = replace(returned.why, rule_version=version)
    course = "flat" if request.method == Cancellation.Method.FLAT else "ends"
    figures = {
        "return_premium": (returned.return_minor, why),
        "earned": (returned.earned_minor, replace(why, formula="earned of every segment until the day of the end")),
        "retained": (returned.retained_minor, replace(returned.why_retained, rule_version=version)),
    }
    charges = transactions.recharged(term, -returned.return_minor, why, course)
    return Drafted(request.effective_on, returned.slices, charges, figures)


def term_to_end(policy: Policy, day: dt.date) -> Term:
    """The term that ends by a cancellation. Raises: IllegalTransition, RenewedAlready, CancellationPending."""
    term = transactions.current_term(policy, day)
    if policy.terms.filter(number__gt=term.number, state=Term.State.IN_FORCE).exists():
        said = f"Policy {policy.number} is renewed; cancel the later term flat before this one."
        raise RenewedAlready(said, field="policy")
    if term.cancellations.filter(state=Cancellation.State.PENDING).exists():
        said = f"A cancellation of policy {policy.number} is pending; rescind it before another is announced."
        raise CancellationPending(said, field="policy")
    return term


def _checked(request: CancellationRequest) -> CancellationRequest:
    kinds: dict[str, Any] = {"method": Cancellation.Method, "reason": Cancellation.Reason, "initiator": Initiator}
    for name, kind in kinds.items():
        if getattr(request, name) not in kind.values:
            raise Invalid(f"{name} is one of {', '.join(kind.values)}.", field=name)
    return replace(request, note=texts.line(request.note, field="note", at_most=300, empty=True))


def _require_method(term: Term, request: CancellationRequest) -> None:
    """Refuse a short rate when the insurer ends cover. Raises: Invalid."""
    short = request.method in (Cancellation.Method.SHORT_RATE_90, Cancellation.Method.SHORT_RATE_TABLE)
    terms = transactions.conditions_of(term).cancellation
    if short and not terms.short_rate_allowed(request.initiator, request.reason):
        said = "The insurer returns premium pro rata when it ends cover; use pro_rata, or flat from the first day."
        raise Invalid(said, field="method")


def request_of(cancellation: Cancellation) -> CancellationRequest:
    return CancellationRequest(
        effective_on=cancellation.effective_on,
        method=cancellation.method,
        reason=cancellation.reason,
        initiator=cancellation.initiator,
        note=cancellation.note,
    )


def _said(cancellation: Cancellation) -> dict[str, Any]:
    return {
        "cancellation": cancellation.id,
        "effective_on": cancellation.effective_on.isoformat(),
        "method": cancellation.method,
        "reason": cancellation.reason,
        "initiator": cancellation.initiator,
    }
