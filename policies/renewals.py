"""Renewals: the next term of a policy is offered, and taken or let go."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import bus, clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid
from coverpay.kernel.money import MAX_MINOR, Money
from policies import lifecycle, locks, programs, rating, recording, transactions
from policies.events import RenewalAccepted, RenewalNotTaken, RenewalOffered
from policies.models import Cancellation, Policy, ProgramVersion, Term, Transaction
from policies.rating import RatedCharge


class RenewalStands(Conflict):
    """A next term is offered or in force already."""

    code = "renewal_stands"


@dataclass(frozen=True, slots=True)
class RenewalRequest:
    """What the next term costs; its plan and its end are those of the last term unless said."""

    premium_minor: int
    plan: str = ""
    expires_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class RenewalDrafted:
    """A next term worked out but not written."""

    effective_on: dt.date
    expires_on: dt.date
    version: ProgramVersion
    plan: str
    charges: list[RatedCharge]


@command
def offer(*, policy_id: str, request: RenewalRequest, actor: Actor) -> Term:
    """Offer the next term of a policy by the program's terms of its first day. Nothing is owed until it is taken.

    Raises: NotFound, Forbidden, IllegalTransition, RenewalStands, StateNotInProgram, RuleNeedsDecision, Invalid.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    return offer_locked(locks.lock(policy_id), request)


@step
def offer_locked(policy: Policy, request: RenewalRequest) -> Term:
    """The body of `offer`, on a locked policy; also for the nightly run."""
    last = _last_term(policy)
    drafted = draft(policy, last, request)
    term = Term.objects.create(
        policy=policy,
        number=policy.terms.count() + 1,
        state_code=last.state_code,
        effective_on=drafted.effective_on,
        expires_on=drafted.expires_on,
        program_version=drafted.version,
        plan_code=drafted.plan,
    )
    charges = lifecycle.write_first(policy, term, drafted.charges, Transaction.Kind.RENEWAL)
    transaction = term.transactions.get(sequence=1)
    data = {
        **_said(term),
        "transaction": transaction.id,
        "total_minor": sum(charge.amount_minor for charge in charges),
        "charges": {charge.component: charge.amount_minor for charge in charges},
    }
    recording.record(policy, "policy.renewal_offered", data)
    bus.publish(
        RenewalOffered(policy_id=policy.id, term_id=term.id, transaction_id=transaction.id, plan_code=term.plan_code)
    )
    return term


@command
def accept(*, policy_id: str, actor: Actor) -> Term:
    """Take the offered next term by word. Raises: NotFound, Forbidden, IllegalTransition when none is offered."""
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    policy = locks.lock(policy_id)
    return accept_locked(policy, offered_of(policy))


@step
def accept_locked(policy: Policy, term: Term) -> Term:
    """Take an offered term of a locked policy: by word, or because it was paid. A policy that ran out goes on."""
    if term.state != Term.State.OFFERED:
        raise IllegalTransition(f"The term {term} is {term.get_state_display().lower()}.", field="policy")
    term.take()
    term.save(update_fields=["state"])
    before = policy.state
    if before == Policy.State.EXPIRED:
        policy.renew()
        policy.save(update_fields=["state"])
    recording.record(policy, "policy.renewed", _said(term), before=before)
    bus.publish(RenewalAccepted(policy_id=policy.id, term_id=term.id))
    return term


@command
def decline(*, policy_id: str, reason: str, actor: Actor) -> Term:
    """Let the offered next term go as not taken. Raises: NotFound, Forbidden, IllegalTransition without one."""
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    reason = texts.line(reason, field="reason", at_most=300)
    policy = locks.lock(policy_id)
    return let_go_locked(policy, offered_of(policy), reason=reason)


@step
def let_go_locked(policy: Policy, term: Term, *, reason: str) -> Term:
    """Let an offered term of a locked policy go: nobody took it, or nobody paid."""
    if term.state != Term.State.OFFERED:
        raise IllegalTransition(f"The term {term} is {term.get_state_display().lower()}.", field="policy")
    term.let_go()
    term.save(update_fields=["state"])
    recording.record(policy, "policy.renewal_not_taken", _said(term), reason=reason)
    bus.publish(RenewalNotTaken(policy_id=policy.id, term_id=term.id))
    return term


def offered_of(policy: Policy) -> Term:
    """The renewal offered on a policy. Raises: IllegalTransition."""
    term = transactions.in_state(policy, Term.State.OFFERED).filter(number__gt=1).first()
    if term is None:
        raise IllegalTransition(f"No renewal of policy {policy.number} is offered.", field="policy")
    return term


def preview(*, policy_id: str, request: RenewalRequest, actor: Actor) -> RenewalDrafted:
    """What `offer` would write, by the same arithmetic; nothing is written. Raises: as `offer`."""
    policy = access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_READ)
    return draft(policy, _last_term(policy), request)


def draft(policy: Policy, last: Term, request: RenewalRequest) -> RenewalDrafted:
    """Work out the next term of a policy; it writes nothing."""
    if not 0 < request.premium_minor <= MAX_MINOR:
        raise Invalid("The premium must be above zero, and no more than any we accept.", field="premium_minor")
    program = last.program_version.program
    effective_on = last.expires_on
    expires_on = request.expires_on or _as_long(policy, last)
    if not 0 < (expires_on - effective_on).days <= lifecycle.MAX_TERM_DAYS:
        said = f"The next term begins {effective_on} and has 1 to {lifecycle.MAX_TERM_DAYS} days."
        raise Invalid(said, field="expires_on")
    version = programs.version_for(policy.operator_id, program.code, last.state_code, effective_on)
    charges = rating.rate(
        Money(request.premium_minor, program.currency),
        version.terms,
        programs.risk_of(version, last.state_code, effective_on),
    )
    plan = texts.line(request.plan or last.plan_code, field="plan", at_most=40)
    return RenewalDrafted(effective_on, expires_on, version, plan, charges)


def _last_term(policy: Policy) -> Term:
    terms = transactions.in_state(policy, Term.State.OFFERED, Term.State.IN_FORCE, Term.State.EXPIRED)
    last = terms.last()
    if last is None or policy.state not in (*Policy.IN_FORCE, Policy.State.EXPIRED):
        said = (
            f"Policy {policy.number} is {policy.get_state_display().lower()}; only cover in force or over is renewed."
        )
        raise IllegalTransition(said, field="policy")
    if last.state == Term.State.OFFERED or (last.number > 1 and last.effective_on > clock.today()):
        raise RenewalStands(f"The term {last} of policy {policy.number} stands already.", field="policy")
    if last.cancellations.filter(state=Cancellation.State.PENDING).exists():
        raise IllegalTransition(f"A cancellation of policy {policy.number} is pending.", field="policy")
    return last


def _as_long(policy: Policy, last: Term) -> dt.date:
    """The end of a next term as long as the last: in months from the policy's first day, or in days."""
    first_day = policy.terms.order_by("number").values_list("effective_on", flat=True)[0]
    start, end = (_months(first_day, day) for day in (last.effective_on, last.expires_on))
    fits = (months_later(first_day, start), months_later(first_day, end)) == (last.effective_on, last.expires_on)
    return months_later(first_day, 2 * end - start) if fits else last.expires_on + (last.expires_on - last.effective_on)


def _months(first: dt.date, last: dt.date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def months_later(day: dt.date, months: int) -> dt.date:
    """The same day of a later month, or the last day of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _said(term: Term) -> dict[str, str]:
    return {
        "term": term.id,
        "effective_on": term.effective_on.isoformat(),
        "expires_on": term.expires_on.isoformat(),
    }
