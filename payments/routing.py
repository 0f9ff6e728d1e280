"""Pure: which gateway takes a payment, by a versioned table, with every reason kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from payments.gateways.base import Capabilities


class NoRoute(Invalid):
    """No rule of the table leads to a gateway that can take this payment."""

    code = "no_route"


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
