"""Reads of policies for pages. Each takes rows that `access.visible` has narrowed, or narrows them itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery, Sum

from compliance import access, explanations
from compliance.models import Explanation, Organization
from coverpay.kernel.actors import Actor
from policies import earning, rating, transactions
from policies.models import Cancellation, Charge, Component, PayeeKind, Policy, Program, Term

WAITING = {
    "cancelling": Q(cancellations__state=Cancellation.State.PENDING),
    "renewing": Q(state=Term.State.OFFERED, number__gt=1),
}
"""What of a policy waits for a person or a day, by the word of a filter."""


@dataclass(frozen=True, slots=True)
class ChargeShown:
    """A charge with the payee's name and why it is what it is."""

    charge: Charge
    payee: str
    reasons: list[Explanation]


def listed(text: str = "", state: str = "", show: str = "") -> QuerySet[Policy]:
    """Policies with what a list shows; `text` is found in the number or the insured's name.

    `show` keeps those with a pending cancellation (`cancelling`) or an offered renewal (`renewing`).
    """
    charged = Charge.objects.filter(policy=OuterRef("pk")).order_by().values("policy")
    rows = Policy.objects.select_related("insured", "program").annotate(
        charged_minor=Subquery(charged.values(sum=Sum("amount_minor"))),
        effective_on=Subquery(_last_term().values("effective_on")[:1]),
        expires_on=Subquery(_last_term().values("expires_on")[:1]),
    )
    if text:
        rows = rows.filter(Q(number__icontains=text) | Q(insured__name__icontains=text))
    if show in WAITING:
        rows = rows.filter(pk__in=Term.objects.filter(WAITING[show]).values("policy"))
    return rows.filter(state=state) if state else rows


def _last_term() -> QuerySet[Term]:
    return Term.objects.filter(policy=OuterRef("pk")).order_by("-number")


def one(actor: Actor, policy_id: str) -> Policy:
    """One visible policy with its program, insured, terms and parts. Raises: NotFound."""
    rows = Policy.objects.select_related("insured", "program__carrier", "operator").prefetch_related(
        Prefetch("terms", Term.objects.select_related("program_version__program").order_by("number")),
        "participants__organization",
    )
    return access.get(actor, rows, policy_id)


def charges_of(policy: Policy) -> list[ChargeShown]:
    """The charges of a visible policy, each with its payee's name and its derivation."""
    charges = list(policy.charges.order_by("id"))
    names = payee_names((charge.payee_kind, charge.payee) for charge in charges)
    reasons = explanations.of(*(charge.id for charge in charges))
    return [
        ChargeShown(
            charge=charge,
            payee=names[charge.payee],
            reasons=[reason for reason in reasons if reason.subject_id == charge.id],
        )
        for charge in charges
    ]


@dataclass(frozen=True, slots=True)
class EarnedPart:
    """Written, earned and unearned of one segment or one component, minor units."""

    written_minor: int
    earned_minor: int
    id: str = ""
    kind: str = ""
    component: str = ""
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None

    @property
    def unearned_minor(self) -> int:
        return self.written_minor - self.earned_minor


@dataclass(frozen=True, slots=True)
class EarnedTerm:
    """The premium of one term when a day begins, as its segments say today, and every component beside it."""

    term: Term
    as_of: dt.date
    currency: str
    written_minor: int
    earned_minor: int
    segments: list[EarnedPart]
    components: list[EarnedPart]

    @property
    def unearned_minor(self) -> int:
        return self.written_minor - self.earned_minor


def earned_on(policy: Policy, as_of: dt.date) -> list[EarnedTerm]:
    """Written, earned and unearned of every term of a visible policy that was ever taken, the first first."""
    taken = (Term.State.IN_FORCE, Term.State.CANCELLED, Term.State.EXPIRED)
    return [_earned(term, as_of) for term in transactions.in_state(policy, *taken)]


def _earned(term: Term, as_of: dt.date) -> EarnedTerm:
    slices = transactions.slices_of(term)
    parts = earning.by_slice(slices, as_of, transactions.conditions_of(term).day_count)
    written, earned = earning.written_minor(slices), sum(part.earned_minor for part in parts)
    return EarnedTerm(
        term=term,
        as_of=as_of,
        currency=term.program_version.program.currency,
        written_minor=written,
        earned_minor=earned,
        segments=[
            EarnedPart(
                part.slice.written_minor,
                part.earned_minor,
                id=part.slice.id,
                kind=part.slice.kind,
                starts_on=part.slice.starts_on,
                ends_on=part.slice.ends_on,
            )
            for part in parts
        ],
        components=_components(term, as_of, written, earned),
    )


def _components(term: Term, as_of: dt.date, written: int, earned: int) -> list[EarnedPart]:
    amounts = {name: standing.amount_minor for name, standing in transactions.standing_of(term).items()}
    parts = earned_by_component(term, as_of, amounts, written, earned)
    return [EarnedPart(amount, parts[name], component=name) for name, amount in amounts.items()]


def earned_by_component(
    term: Term, as_of: dt.date, amounts: Mapping[str, int], written: int, earned: int
) -> dict[str, int]:
    """Premium as its segments earn; what goes back with premium earns with it; the rest is earned at once.

    Takes:  what a term is charged by component, and its premium written and earned on that day. Asks nothing.
    """
    rules = {rule["component"]: rating.refund_of(rule) for rule in term.program_version.terms.get("charges", ())}
    share = Fraction(earned, written) if written else Fraction(1)
    found = {}
    for component, amount in amounts.items():
        part = amount
        if component == Component.PREMIUM:
            part = earned
        elif rules.get(component) == "pro_rata":
            part = earning.share_minor(amount, share)
        elif as_of < term.effective_on:
            part = 0
        found[component] = part
    return found


def payee_names(payees: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name payees: an organization by its name, a state by its letters. Takes (payee kind, payee) pairs."""
    wanted = set(payees)
    organizations = [payee for kind, payee in wanted if kind != PayeeKind.STATE]
    names = dict(Organization.objects.filter(pk__in=organizations).values_list("id", "name"))
    return {
        payee: f"State of {payee}" if kind == PayeeKind.STATE else names.get(payee, payee) for kind, payee in wanted
    }


def programs_of(actor: Actor) -> QuerySet[Program]:
    """The programs the actor's organization bills for."""
    return access.operable(actor, Program.objects.order_by("code"))
