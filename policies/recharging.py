"""Pure: the signed charges of a change of premium, by the program's terms and what stands charged for the term.

A charge by rate is cumulative: what the rate makes of the whole term after the change, less what stands. So a term that
went up and down by cents owes what it would owe had it been written so at once. What is not refundable never goes down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money, round_minor
from policies import rating
from policies.earning import share_minor
from policies.rating import RatedCharge, Risk

COURSES = ("changes", "ends", "flat", "resumes")
AUDITED = "audit_premium"


@dataclass(frozen=True, slots=True)
class StandingCharge:
    """What a term is charged for one component so far."""

    component: str
    amount_minor: int
    payee_kind: str
    payee: str
    commission_ppm: int
    taxable: bool
    refundable: bool


def recharge(
    change_minor: int,
    standing: Mapping[str, StandingCharge],
    terms: Mapping[str, Any],
    risk: Risk,
    *,
    why: Explained,
    currency: str = "USD",
    course: str = "changes",
    component: str = "premium",
) -> list[RatedCharge]:
    """Work out every charge of a change of premium.

    Takes:  `course`: the premium `changes`; the term `ends` early, so that refundable fees go back with the premium;
            it ends `flat`, so that everything goes back but what never does; it `resumes`, so that fees are owed again.
            `component` is `audit_premium` for a premium audit, which is premium for taxes and commission.
    Gives:  premium first; nothing for a component that does not change.
    Raises: TermsUnreadable, RuleNeedsDecision.
    """
    premium = standing["premium"]
    base = {"premium": premium.amount_minor, **{name: each.amount_minor for name, each in standing.items()}}
    left = _left(base["premium"], change_minor)
    charges = [
        RatedCharge(
            component, Money(change_minor, currency), "carrier", premium.payee, premium.commission_ppm, True, True, why
        )
    ]
    base[component] = base.get(component, 0) + change_minor
    for rule in terms.get("charges", ()):
        if not rating.holds_in(rule, risk):
            continue
        rating.require_decision(rule)
        before = base.get(rule["component"], 0)
        after, how = _after(rule, base, before, left, course, currency, risk)
        if rule["component"] in standing or after:
            base[rule["component"]] = after
            charges.append(_charge(rule, standing, Money(after - before, currency), how, risk))
    return [*(charge for charge in charges if charge.amount), *_audit_back(standing, component, course, currency, why)]


def follows_premium(terms: Mapping[str, Any], risk: Risk) -> frozenset[str]:
    """The components that are a rate of the whole term's premium, going down with it as they went up."""
    rules = [rule for rule in terms.get("charges", ()) if rating.holds_in(rule, risk) and "rate" in rule]
    return frozenset(rule["component"] for rule in rules if rating.refund_of(rule) == "pro_rata")


def _audit_back(
    standing: Mapping[str, StandingCharge], component: str, course: str, currency: str, why: Explained
) -> list[RatedCharge]:
    """A flat cancellation also takes back what an audit had charged."""
    audited = standing.get(AUDITED)
    if course != "flat" or audited is None or not audited.amount_minor or component == AUDITED:
        return []
    amount = Money(-audited.amount_minor, currency)
    return [RatedCharge(AUDITED, amount, audited.payee_kind, audited.payee, audited.commission_ppm, True, True, why)]


def _left(before_minor: int, change_minor: int) -> Fraction:
    """The part of the premium that is returned."""
    return min(Fraction(max(-change_minor, 0), before_minor), Fraction(1)) if before_minor > 0 else Fraction(0)


def _after(
    rule: Mapping[str, Any],
    base: Mapping[str, int],
    before: int,
    returned: Fraction,
    course: str,
    currency: str,
    risk: Risk,
) -> tuple[int, Explained]:
    """What the whole term owes of a component after the change, and why."""
    refund, name = rating.refund_of(rule), rule["component"]
    if course == "flat":
        after = before if refund == "never" else 0
        return after, _why(rule, risk, f"{name} of a flat cancellation: {refund}", before_minor=before)
    if "rate" in rule:
        return _by_rate(rule, base, before, refund, risk)
    if course == "ends" and refund == "pro_rata":
        formula = f"{name} = what stands, less the part of the premium that is returned"
        after = before - share_minor(before, returned)
        return after, _why(rule, risk, formula, before_minor=before, part=str(returned))
    if course == "resumes":
        amount = Money.parse(rule["amount"], currency, field="amount").amount_minor
        return amount, _why(rule, risk, f"{name} is owed again as the program says", before_minor=before)
    return before, Explained(formula=f"{name} does not change")


def _by_rate(
    rule: Mapping[str, Any], base: Mapping[str, int], before: int, refund: str, risk: Risk
) -> tuple[int, Explained]:
    names = list(rule.get("base", ["premium"]))
    whole = sum(base.get(name, 0) for name in names) + (base.get(AUDITED, 0) if "premium" in names else 0)
    rate = rating.rate_of(rule)
    wanted = round_minor(whole * rate)
    after = wanted if refund == "pro_rata" else max(wanted, before)
    return after, _why(
        rule,
        risk,
        f"{rule['component']} = rate × ({' + '.join(names)} of the whole term), half up, less what stands"
        + ("" if after == wanted else "; it is not refundable and stays"),
        rate=str(rate),
        base_minor=whole,
        before_minor=before,
        after_minor=after,
        state=risk.state_code,
    )


def _why(rule: Mapping[str, Any], risk: Risk, formula: str, **inputs: str | int) -> Explained:
    return Explained(
        formula=formula,
        inputs=inputs,
        rule=str(rule.get("rule", "program fee")),
        rule_version=risk.program_version,
        citation=str(rule.get("citation", "")),
    )


def _charge(
    rule: Mapping[str, Any], standing: Mapping[str, StandingCharge], amount: Money, how: Explained, risk: Risk
) -> RatedCharge:
    """The charge under the very payee and commission that the term has for the component already."""
    charge = rating.ruled(rule, amount, risk, how)
    known = standing.get(charge.component)
    if known is None:
        return charge
    return replace(charge, payee_kind=known.payee_kind, payee=known.payee, commission_ppm=known.commission_ppm)
