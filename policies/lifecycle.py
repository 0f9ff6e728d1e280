"""How a policy comes to be: quote, bind, decline, issue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from compliance import access, audit, events, explanations
from compliance.explanations import Figure
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import bus, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, DomainError, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import MAX_MINOR, CurrencyMismatch, Money
from policies import locks, parties, programs, rating, recording
from policies.events import PolicyBound
from policies.models import (
    Charge,
    Participant,
    Policy,
    ProgramVersion,
    Segment,
    Term,
    Transaction,
)
from policies.parties import PartyDetails
from policies.rating import RatedCharge

MAX_TERM_DAYS = 3 * 366
MAX_NUMBER = 50
FIRST_DAY, LAST_DAY = dt.date(1990, 1, 1), dt.date(2199, 12, 31)
"""A term begins between these days; anything else is a slip of the pen."""


class PolicyNumberTaken(Conflict):
    """The operator has a policy of that number already."""

    code = "policy_number_taken"


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What a quote needs. `agency_code` names the organization that sold it and may read it, if any."""

    number: str
    program: str
    insured: PartyDetails
    state: str
    effective_on: dt.date
    expires_on: dt.date
    premium: Money
    plan: str
    agency_code: str = ""


@command
def quote(*, request: QuoteRequest, actor: Actor) -> Policy:
    """Write a quote: the policy, its first term, and every charge with its derivation. Nothing is owed yet.

    Raises: PolicyNumberTaken, NotFound (program, agency), StateNotInProgram, CurrencyMismatch, RuleNeedsDecision,
            Invalid (texts, dates, premium), each naming its field.
    """
    access.require(actor, Permission.POLICIES_WRITE)
    return write_quote(access.organization_of(actor), request)


@step
def write_quote(operator_id: str, request: QuoteRequest, *, rewrites: Policy | None = None) -> Policy:
    """The body of `quote`, also used by the import for each row, and for the policy that takes another's place."""
    request = _check_texts(request)
    _check_premium(request)
    _check_days(request)
    version = _version_for(operator_id, request)
    policy = _open_policy(operator_id, version, request, rewrites)
    _write_participants(policy, version, _agency(request.agency_code))
    term = Term.objects.create(
        policy=policy,
        state_code=request.state,
        effective_on=request.effective_on,
        expires_on=request.expires_on,
        program_version=version,
        plan_code=request.plan,
    )
    charges = _write_new_business(policy, term, version, request)
    total = sum(charge.amount_minor for charge in charges)
    audit.record(
        action="policy.quote",
        object_id=policy.id,
        organization_id=operator_id,
        after={
            "number": policy.number,
            "state": policy.state,
            "total_minor": total,
            "charges": {charge.component: charge.amount_minor for charge in charges},
        },
    )
    events.record(
        type="policy.quoted",
        organization_id=operator_id,
        object_id=policy.id,
        subject_id=policy.id,
        data={
            "policy": policy.id,
            "number": policy.number,
            "total_minor": total,
            "currency": request.premium.currency,
        },
    )
    return policy


class Slips(NamedTuple):
    """What of a request is refused whatever the database holds."""

    texts: list[DomainError]
    insured_and_premium: list[DomainError]
    days: list[DomainError]

    def all(self) -> list[DomainError]:
        return [*self.texts, *self.insured_and_premium, *self.days]


def slips(request: QuoteRequest) -> Slips:
    """Look a request over by itself: its texts, the insured, the premium and the days."""
    return Slips(
        _refusals(lambda: _check_texts(request)),
        _refusals(lambda: parties.checked(request.insured), lambda: _check_premium(request)),
        _refusals(lambda: _check_days(request)),
    )


def cleaned(request: QuoteRequest) -> QuoteRequest:
    """A request that has no slips, without spaces around its texts. Raises: the first slip."""
    clean = replace(_check_texts(request), insured=parties.checked(request.insured))
    _check_premium(clean)
    _check_days(clean)
    return clean


def refusals(operator_id: str, request: QuoteRequest) -> list[DomainError]:
    """Every reason why a quote is refused, not only the first; it writes nothing. Empty when there is none."""
    seen = slips(request)
    found = seen.all()
    if not (seen.texts or seen.days):
        found += _refusals(lambda: _version_for(operator_id, request))
    if not seen.texts:
        found += _refusals(
            lambda: _check_number_is_free(operator_id, request.number),
            lambda: _agency(request.agency_code),
        )
    return found


def _refusals(*checks: Callable[[], object]) -> list[DomainError]:
    found: list[DomainError] = []
    for check in checks:
        try:
            check()
        except DomainError as error:
            found.append(error)
    return found


def _open_policy(operator_id: str, version: ProgramVersion, request: QuoteRequest, rewrites: Policy | None) -> Policy:
    """Write the policy row. Two at once with one number wait for each other, and the second is refused."""
    policy = Policy(
        operator_id=operator_id,
        program=version.program,
        number=request.number,
        insured=rewrites.insured if rewrites else parties.ensure(operator_id, request.insured),
        rewrites=rewrites,
    )
    Policy.objects.bulk_create([policy], ignore_conflicts=True)
    if not Policy.objects.filter(pk=policy.id).exists():
        _check_number_is_free(operator_id, request.number)
    return policy


@command
def bind(*, policy_id: str, actor: Actor, plan_code: str = "") -> Policy:
    """Turn a quote into cover: from now on its charges are owed by the plan asked for, or by another chosen now.

    Raises: NotFound (also for a plan not in force), Forbidden, IllegalTransition when it is not a quote.
    """
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    return bind_locked(locks.lock(policy_id), plan_code)


@step
def bind_locked(policy: Policy, plan_code: str = "") -> Policy:
    """The body of `bind`, on a locked policy."""
    term = take_cover_locked(policy, plan_code)
    bus.publish(
        PolicyBound(
            policy_id=policy.id,
            term_id=term.id,
            transaction_id=term.transactions.get(sequence=1).id,
            plan_code=term.plan_code,
        )
    )
    return policy


@step
def take_cover_locked(policy: Policy, plan_code: str = "") -> Term:
    """Turn a locked quote into cover without telling the layers above; whoever calls it tells them. Gives its term."""
    _require_quoted(policy, "bound")
    before = policy.state
    policy.bind()
    policy.save(update_fields=["state"])
    term = policy.terms.get(number=1)
    term.take()
    asked, term.plan_code = term.plan_code, plan_code or term.plan_code
    term.save(update_fields=["state", "plan_code"])
    audit.record(
        action="policy.bind",
        object_id=policy.id,
        organization_id=policy.operator_id,
        before={"state": before, "plan": asked},
        after={"state": policy.state, "plan": term.plan_code},
    )
    events.record(
        type="policy.bound",
        organization_id=policy.operator_id,
        object_id=policy.id,
        subject_id=policy.id,
        data={
            "policy": policy.id,
            "number": policy.number,
            "effective_on": term.effective_on.isoformat(),
            "expires_on": term.expires_on.isoformat(),
        },
    )
    return term


@command
def issue(*, policy_id: str, actor: Actor) -> Policy:
    """Say that the contract's documents are with the insured. Raises: NotFound, Forbidden, IllegalTransition."""
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    policy = locks.lock(policy_id)
    if policy.state != Policy.State.BOUND:
        said = f"Policy {policy.number} is {policy.get_state_display().lower()}; only a bound policy is issued."
        raise IllegalTransition(said, field="policy")
    policy.issue()
    policy.save(update_fields=["state"])
    recording.record(policy, "policy.issued", {}, before=Policy.State.BOUND)
    return policy


@command
def decline(*, policy_id: str, reason: str, actor: Actor) -> Policy:
    """Close a quote without cover. Raises: NotFound, Forbidden, IllegalTransition, Invalid without a reason."""
    access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.POLICIES_WRITE)
    reason = texts.line(reason, field="reason", at_most=300)
    policy = locks.lock(policy_id)
    _require_quoted(policy, "declined")
    policy.decline()
    policy.save(update_fields=["state"])
    term = policy.terms.get(number=1)
    term.let_go()
    term.save(update_fields=["state"])
    audit.record(
        action="policy.decline",
        object_id=policy.id,
        organization_id=policy.operator_id,
        before={"state": "quoted"},
        after={"state": policy.state},
        reason=reason,
    )
    events.record(
        type="policy.not_taken",
        organization_id=policy.operator_id,
        object_id=policy.id,
        subject_id=policy.id,
        data={"policy": policy.id, "number": policy.number, "reason": reason},
    )
    return policy


def _require_quoted(policy: Policy, verb: str) -> None:
    if policy.state != Policy.State.QUOTED:
        raise IllegalTransition(
            f"Policy {policy.number} is {policy.get_state_display().lower()}; only a quote can be {verb}.",
            field="policy",
        )


def _check_texts(request: QuoteRequest) -> QuoteRequest:
    """The request without spaces around its texts."""
    return replace(
        request,
        number=texts.line(request.number, field="number", at_most=MAX_NUMBER),
        program=texts.line(request.program, field="program", at_most=40),
        state=texts.line(request.state, field="state", at_most=2),
        plan=texts.line(request.plan, field="plan", at_most=40),
        agency_code=texts.line(request.agency_code, field="agency_code", at_most=40, empty=True),
    )


def _check_premium(request: QuoteRequest) -> None:
    if not 0 < request.premium.amount_minor <= MAX_MINOR:
        raise Invalid("The premium must be above zero, and no more than any we accept.", field="premium")


def _check_days(request: QuoteRequest) -> None:
    if not FIRST_DAY <= request.effective_on <= LAST_DAY:
        raise Invalid(f"A term begins between {FIRST_DAY} and {LAST_DAY}.", field="effective_on")
    if request.expires_on <= request.effective_on:
        raise Invalid("The term must end after it begins.", field="expires_on")
    if (request.expires_on - request.effective_on).days > MAX_TERM_DAYS:
        raise Invalid(f"A term has at most {MAX_TERM_DAYS} days.", field="expires_on")


def _version_for(operator_id: str, request: QuoteRequest) -> ProgramVersion:
    version = programs.version_for(operator_id, request.program, request.state, request.effective_on)
    return in_its_currency(version, request)


def in_its_currency(version: ProgramVersion, request: QuoteRequest) -> ProgramVersion:
    """The version, if its program is in the currency of the premium. Raises: CurrencyMismatch."""
    if request.premium.currency != version.program.currency:
        raise CurrencyMismatch(f"Program {request.program} is in {version.program.currency}.", field="currency")
    return version


def _check_number_is_free(operator_id: str, number: str) -> None:
    if Policy.objects.filter(operator_id=operator_id, number=number).exists():
        raise PolicyNumberTaken(f"Policy number {number!r} is taken.", field="number")


def _agency(code: str) -> Organization | None:
    agency = Organization.objects.filter(code=code).first() if code else None
    if code and agency is None:
        raise NotFound(f"No organization with the code {code!r}.", field="agency_code")
    return agency


def _write_participants(policy: Policy, version: ProgramVersion, agency: Organization | None) -> None:
    parts = {policy.operator_id: Participant.Role.OPERATOR}
    parts.setdefault(version.program.carrier_id, Participant.Role.CARRIER)
    if agency is not None:
        parts.setdefault(agency.id, Participant.Role.AGENCY)
    Participant.objects.bulk_create(
        Participant(policy=policy, organization_id=organization_id, role=role)
        for organization_id, role in parts.items()
    )


def _write_new_business(policy: Policy, term: Term, version: ProgramVersion, request: QuoteRequest) -> list[Charge]:
    rated = rating.rate(
        request.premium,
        version.terms,
        programs.risk_of(version, request.state, request.effective_on),
    )
    return write_first(policy, term, rated, Transaction.Kind.NEW_BUSINESS)


@step
def write_first(policy: Policy, term: Term, rated: Sequence[RatedCharge], kind: str) -> list[Charge]:
    """Write the first transaction of a term: its whole premium as one segment, and every charge."""
    premium = rated[0].amount
    transaction = Transaction.objects.create(term=term, sequence=1, kind=kind, effective_on=term.effective_on)
    Segment.objects.create(
        transaction=transaction,
        starts_on=term.effective_on,
        ends_on=term.expires_on,
        full_term_minor=premium.amount_minor,
        written_minor=premium.amount_minor,
        currency=premium.currency,
    )
    charges = Charge.objects.bulk_create(
        Charge(
            id=ids.new("chg"),
            policy=policy,
            transaction=transaction,
            component=charge.component,
            amount_minor=charge.amount.amount_minor,
            currency=charge.amount.currency,
            payee_kind=charge.payee_kind,
            payee=charge.payee,
            commission_ppm=charge.commission_ppm,
            taxable=charge.taxable,
            refundable=charge.refundable,
        )
        for charge in rated
    )
    explanations.record(
        Figure(row.id, "amount", row.amount_minor, row.currency, charge.why)
        for row, charge in zip(charges, rated, strict=True)
    )
    return charges
