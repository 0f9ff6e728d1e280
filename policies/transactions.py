"""What a change writes: a transaction with its segments, its charges, and why each figure is what it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Max, QuerySet

from compliance import explanations
from compliance.explanations import Figure
from coverpay.kernel import clock, ids
from coverpay.kernel.commands import step
from coverpay.kernel.errors import IllegalTransition
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from policies import conditions, programs, recharging, slicing
from policies.conditions import Conditions
from policies.earning import NewSlice, Slice
from policies.models import Charge, Component, Policy, Segment, Term, Transaction
from policies.rating import RatedCharge
from policies.recharging import StandingCharge

PREMIUM_LIKE = ("premium", "audit_premium")


@dataclass(frozen=True, slots=True)
class Drafted:
    """A change worked out but not written: what a preview shows and a command writes."""

    effective_on: dt.date
    slices: list[NewSlice]
    charges: list[RatedCharge]
    figures: dict[str, tuple[int, Explained]] = field(default_factory=dict)

    @property
    def premium_minor(self) -> int:
        return sum(charge.amount.amount_minor for charge in self.charges if charge.component in PREMIUM_LIKE)

    @property
    def total_minor(self) -> int:
        return sum(charge.amount.amount_minor for charge in self.charges)

    def amounts(self) -> dict[str, int]:
        """The charges by component, minor units."""
        return {charge.component: charge.amount.amount_minor for charge in self.charges}


def current_term(policy: Policy, on: dt.date | None = None) -> Term:
    """The term in force that covers a day; else the one in force last. Raises: IllegalTransition when none is."""
    terms = list(in_state(policy, Term.State.IN_FORCE))
    if not terms:
        said = f"Policy {policy.number} is {policy.get_state_display().lower()}: no term of it is in force."
        raise IllegalTransition(said, field="policy")
    day = on or clock.today()
    return next((term for term in terms if term.effective_on <= day < term.expires_on), terms[-1])


def in_state(policy: Policy, *states: str) -> QuerySet[Term]:
    """The terms of a policy in these states, with their programs, the first first."""
    return policy.terms.select_related("program_version__program").filter(state__in=states).order_by("number")


def conditions_of(term: Term) -> Conditions:
    """What the program version of a term says about its life."""
    return conditions.read(term.program_version.terms, term.program_version.program.currency)


def slices_of(term: Term) -> list[Slice]:
    """The segments of a term as slices, in the order they were written."""
    rows = Segment.objects.filter(transaction__term=term).order_by("transaction__sequence", "id")
    return [
        Slice(row.id, row.kind, row.starts_on, row.ends_on, row.full_term_minor, row.written_minor, row.offsets_id)
        for row in rows
    ]


def slices_of_many(term_ids: Collection[str]) -> dict[str, list[Slice]]:
    """The segments of several terms, by term, each in the order they were written."""
    found: dict[str, list[Slice]] = {term_id: [] for term_id in term_ids}
    rows = Segment.objects.filter(transaction__term__in=term_ids).order_by("transaction__sequence", "id")
    for row in rows.select_related("transaction"):
        found[row.transaction.term_id].append(
            Slice(row.id, row.kind, row.starts_on, row.ends_on, row.full_term_minor, row.written_minor, row.offsets_id)
        )
    return found


def standing_of(term: Term) -> dict[str, StandingCharge]:
    """What a term is charged for each component so far, under the payee and commission it began with."""
    found: dict[str, StandingCharge] = {}
    for row in Charge.objects.filter(transaction__term=term).order_by("transaction__sequence", "id"):
        before = found.get(row.component)
        found[row.component] = StandingCharge(
            component=row.component,
            amount_minor=row.amount_minor + (before.amount_minor if before else 0),
            payee_kind=before.payee_kind if before else row.payee_kind,
            payee=before.payee if before else row.payee,
            commission_ppm=before.commission_ppm if before else row.commission_ppm,
            taxable=row.taxable,
            refundable=row.refundable,
        )
    return found


def recharged(
    term: Term, change_minor: int, why: Explained, course: str, component: str = "premium"
) -> list[RatedCharge]:
    """Every charge of a change of a term's premium."""
    version = term.program_version
    return recharging.recharge(
        change_minor,
        standing_of(term),
        version.terms,
        programs.risk_of(version, term.state_code, term.effective_on),
        why=why,
        currency=version.program.currency,
        course=course,
        component=component,
    )


def opposite(wrong: Transaction, why: Explained) -> list[RatedCharge]:
    """The charges that take back a transaction's own, to the cent. `why` is the premium's; the others say their own."""
    return [
        RatedCharge(
            row.component,
            Money(-row.amount_minor, row.currency),
            row.payee_kind,
            row.payee,
            row.commission_ppm,
            row.taxable,
            row.refundable,
            why if row.component == Component.PREMIUM else _taken_back(row, wrong, why),
        )
        for row in wrong.charges.order_by("id")
    ]


def opposite_among_others(term: Term, wrong: Transaction, change_minor: int, why: Explained) -> list[RatedCharge]:
    """The charges that take back a change while later ones stand: what is a rate of the premium is worked out anew.

    The cent that rounding gave to one change may be another's by now; so a rate never drifts from the premium it is of.
    """
    version = term.program_version
    risk = programs.risk_of(version, term.state_code, term.effective_on)
    anew = recharging.follows_premium(version.terms, risk)
    kept = [charge for charge in opposite(wrong, why) if charge.component not in anew]
    return kept + [row for row in recharged(term, change_minor, why, "changes") if row.component in anew]


def _taken_back(charge: Charge, wrong: Transaction, why: Explained) -> Explained:
    formula = f"{charge.component} = the opposite of what the {wrong.get_kind_display().lower()} wrote"
    return replace(why, formula=formula, inputs={"amount_minor": -charge.amount_minor, "opposite_of": wrong.id})


def first_changeable_day(term: Term) -> dt.date:
    """The first day a change may fall on: a lapse without cover, once it is written, is not reached behind."""
    lapses = [row for row in _reinstatements(term) if row.details.get("lapse_days")]
    return max((row.effective_on for row in lapses), default=term.effective_on)


def moved_days(term: Term) -> int:
    """By how many days reinstatements moved the term's end."""
    return sum(row.details["lapse_days"] for row in _reinstatements(term) if row.details.get("lapse") == "extend")


def _reinstatements(term: Term) -> Sequence[Transaction]:
    return list(term.transactions.filter(kind=Transaction.Kind.REINSTATEMENT))


def require_changeable(term: Term, day: dt.date, field: str = "effective_on") -> None:
    """Raises: DateOutsideTerm for a day the term does not cover, or one before a lapse."""
    slicing.require_inside(day, first_changeable_day(term), term.expires_on, field)


@step
def write(
    policy: Policy,
    term: Term,
    drafted: Drafted,
    *,
    kind: str,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    reverses: Transaction | None = None,
) -> Transaction:
    """Write a worked-out change of a locked policy's term: transaction, segments, charges, derivations."""
    transaction = Transaction.objects.create(
        term=term,
        sequence=(term.transactions.aggregate(last=Max("sequence"))["last"] or 0) + 1,
        kind=kind,
        effective_on=drafted.effective_on,
        reason=reason,
        details=dict(details or {}),
        reverses=reverses,
    )
    currency = term.program_version.program.currency
    Segment.objects.bulk_create(
        Segment(
            id=ids.new("seg"),
            transaction=transaction,
            kind=each.kind,
            starts_on=each.starts_on,
            ends_on=each.ends_on,
            full_term_minor=each.full_term_minor,
            written_minor=each.written_minor,
            currency=currency,
            offsets_id=each.offsets,
        )
        for each in drafted.slices
    )
    charges = Charge.objects.bulk_create(_row(policy, transaction, charge) for charge in drafted.charges)
    explanations.record(
        Figure(row.id, "amount", row.amount_minor, row.currency, charge.why)
        for row, charge in zip(charges, drafted.charges, strict=True)
    )
    explanations.record(
        Figure(transaction.id, name, amount, currency, why) for name, (amount, why) in drafted.figures.items()
    )
    return transaction


def _row(policy: Policy, transaction: Transaction, charge: RatedCharge) -> Charge:
    return Charge(
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
