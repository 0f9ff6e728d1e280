"""Write a chunk of checked rows by COPY: the very rows that quoting and binding each would write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection

from compliance import audit, events, explanations
from compliance.explanations import Figure
from coverpay.kernel import bus, clock, copying, ids
from coverpay.kernel.commands import step
from policies.events import PoliciesBound, PolicyBound
from policies.imports.checking import Good
from policies.models import Charge, Participant, Party, Policy, Segment, Term, Transaction

_DETAILS = ("name", "email", "address_line", "city", "state", "postal_code")
_BIND = (
    "UPDATE policies_policy SET state = 'bound' WHERE id = ANY(%s)",
    "UPDATE policies_term SET state = 'in_force' WHERE policy_id = ANY(%s)",
)
_SETTLE = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"
"""Check what waits for the end of the transaction now, so that the list of it does not grow with the file."""


@dataclass(slots=True)
class _Rows:
    """The rows of a chunk, table by table."""

    parties: list[tuple[Any, ...]] = field(default_factory=list)
    policies: list[tuple[Any, ...]] = field(default_factory=list)
    participants: list[tuple[Any, ...]] = field(default_factory=list)
    terms: list[tuple[Any, ...]] = field(default_factory=list)
    transactions: list[tuple[Any, ...]] = field(default_factory=list)
    segments: list[tuple[Any, ...]] = field(default_factory=list)
    charges: list[tuple[Any, ...]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    audits: list[audit.Noted] = field(default_factory=list)
    facts: list[events.Fact] = field(default_factory=list)
    bound: list[PolicyBound] = field(default_factory=list)


@step
def write(operator_id: str, good: Sequence[Good]) -> None:
    """Write policies, and bind those that say so; whoever listens hears of them all at once.

    Raises: IntegrityError when a number or a party came in by another way meanwhile, and what the listeners raise.
    """
    if not good:
        return
    rows = _Rows()
    parties = _known_parties(operator_id, good)
    party_ids, policy_ids = ids.many("pty", len(good)), ids.many("pol", len(good))
    for new_party_id, policy_id, each in zip(party_ids, policy_ids, good, strict=True):
        party_id = _party(rows, operator_id, parties, new_party_id, each)
        _policy(rows, operator_id, policy_id, party_id, each)
    _copy(rows)
    bound = [[each.policy_id for each in rows.bound]]
    with connection.cursor() as cursor:
        for statement in _BIND:
            cursor.execute(statement, bound)
    audit.record_many(rows.audits)
    events.record_many(rows.facts)
    if rows.bound:
        bus.publish(PoliciesBound(tuple(rows.bound)))
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE)


def _known_parties(operator_id: str, good: Sequence[Good]) -> dict[str, str]:
    references = {each.request.insured.reference for each in good}
    known = Party.objects.filter(organization_id=operator_id, reference__in=references)
    return dict(known.values_list("reference", "id"))


def _party(rows: _Rows, operator_id: str, parties: dict[str, str], new_id: str, each: Good) -> str:
    """The party of the row's reference, new or known; what is known of it already is left as it is."""
    details = asdict(each.request.insured)
    party_id = parties.setdefault(details["reference"], new_id)
    if party_id == new_id:
        values = (details[name] for name in _DETAILS)
        rows.parties.append((new_id, operator_id, details["reference"], *values, clock.now()))
    action = "party.create" if party_id == new_id else "party.find"
    rows.audits.append(audit.Noted(action, party_id, operator_id, after=details))
    return party_id


def _policy(rows: _Rows, operator_id: str, policy_id: str, party_id: str, each: Good) -> None:
    """Add a policy with its parts, its first term, the transaction of new business and its segment."""
    request, version, now = each.request, each.version, clock.now()
    premium, currency = request.premium.amount_minor, request.premium.currency
    term_id, transaction_id = ids.new("trm"), ids.new("txn")
    days = (request.effective_on, request.expires_on)
    rows.policies.append(
        (policy_id, operator_id, version.program_id, request.number, party_id, Policy.State.QUOTED.value, None, now)
    )
    parts = {operator_id: Participant.Role.OPERATOR.value}
    parts.setdefault(version.program.carrier_id, Participant.Role.CARRIER.value)
    if each.agency_id is not None:
        parts.setdefault(each.agency_id, Participant.Role.AGENCY.value)
    rows.participants += [
        (id, policy_id, organization_id, role)
        for id, (organization_id, role) in zip(ids.many("par", len(parts)), parts.items(), strict=True)
    ]
    rows.terms.append((term_id, policy_id, 1, request.state, *days, version.id, request.plan, Term.State.OFFERED.value))
    rows.transactions.append(
        (transaction_id, term_id, 1, Transaction.Kind.NEW_BUSINESS.value, request.effective_on, now, None, "", {})
    )
    rows.segments.append(
        (ids.new("seg"), transaction_id, Segment.Kind.RATE.value, *days, premium, premium, currency, None)
    )
    charges = _charges(rows, policy_id, transaction_id, each)
    _tell(rows, operator_id, policy_id, each, charges)
    if each.bind:
        rows.bound.append(PolicyBound(policy_id, term_id, transaction_id, request.plan))


def _charges(rows: _Rows, policy_id: str, transaction_id: str, each: Good) -> dict[str, int]:
    """Add the charges, each with its derivation. Gives what each component comes to."""
    for id, charge in zip(ids.many("chg", len(each.charges)), each.charges, strict=True):
        amount_minor, currency = charge.amount.amount_minor, charge.amount.currency
        rows.charges.append(
            (id, policy_id, transaction_id, charge.component, amount_minor, currency, charge.payee_kind, charge.payee,
             charge.commission_ppm, charge.taxable, charge.refundable)
        )  # fmt: skip
        rows.figures.append(Figure(id, "amount", amount_minor, currency, charge.why))
    return {charge.component: charge.amount.amount_minor for charge in each.charges}


def _tell(rows: _Rows, operator_id: str, policy_id: str, each: Good, charges: dict[str, int]) -> None:
    """Add the audit entries and public events of the quote and, where it is bound, of the binding."""
    request, total = each.request, sum(charges.values())
    about = {"policy": policy_id, "number": request.number}
    quoted = {"number": request.number, "state": "quoted", "total_minor": total, "charges": charges}
    rows.audits.append(audit.Noted("policy.quote", policy_id, operator_id, after=quoted))
    data: dict[str, Any] = {**about, "total_minor": total, "currency": request.premium.currency}
    rows.facts.append(events.Fact("policy.quoted", operator_id, policy_id, policy_id, data))
    if each.bind:
        before, after = ({"state": state, "plan": request.plan} for state in ("quoted", "bound"))
        rows.audits.append(audit.Noted("policy.bind", policy_id, operator_id, before, after))
        days = {"effective_on": request.effective_on.isoformat(), "expires_on": request.expires_on.isoformat()}
        rows.facts.append(events.Fact("policy.bound", operator_id, policy_id, policy_id, {**about, **days}))


def _copy(rows: _Rows) -> None:
    copying.insert(Party, ("id", "organization_id", "reference", *_DETAILS, "created_at"), rows.parties)
    copying.insert(
        Policy,
        ("id", "operator_id", "program_id", "number", "insured_id", "state", "rewrites_id", "created_at"),
        rows.policies,
    )
    copying.insert(Participant, ("id", "policy_id", "organization_id", "role"), rows.participants)
    copying.insert(
        Term,
        ("id", "policy_id", "number", "state_code", "effective_on", "expires_on", "program_version_id", "plan_code",
         "state"),
        rows.terms,
    )  # fmt: skip
    copying.insert(
        Transaction,
        ("id", "term_id", "sequence", "kind", "effective_on", "processed_at", "reverses_id", "reason", "details"),
        rows.transactions,
    )
    copying.insert(
        Segment,
        ("id", "transaction_id", "kind", "starts_on", "ends_on", "full_term_minor", "written_minor", "currency",
         "offsets_id"),
        rows.segments,
    )  # fmt: skip
    copying.insert(
        Charge,
        ("id", "policy_id", "transaction_id", "component", "amount_minor", "currency", "payee_kind", "payee",
         "commission_ppm", "taxable", "refundable"),
        rows.charges,
    )  # fmt: skip
    explanations.record_many(rows.figures)
