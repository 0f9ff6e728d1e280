"""What a policy's terms are made of: transactions with segments and charges, what is earned today, and what is next."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compliance import explanations
from compliance.models import Explanation
from policies import earning
from policies.models import Cancellation, Charge, Component, Policy, Segment, Term, Transaction
from policies.queries import payee_names


@dataclass(frozen=True, slots=True)
class SegmentShown:
    """A segment with what of it is earned on the day of the page."""

    segment: Segment
    earned_minor: int

    @property
    def unearned_minor(self) -> int:
        return self.segment.written_minor - self.earned_minor


@dataclass(frozen=True, slots=True)
class ChangeShown:
    """A transaction with its segments, its charges and why each figure is what it is."""

    change: Transaction
    segments: list[SegmentShown]
    charges: list[Charge]
    reasons: list[Explanation]
    undone_by: Transaction | None

    @property
    def premium_minor(self) -> int:
        return sum(shown.segment.written_minor for shown in self.segments)

    @property
    def total_minor(self) -> int:
        return sum(charge.amount_minor for charge in self.charges)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a term owes of one component to one payee, after every change."""

    component: str
    payee: str
    commission_ppm: int
    amount_minor: int
    currency: str
    reasons: list[Explanation]


@dataclass(frozen=True, slots=True)
class TermShown:
    """One term, newest change last."""

    term: Term
    changes: list[ChangeShown]
    standing: list[Standing]
    cancellations: list[Cancellation]
    written_minor: int
    earned_minor: int
    currency: str

    @property
    def unearned_minor(self) -> int:
        return self.written_minor - self.earned_minor

    @property
    def total_minor(self) -> int:
        return sum(row.amount_minor for row in self.standing)

    @property
    def pending(self) -> Cancellation | None:
        return next((row for row in self.cancellations if row.state == Cancellation.State.PENDING), None)


def current(terms: Sequence[Term], today: dt.date) -> Term:
    """The term a page is about: the one in force today, else the next in force, else the last one there is."""
    in_force = [term for term in terms if term.state == Term.State.IN_FORCE]
    running = [term for term in in_force if term.effective_on <= today]
    return running[-1] if running else in_force[0] if in_force else terms[-1]


def slices(segments: Iterable[Segment]) -> list[earning.Slice]:
    """Segments as the arithmetic of earning takes them."""
    return [
        earning.Slice(
            id=row.id,
            kind=row.kind,
            starts_on=row.starts_on,
            ends_on=row.ends_on,
            full_term_minor=row.full_term_minor,
            written_minor=row.written_minor,
            offsets=row.offsets_id,
        )
        for row in segments
    ]


def day_count(term: Term) -> str:
    """How the program of a term counts days."""
    return str(term.program_version.terms.get("day_count", "actual"))


def terms_of(policy: Policy, today: dt.date) -> list[TermShown]:
    """The terms of a visible policy, newest first. The number of queries does not depend on how much happened."""
    terms = list(policy.terms.all())
    changes = list(
        Transaction.objects.filter(term__policy=policy)
        .prefetch_related("segments", "charges")
        .order_by("term", "sequence")
    )
    cancellations = list(Cancellation.objects.filter(term__policy=policy).order_by("id"))
    charges = [charge for change in changes for charge in change.charges.all()]
    names = payee_names((charge.payee_kind, charge.payee) for charge in charges)
    segments = [segment for change in changes for segment in change.segments.all()]
    known = explanations.of(*(row.id for row in changes), *(row.id for row in charges), *(row.id for row in segments))
    return [
        _term(
            term,
            [change for change in changes if change.term_id == term.id],
            [row for row in cancellations if row.term_id == term.id],
            names,
            known,
            today,
            policy.program.currency,
        )
        for term in reversed(terms)
    ]


def _term(
    term: Term,
    changes: list[Transaction],
    cancellations: list[Cancellation],
    names: dict[str, str],
    known: list[Explanation],
    today: dt.date,
    currency: str,
) -> TermShown:
    segments = [segment for change in changes for segment in change.segments.all()]
    earned = {row.slice.id: row.earned_minor for row in earning.by_slice(slices(segments), today, day_count(term))}
    undone = {change.reverses_id: change for change in changes if change.reverses_id}
    shown = [
        ChangeShown(
            change=change,
            segments=[SegmentShown(segment, earned.get(segment.id, 0)) for segment in change.segments.all()],
            charges=list(change.charges.all()),
            reasons=_reasons(change, known),
            undone_by=undone.get(change.id),
        )
        for change in changes
    ]
    return TermShown(
        term=term,
        changes=shown,
        standing=_standing(shown, names, known),
        cancellations=cancellations,
        written_minor=sum(segment.written_minor for segment in segments),
        earned_minor=sum(earned.values()),
        currency=currency,
    )


def _reasons(change: Transaction, known: list[Explanation]) -> list[Explanation]:
    subjects = {change.id, *(segment.id for segment in change.segments.all())}
    return [reason for reason in known if reason.subject_id in subjects]


def _standing(changes: list[ChangeShown], names: dict[str, str], known: list[Explanation]) -> list[Standing]:
    """Sum the charges by component, payee and rate, in the order they first came, with every step's reason."""
    sums: Counter[tuple[str, str, int]] = Counter()
    ids: dict[tuple[str, str, int], set[str]] = {}
    currency = ""
    for charge in (charge for shown in changes for charge in shown.charges):
        key = (charge.component, charge.payee, charge.commission_ppm)
        sums[key] += charge.amount_minor
        ids.setdefault(key, set()).add(charge.id)
        currency = charge.currency
    return [
        Standing(
            component=Component(component).label,
            payee=names[payee],
            commission_ppm=rate,
            amount_minor=sums[component, payee, rate],
            currency=currency,
            reasons=[reason for reason in known if reason.subject_id in subjects],
        )
        for (component, payee, rate), subjects in ids.items()
    ]
