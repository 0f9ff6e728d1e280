"""Pure: the charges of a premium by the program's versioned terms, each with its derivation.

The carrier rates the premium; what stands beside it (taxes, fees, commission) follows from data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from coverpay.kernel.errors import Invalid, RuleViolation
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money

PPM = 1_000_000
LIFE_KEYS = frozenset({"line", "admitted", "day_count", "cancellation", "reinstatement", "renewal", "taxes"})
"""What `policies.conditions` reads."""
TERM_KEYS = frozenset({"commission_rate", "charges"}) | LIFE_KEYS
RULE_KEYS = frozenset(
    {
        "component",
        "payee_kind",
        "states",
        "amount",
        "rate",
        "base",
        "commission_rate",
        "taxable",
        "refundable",
        "refund",
    }
    | {"rule", "citation", "verify", "decision"}
)
PAYEE_KINDS = ("carrier", "operator", "state")
REFUNDS = ("pro_rata", "flat_only", "never")
MAX_RULE_NAME = 120


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
    return _ppm(_rate(terms, "commission_rate"))


def check(terms: Any, components: Collection[str]) -> None:
    """Check the shape of terms before anything is rated by them, so that a slip is never taken for "no charge".

    Takes:  `components`, what a charge may be for.
    Raises: TermsUnreadable, naming the key.
    """
    if not isinstance(terms, Mapping):
        raise TermsUnreadable("Terms are an object with commission_rate and charges.", field="terms")
    _only(terms, TERM_KEYS, "Terms")
    commission_ppm(terms)
    charges = terms.get("charges", [])
    if not isinstance(charges, list):
        raise TermsUnreadable("charges is a list of rules.", field="charges")
    known = ["premium"]
    for rule in charges:
        _check_rule(rule, components, known)
        known.append(rule["component"])


def _check_rule(rule: Any, components: Collection[str], known: Collection[str]) -> None:
    if not isinstance(rule, Mapping):
        raise TermsUnreadable("Each rule of charges is an object.", field="charges")
    _only(rule, RULE_KEYS, "A rule of charges")
    checks = {
        "component": rule.get("component") in components and rule.get("component") != "premium",
        "payee_kind": rule.get("payee_kind") in PAYEE_KINDS,
        "amount": ("amount" in rule) != ("rate" in rule),
        "base": _names(rule.get("base", ["premium"]), known) and ("base" not in rule or "rate" in rule),
        "states": "states" not in rule or _names(rule["states"]),
        "refund": refund_of(rule) in REFUNDS,
        "rule": isinstance(rule.get("rule", ""), str) and len(rule.get("rule", "")) <= MAX_RULE_NAME,
        "citation": isinstance(rule.get("citation", ""), str),
        "decision": isinstance(rule.get("decision") or {}, Mapping),
        **{key: isinstance(rule.get(key, False), bool) for key in ("verify", "taxable", "refundable")},
    }
    for key, holds in checks.items():
        if not holds:
            raise TermsUnreadable(
                f"The rule of {rule.get('component')!r} has no {key} that can be read. A rule says component, "
                "payee_kind (carrier, operator or state), amount or rate, and a base of components before it.",
                field=key,
            )
    for key in {"rate", "commission_rate"} & set(rule):
        _rate(rule, key)


def refund_of(rule: Mapping[str, Any]) -> Any:
    """When a charge is given back: pro_rata with the premium, flat_only, or never."""
    return rule.get("refund", "pro_rata" if rule.get("refundable") else "flat_only")


def _only(source: Mapping[str, Any], known: Collection[str], what: str) -> None:
    for key in source:
        if key not in known:
            raise TermsUnreadable(f"{what} cannot say {key!r}; known: {', '.join(sorted(known))}.", field=str(key))


def _names(listed: Any, among: Collection[str] | None = None) -> bool:
    return (
        isinstance(listed, list)
        and bool(listed)
        and all(isinstance(name, str) and (among is None or name in among) for name in listed)
    )


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
        if not holds_in(rule, risk):
            continue
        charge = _charge(rule, charges, premium.currency, risk)
        if any(before.component == charge.component for before in charges):
            raise TermsUnreadable(f"The terms charge {charge.component} twice.", field="component")
        charges.append(charge)
    return [charge for charge in charges if charge.amount or charge.component == "premium"]


def holds_in(rule: Mapping[str, Any], risk: Risk) -> bool:
    """Tell whether a rule charges anything in the state of the risk."""
    return "states" not in rule or risk.state_code in rule["states"]


def _charge(rule: Mapping[str, Any], before: Sequence[RatedCharge], currency: str, risk: Risk) -> RatedCharge:
    require_decision(rule)
    if "rate" in rule:
        amount, why = _share(rule, before, currency, risk)
    else:
        amount = Money.parse(rule.get("amount", ""), currency, field="amount")
        if amount < Money(0, currency):
            raise TermsUnreadable(f"The amount of {rule['component']} is below zero.", field="amount")
        why = Explained(
            formula=f"{rule['component']} = flat amount of the program",
            inputs={"amount_minor": amount.amount_minor},
            rule=str(rule.get("rule", "program fee")),
            rule_version=risk.program_version,
            citation=str(rule.get("citation", "")),
        )
    return ruled(rule, amount, risk, why)


def ruled(rule: Mapping[str, Any], amount: Money, risk: Risk, why: Explained) -> RatedCharge:
    """A charge of an amount as the rule of its component describes it."""
    payee_kind = rule["payee_kind"]
    payees = {"carrier": risk.carrier, "operator": risk.operator, "state": risk.state_code}
    return RatedCharge(
        component=rule["component"],
        amount=amount,
        payee_kind=payee_kind,
        payee=payees[payee_kind],
        commission_ppm=_ppm(_rate(rule, "commission_rate")) if "commission_rate" in rule else 0,
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
    rate_value = rate_of(rule)
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


def require_decision(rule: Mapping[str, Any]) -> None:
    """Check that somebody decided on a value that is not verified. Raises: RuleNeedsDecision, with its citation."""
    decision = rule.get("decision") or {}
    if rule.get("verify") and not (decision.get("by") and decision.get("reason")):
        raise RuleNeedsDecision(
            f"The value of {rule.get('rule') or rule.get('component')} is not verified; "
            "someone must decide to use it, with a reason, in the program's terms.",
            citation=str(rule.get("citation", "")),
            field="program",
        )


def rate_of(rule: Mapping[str, Any]) -> Decimal:
    """The rate of a rule that is a share. Raises: TermsUnreadable."""
    return _rate(rule, "rate")


def _rate(source: Mapping[str, Any], key: str) -> Decimal:
    try:
        value = Decimal(str(source[key]))
    except (KeyError, InvalidOperation):
        raise TermsUnreadable(f"The program's terms need a decimal {key}, such as 0.15.", field=key) from None
    if not value.is_finite() or not 0 <= value <= 1:
        raise TermsUnreadable(f"{key} must be between 0 and 1.", field=key)
    return value


def _ppm(value: Decimal) -> int:
    ppm = value * PPM
    if ppm != ppm.to_integral_value():
        raise TermsUnreadable("A commission rate has at most six decimals.", field="commission_rate")
    return int(ppm)
