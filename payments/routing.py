"""Pure: which gateway takes a payment, by a versioned table, with every reason kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from payments.gateways.base import Capabilities

METHODS = ("card", "ach")


class NoRoute(Invalid):
    """No rule of the table leads to a gateway that can take this payment."""

    code = "no_route"


class RulesUnreadable(Invalid):
    """A routing table's rule says something that cannot be done."""

    code = "rules_unreadable"


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What a rule may ask about."""

    method: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the organization's accounts, with what its gateway can do."""

    account_id: str
    gateway: str
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class Decision:
    """The account chosen, by which table and rule, and what was considered on the way."""

    account_id: str
    table: str
    rule: int
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "account": self.account_id,
            "table": self.table,
            "rule": self.rule,
            "reasons": list(self.reasons),
        }


def check(rules: Any, gateways: Collection[str]) -> None:
    """Check the shape of a table's rules. Raises: RulesUnreadable, naming the rule."""
    if not isinstance(rules, list | tuple):
        raise RulesUnreadable("Rules are a list.", field="rules")
    for number, rule in enumerate(rules, start=1):
        if not isinstance(rule, Mapping) or not set(rule) <= {"when", "gateway"} or rule.get("gateway") not in gateways:
            raise RulesUnreadable(
                f"Rule {number} says `gateway`, one of {', '.join(gateways)}, and maybe `when`.", field="rules"
            )
        when = rule.get("when", {})
        if not isinstance(when, Mapping) or not set(when) <= {"method"} or not _methods(when.get("method", ["card"])):
            raise RulesUnreadable(
                f"Rule {number}: `when` is {{}} or lists `method`, some of {', '.join(METHODS)}.", field="rules"
            )


def _methods(listed: Any) -> bool:
    return isinstance(listed, list) and bool(listed) and all(method in METHODS for method in listed)


def choose(
    rules: Sequence[Mapping[str, Any]],
    table: str,
    request: RouteRequest,
    candidates: Sequence[Candidate],
) -> Decision:
    """Take the first rule that fits and whose gateway can take the payment.

    Takes:  rules {"when": {"method": [...]} or {}, "gateway": name}, in order.
    Raises: NoRoute, with every reason.
    """
    reasons: list[str] = []
    for number, rule in enumerate(rules, start=1):
        methods = rule.get("when", {}).get("method")
        if methods is not None and request.method not in methods:
            reasons.append(f"rule {number}: is for {', '.join(methods)}, not {request.method}")
            continue
        for candidate in (c for c in candidates if c.gateway == rule["gateway"]):
            refusal = _refusal(candidate, request)
            if refusal is None:
                reasons.append(f"rule {number}: {request.method} goes to {candidate.gateway}")
                return Decision(candidate.account_id, table, number, tuple(reasons))
            reasons.append(f"rule {number}: {candidate.gateway} {refusal}")
    raise NoRoute(
        f"No gateway takes {request.amount} by {request.method}: {'; '.join(reasons) or 'the table has no rule'}.",
        field="method",
    )


def _refusal(candidate: Candidate, request: RouteRequest) -> str | None:
    can = candidate.capabilities
    if request.method not in can.methods:
        return f"does not take {request.method}"
    if request.amount.currency not in can.currencies:
        return f"does not take {request.amount.currency}"
    if request.amount.amount_minor > can.max_minor:
        return f"takes at most {Money(can.max_minor, request.amount.currency)}"
    return None
