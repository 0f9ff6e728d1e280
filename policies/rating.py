"""Pure: the charges of a premium by the program's versioned terms, each with its derivation.

The carrier rates the premium; what stands beside it (taxes, fees, commission) follows from data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from coverpay.kernel.errors import Invalid, RuleViolation
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money

PPM = 1_000_000


class TermsUnreadable(Invalid):
    """The program's terms do not say what a charge needs."""

    code = "program_terms_unreadable"


class RuleNeedsDecision(RuleViolation):
    """The rule value was not verified and nobody has decided to use it."""

    code = "rule_needs_decision"


@dataclass(frozen=True, slots=True)
class RatedCharge:
    """A charge before it is written: amount, payee, how it behaves, and why it is what it is."""

    component: str
    amount: Money
    payee_kind: str
    payee: str
    commission_ppm: int
    taxable: bool
    refundable: bool
    why: Explained


@dataclass(frozen=True, slots=True)
class Risk:
    """What the charges depend on beside the premium."""

    state_code: str
    effective_on: dt.date
    carrier: str
    operator: str
    program_version: str


def commission_ppm(terms: Mapping[str, Any]) -> int:
    """The commission on premium in parts per million (15% = 150,000)."""
    return int(_rate(terms, "commission_rate") * PPM)


def rate(premium: Money, terms: Mapping[str, Any], risk: Risk) -> list[RatedCharge]:
    """Work out every charge of a premium.

    Takes:  terms with `commission_rate` and `charges`: each `component`, `payee_kind`, `states` (optional), and
            either `amount` (a flat text such as "250.00") or `rate` with `base` (components it is a share of).
    Gives:  the premium first, then the charges in the order of the terms; zero amounts are left out.
    Raises: TermsUnreadable, RuleNeedsDecision.
    """
    base = RatedCharge(
        component="premium",
        amount=premium,
        payee_kind="carrier",
        payee=risk.carrier,
        commission_ppm=commission_ppm(terms),
        taxable=True,
        refundable=True,
        why=Explained(
            formula="premium as rated by the carrier",
            inputs={"premium_minor": premium.amount_minor},
            rule="carrier rate",
            rule_version=risk.program_version,
        ),
    )
    charges = [base]
    for rule in terms.get("charges", ()):
        if "states" in rule and risk.state_code not in rule["states"]:
            continue
        charges.append(_charge(rule, charges, premium.currency, risk))
    return [charge for charge in charges if charge.amount or charge.component == "premium"]


def _charge(rule: Mapping[str, Any], before: Sequence[RatedCharge], currency: str, risk: Risk) -> RatedCharge:
    _require_decision(rule)
    if "rate" in rule:
        amount, why = _share(rule, before, currency, risk)
    else:
        amount = Money.parse(rule.get("amount", ""), currency, field="terms")
        why = Explained(
            formula=f"{rule['component']} = flat amount of the program",
            inputs={"amount_minor": amount.amount_minor},
            rule=str(rule.get("rule", "program fee")),
            rule_version=risk.program_version,
            citation=str(rule.get("citation", "")),
        )
    payee_kind = rule["payee_kind"]
    payee = {
        "carrier": risk.carrier,
        "operator": risk.operator,
        "state": risk.state_code,
    }[payee_kind]
    return RatedCharge(
        component=rule["component"],
        amount=amount,
        payee_kind=payee_kind,
        payee=payee,
        commission_ppm=int(_rate(rule, "commission_rate") * PPM) if "commission_rate" in rule else 0,
        taxable=bool(rule.get("taxable", False)),
        refundable=bool(rule.get("refundable", False)),
        why=why,
    )


def _share(
    rule: Mapping[str, Any], before: Sequence[RatedCharge], currency: str, risk: Risk
) -> tuple[Money, Explained]:
    base_names = list(rule.get("base", ["premium"]))
    base = Money(
        sum(charge.amount.amount_minor for charge in before if charge.component in base_names),
        currency,
    )
    rate_value = _rate(rule, "rate")
    decision = rule.get("decision") or {}
    return base.times(rate_value), Explained(
        formula=f"{rule['component']} = rate × ({' + '.join(base_names)}), rounded half up to the cent",
        inputs={
            "rate": str(rate_value),
            "base_minor": base.amount_minor,
            "state": risk.state_code,
            **({"decided_by": decision["by"], "decision": decision["reason"]} if decision else {}),
        },
        rule=str(rule.get("rule", "")),
        rule_version=risk.program_version,
        citation=str(rule.get("citation", "")),
    )


def _require_decision(rule: Mapping[str, Any]) -> None:
    decision = rule.get("decision") or {}
    if rule.get("verify") and not (decision.get("by") and decision.get("reason")):
        raise RuleNeedsDecision(
            f"The value of {rule.get('rule') or rule.get('component')} is not verified; "
            "someone must decide to use it, with a reason, in the program's terms.",
            citation=str(rule.get("citation", "")),
            field="program",
        )


def _rate(source: Mapping[str, Any], key: str) -> Decimal:
    try:
        value = Decimal(str(source[key]))
    except (KeyError, InvalidOperation):
        raise TermsUnreadable(f"The program's terms need a decimal {key}, such as 0.15.", field=key) from None
    if not 0 <= value <= 1:
        raise TermsUnreadable(f"{key} must be between 0 and 1.", field=key)
    return value
