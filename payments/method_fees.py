"""What a payor pays for the way of paying: never above a cap, and nothing unless a rule that allows it is established.

A debit or prepaid card bears no fee, nor one of unknown funding, nor one of a network whose limit nobody has decided.
Every answer says how it came about, also when it is nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from compliance import access, audit, explanations
from compliance.explanations import Figure
from compliance.models import Organization
from compliance.permissions import Permission
from compliance.rules import facts, lookup
from compliance.rules.lookup import Ruled
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Invalid
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from payments import method_fee_terms
from payments.method_fee_terms import CREDIT, Asked, Cap, FeeTerms, Share, Taken
from payments.models import MethodFees, Payment, PaymentMethod
from policies import conditions
from policies.models import Policy, Term

FIGURE = "surcharge"
_COST = "actual cost"


@dataclass(frozen=True, slots=True)
class How:
    """The way of paying as far as a fee depends on it: card or ach, the card's network and its funding."""

    method: str
    brand: str = ""
    funding: str = ""

    @property
    def network(self) -> str:
        return self.brand.lower().replace(" ", "").replace("americanexpress", "amex")


@dataclass(frozen=True, slots=True)
class Place:
    """Under which law a part of a payment is: the state of the risk, the line, admitted or not."""

    state_code: str
    line: str
    admitted: str

    def __str__(self) -> str:
        return f"{self.state_code} {self.line}"


@dataclass(frozen=True, slots=True)
class Quote:
    """What the payor pays for the way of paying, and why: `figures` as (name, amount, derivation)."""

    fee: Money
    figures: tuple[tuple[str, int, Explained], ...] = ()


@command
def publish(*, spec: Mapping[str, Any], effective_from: dt.date, actor: Actor) -> MethodFees:
    """Publish what ways of paying cost from a day on; the same again gives the version that has it.

    Raises: Forbidden, FeesUnreadable, Invalid.
    """
    access.require(actor, Permission.ACCESS_WRITE)
    organization_id = access.organization_of(actor)
    method_fee_terms.read(spec)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)  # versions are numbered in a row
    last = MethodFees.objects.filter(organization_id=organization_id).order_by("-number").first()
    if last is not None and effective_from < last.effective_from:
        raise Invalid(
            f"Version {last.number} begins on {last.effective_from}; begin then or later.", field="effective_from"
        )
    if last is not None and (last.spec, last.effective_from) == (dict(spec), effective_from):
        audit.record(action="method_fees.find", object_id=last.id, organization_id=organization_id)
        return last
    version = MethodFees.objects.create(
        organization_id=organization_id,
        number=last.number + 1 if last else 1,
        effective_from=effective_from,
        spec=dict(spec),
    )
    said = {"number": version.number, "effective_from": effective_from.isoformat(), "spec": version.spec}
    audit.record(action="method_fees.publish", object_id=version.id, organization_id=organization_id, after=said)
    return version


def in_force(organization_id: str, on: dt.date) -> MethodFees | None:
    """The version that counts on a day."""
    rows = MethodFees.objects.filter(organization_id=organization_id, effective_from__lte=on)
    return rows.order_by("-number").first()


def how_of(method: PaymentMethod | None, kind: str) -> How:
    """What is known of a kept method; of a token alone nothing is known but its kind."""
    return How(kind) if method is None else How(method.kind, method.brand, method.funding)


def place_of(policy: Policy) -> Place:
    """Under which law a policy is: the state of its newest term that took effect, the line of its program."""
    rows = Term.objects.filter(policy=policy).select_related("program_version").order_by("number")
    taken = rows.exclude(state__in=[Term.State.OFFERED, Term.State.NOT_TAKEN]).last()
    newest = taken or rows.get(number=1)
    said = conditions.read(newest.program_version.terms)
    return Place(newest.state_code, said.line, said.admitted)


def quote(
    organization_id: str,
    parts: Iterable[tuple[Place, Money]],
    how: How,
    *,
    channel: str = "web",
    on: dt.date | None = None,
) -> Quote:
    """What paying these amounts that way costs the payor on a day.

    Takes:  the amounts with their places, all of one currency; `channel` web or agency.
    Gives:  zero unless the version in force asks for a fee and established rules allow it; what is allowed at most.
    """
    by_place = _summed(parts)
    currency = next(iter(by_place.values())).currency
    on = on or clock.today()
    version = in_force(organization_id, on)
    terms = method_fee_terms.read(version.spec) if version else FeeTerms()
    asked = terms.asked(channel, how.method)
    if version is None or asked.is_nothing:
        return Quote(Money(0, currency))
    shares = [_share(organization_id, place, amount, how, terms.payee, asked, on) for place, amount in by_place.items()]
    taken = method_fee_terms.take(asked, shares, currency)
    version_name = f"method fees v{version.number}"
    return _quote(taken, asked, how, f"{how.method} {asked.kind} on {channel}", version_name, currency)


def quote_policies(
    organization_id: str, parts: Sequence[tuple[Policy, Money]], how: How, *, channel: str = "web"
) -> Quote:
    """What paying parts of policies that way costs today, as `quote`; looks at policies only when a fee is asked."""
    version = in_force(organization_id, clock.today())
    if version is None or method_fee_terms.read(version.spec).asked(channel, how.method).is_nothing:
        return Quote(Money(0, parts[0][1].currency))
    places = {policy.id: place_of(policy) for policy in {policy.id: policy for policy, _ in parts}.values()}
    return quote(organization_id, [(places[policy.id], amount) for policy, amount in parts], how, channel=channel)


@step
def keep(payment: Payment, quoted: Quote) -> None:
    """Keep why a payment's surcharge is what it is."""
    explanations.record(
        Figure(payment.id, name, amount, quoted.fee.currency, why) for name, amount, why in quoted.figures
    )


def _summed(parts: Iterable[tuple[Place, Money]]) -> dict[Place, Money]:
    found: dict[Place, Money] = {}
    for place, amount in parts:
        found[place] = found[place] + amount if place in found else amount
    return found


def _share(organization_id: str, place: Place, amount: Money, how: How, payee: str, asked: Asked, on: dt.date) -> Share:
    def ruled(rule: str, line: str = "", jurisdiction: str = "", **said: str) -> Ruled:
        return lookup.lookup(
            organization_id, rule, jurisdiction=jurisdiction or place.state_code, line=line or place.line,
            admitted=place.admitted, on=on, conditions=said,
        )  # fmt: skip

    if how.method != "card":
        filed = ruled("charge_above_filed_premium_prohibited")
        free = filed.established and filed.value is False
        why = "" if free else filed.needs_decision or "more than the filed premium may not be asked there"
        return Share(str(place), amount, why, citations=(filed.citation,))
    refused, citations = _refusal(ruled, payee, how)
    caps: tuple[Cap, ...] = ()
    if not refused:
        refused, caps = _caps(ruled, how, asked)
    return Share(str(place), amount, refused, caps, tuple(citations) + tuple(cap.citation for cap in caps))


def _refusal(ruled: Any, payee: str, how: How) -> tuple[str, list[str]]:
    """Why a card may bear no fee there, or nothing, with the sources."""
    if how.funding != CREDIT:
        never: Ruled = ruled("surcharge_debit_prepaid_allowed", "payments", facts.FEDERAL)
        return f"a card that is {how.funding or 'of unknown funding'} bears no fee", [never.citation]
    may: Ruled = ruled(f"{payee}_may_pass_card_fee")
    if not may.established:
        return may.needs_decision, [may.citation]
    if may.value is not True:
        return f"no {payee} may pass the card's cost on there", [may.citation]
    ban: Ruled = ruled("card_surcharge_allowed", "general_commerce")
    if (ban.fact_id or ban.decision_id) and not (ban.established and ban.value is True):
        return "the state bans surcharges, or nobody has decided whether it does", [may.citation, ban.citation]
    return "", [may.citation]


def _caps(ruled: Any, how: How, asked: Asked) -> tuple[str, tuple[Cap, ...]]:
    """Every limit of the fee in percent; or why one of them is not established."""
    network: Ruled = ruled("network_surcharge_cap", "payments", facts.FEDERAL, network=how.network)
    if not network.established or not _is_number(network.value):
        return network.needs_decision or "the network's limit is not a number", ()
    caps = [Cap(f"{how.network} limit", Decimal(network.value), network.citation)]
    if asked.cost_percent is not None:
        caps.append(Cap("cost of acceptance", asked.cost_percent))
    state: Ruled = ruled("card_surcharge_cap", "general_commerce")
    if not (state.fact_id or state.decision_id):
        return "", tuple(caps)
    if not state.established:
        return state.needs_decision, ()
    if _is_number(state.value):
        caps.append(Cap(f"limit of {state.jurisdiction}", Decimal(state.value), state.citation))
    elif state.value != _COST or asked.cost_percent is None:
        return "the state's limit cannot be computed", ()
    return "", tuple(caps)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _quote(taken: Sequence[Taken], asked: Asked, how: How, rule: str, version: str, currency: str) -> Quote:
    total = sum(each.fee_minor for each in taken)
    figures = [
        (f"{FIGURE} in {each.share.label}"[:60], each.fee_minor, _why(each, asked, how, rule, version))
        for each in taken
    ]
    if len(figures) == 1:
        return Quote(Money(total, currency), ((FIGURE, total, figures[0][2]),))
    whole = Explained(
        formula="the sum over the laws that the parts are under",
        inputs={f"{label}_minor": minor for label, minor, _ in figures},
        rule=rule,
        rule_version=version,
    )
    return Quote(Money(total, currency), ((FIGURE, total, whole), *figures))


def _why(taken: Taken, asked: Asked, how: How, rule: str, version: str) -> Explained:
    share = taken.share
    inputs: dict[str, str | int] = {
        "amount_minor": share.amount.amount_minor,
        "under_the_law_of": share.label,
        "asked_percent": str(asked.percent),
        "asked_flat": asked.flat,
    }
    if how.method == "card":
        inputs |= {"network": how.network or "unknown", "funding": how.funding or "unknown"}
    inputs |= {cap.name.replace(" ", "_") + "_percent": str(cap.percent) for cap in share.caps}
    if share.refused:
        inputs["nothing_because"] = share.refused
    return Explained(
        formula="percent of amount plus flat, at most the lowest limit, rounded down"
        if not share.refused
        else "nothing: no established rule allows a fee",
        inputs=inputs,
        rule=rule,
        rule_version=version,
        citation="; ".join(dict.fromkeys(text for text in share.citations if text)),
    )
