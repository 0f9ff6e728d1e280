"""Reads of policies for pages. Each takes rows that `access.visible` has narrowed, or narrows them itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery, Sum

from compliance import access, explanations
from compliance.models import Explanation, Organization
from coverpay.kernel.actors import Actor
from policies.models import Charge, PayeeKind, Policy, Program, Term


@dataclass(frozen=True, slots=True)
class ChargeShown:
    """A charge with the payee's name and why it is what it is."""

    charge: Charge
    payee: str
    reasons: list[Explanation]


def listed(text: str = "", state: str = "") -> QuerySet[Policy]:
    """Policies with what a list shows; `text` is found in the number or the insured's name."""
    charged = Charge.objects.filter(policy=OuterRef("pk")).order_by().values("policy")
    rows = Policy.objects.select_related("insured", "program").annotate(
        charged_minor=Subquery(charged.values(sum=Sum("amount_minor"))),
        effective_on=Subquery(_last_term().values("effective_on")[:1]),
        expires_on=Subquery(_last_term().values("expires_on")[:1]),
    )
    if text:
        rows = rows.filter(Q(number__icontains=text) | Q(insured__name__icontains=text))
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
