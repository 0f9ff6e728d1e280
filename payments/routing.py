"""Pure: which processor account takes a payment, by a versioned table, with every reason kept.

Rules are read from the top. What a rule leads to is narrowed to accounts that can take the payment, then put in
order: as listed, by a split's draw, or by cost. Accounts that are down come last, tried only when nothing else is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money, round_minor
from payments import routing_rules
from payments.gateways.base import Capabilities
from payments.routing_rules import CHARGEABLE, METHODS, RouteRequest, Rule, RulesUnreadable, check

__all__ = [
    "CHARGEABLE",
    "METHODS",
    "Candidate",
    "Decision",
    "Health",
    "NoRoute",
    "RouteRequest",
    "RulesUnreadable",
    "check",
    "choose",
    "cost_minor",
]


class NoRoute(Invalid):
    """No rule of the table leads to a gateway that can take this payment."""

    code = "no_route"


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an account can be relied on: `up`, and when not, how bad it is (the smaller the better), in words.

    `trial` says that it was down, and that this payment may try whether it is back.
    """

    up: bool = True
    words: str = ""
    badness: tuple[Any, ...] = ()
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the organization's accounts, with what its gateway can do, what it costs there, and its health.

    `name` is what people call it. Costs are those declared by the gateway unless the account says otherwise.
    `shares_tokens` says that a token of one account of this gateway holds at every other.
    """

    account_id: str
    gateway: str
    capabilities: Capabilities
    name: str = ""
    cost_ppm: int | None = None
    cost_fixed_minor: int | None = None
    health: Health = field(default_factory=Health)
    shares_tokens: bool = False

    @property
    def called(self) -> str:
        return self.name or self.gateway


@dataclass(frozen=True, slots=True)
class Decision:
    """The account chosen, by which table and rule and how, what was considered, and where to go on when not reached.

    `alternatives` are account ids in order. `trial` says that the account was down and this payment tries it.
    """

    account_id: str
    table: str
    rule: int
    reasons: tuple[str, ...]
    name: str = ""
    how: str = "listed"
    alternatives: tuple[str, ...] = ()
    cost_minor: int | None = None
    trial: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "account": self.account_id,
            "table": self.table,
            "rule": self.rule,
            "name": self.name,
            "how": self.how,
            "cost_minor": self.cost_minor,
            "alternatives": list(self.alternatives),
            "reasons": list(self.reasons),
        }


@dataclass(slots=True)
class _Found:
    """An account that some rule leads to and that can take the payment."""

    candidate: Candidate
    rule: int
    name: str
    how: str
    words: str


def choose(
    rules: Sequence[Rule],
    table: str,
    request: RouteRequest,
    candidates: Sequence[Candidate],
) -> Decision:
    """Choose the account for a payment, and those to go on with.

    Takes:  checked rules, in order; the open accounts, in order of their ids.
    Raises: NoRoute, with every reason.
    """
    reasons: list[str] = []
    found = list(_found(rules, request, candidates, reasons))
    if not found:
        raise NoRoute(
            f"No gateway takes {request.amount} by {request.method}: {'; '.join(reasons) or 'the table has no rule'}.",
            field="method",
        )
    healthy = [each for each in found if each.candidate.health.up]
    down = sorted(
        (each for each in found if not each.candidate.health.up), key=lambda each: each.candidate.health.badness
    )
    chosen = (healthy or down)[0]
    reasons += [f"rule {each.rule}: {each.candidate.called} {each.candidate.health.words}" for each in down]
    if not healthy:
        reasons.append(f"all are down: {chosen.candidate.called}, the least bad, is tried")
    elif chosen.candidate.health.trial:
        reasons.append(f"rule {chosen.rule}: {chosen.candidate.called} was down; this payment tries it")
    reasons.append(f"rule {chosen.rule}: {chosen.words}")
    rest = [each.candidate for each in (*healthy, *down) if each is not chosen]
    return Decision(
        chosen.candidate.account_id,
        table,
        chosen.rule,
        tuple(reasons),
        name=chosen.name,
        how=chosen.how,
        alternatives=tuple(other.account_id for other in rest if _goes_on(request, chosen.candidate, other)),
        cost_minor=cost_minor(chosen.candidate, request.amount),
        trial=chosen.candidate.health.trial,
    )


def cost_minor(candidate: Candidate, amount: Money) -> int:
    """What the account takes for a payment of an amount: parts per million, rounded half up, and a fixed part."""
    can = candidate.capabilities
    ppm = can.cost_ppm if candidate.cost_ppm is None else candidate.cost_ppm
    fixed = can.cost_fixed_minor if candidate.cost_fixed_minor is None else candidate.cost_fixed_minor
    return round_minor(Decimal(amount.amount_minor) * ppm / 1_000_000) + fixed


def _goes_on(request: RouteRequest, chosen: Candidate, other: Candidate) -> bool:
    """A bare token is known at one account only, save where a gateway shares tokens among its accounts."""
    return not request.bare_token or (chosen.gateway == other.gateway and other.shares_tokens)


def _found(
    rules: Sequence[Rule], request: RouteRequest, candidates: Sequence[Candidate], reasons: list[str]
) -> Iterator[_Found]:
    """Every account that rules lead to, each once, in order; what stood against others goes to the reasons."""
    seen: set[str] = set()
    settled = False
    for number, rule in enumerate(rules, start=1):
        missed = routing_rules.misses(rule, request)
        if missed is not None:
            if not settled:
                reasons.append(f"rule {number}: {missed}")
            continue
        how, ordered = _ordered(number, rule, request, candidates)
        for candidate in ordered:
            if candidate.account_id in seen:
                continue
            refusal = _refusal(candidate, request)
            if refusal is not None:
                if not settled:
                    reasons.append(f"rule {number}: {candidate.called} {refusal}")
                continue
            seen.add(candidate.account_id)
            settled = settled or candidate.health.up
            words = _words(how, rule, request, candidate, ordered)
            yield _Found(candidate, number, rule.get("name", ""), how, words)
        if rule.get("only"):
            return


def _ordered(
    number: int, rule: Rule, request: RouteRequest, candidates: Sequence[Candidate]
) -> tuple[str, list[Candidate]]:
    """A rule's accounts in the order to try them, and how that order came about."""
    to = rule.get("to", [rule.get("gateway")])
    if isinstance(to, Mapping) and "split" in to:
        choices = _drawn(to["split"], f"{number}:{request.reference}")
        return "split", _accounts(choices, candidates)
    if isinstance(to, Mapping):
        listed = _accounts(to["cheapest"], candidates)
        return "cheapest", sorted(listed, key=lambda candidate: cost_minor(candidate, request.amount))
    return "listed", _accounts(to, candidates)


def _accounts(choices: Sequence[str], candidates: Sequence[Candidate]) -> list[Candidate]:
    """The accounts that choices name, by gateway or id, each once."""
    named = [c for choice in choices for c in candidates if choice in (c.gateway, c.account_id)]
    return list({candidate.account_id: candidate for candidate in named}.values())


def _drawn(shares: Sequence[Mapping[str, Any]], seed: str) -> list[str]:
    """Choices in an order drawn by their weights; the same seed draws the same. Weight 0 is only gone on with."""
    left = list(shares)
    drawn: list[str] = []
    while left:
        total = sum(share["weight"] for share in left)
        if total == 0:
            return drawn + [share["to"] for share in left]
        digest = hashlib.sha256(f"{len(drawn)}:{seed}".encode()).digest()
        point = int.from_bytes(digest) % total
        for share in left:
            point -= share["weight"]
            if point < 0:
                drawn.append(share["to"])
                left.remove(share)
                break
    return drawn


def _words(how: str, rule: Rule, request: RouteRequest, candidate: Candidate, ordered: Sequence[Candidate]) -> str:
    """Why this account, for a person."""
    name = f" ({rule['name']})" if rule.get("name") else ""
    if how == "cheapest":
        currency = request.amount.currency
        costs = [f"{each.called} {Money(cost_minor(each, request.amount), currency)}" for each in ordered]
        return f"{request.method} goes to the cheapest, {candidate.called}: {', '.join(costs)}{name}"
    if how == "split":
        share = next((s for s in rule["to"]["split"] if s["to"] in (candidate.gateway, candidate.account_id)), None)
        total = sum(s["weight"] for s in rule["to"]["split"])
        part = f" {share['weight']} of {total}" if share else ""
        return f"{request.method} is split, and this one was drawn for {candidate.called} ({part.strip()}){name}"
    return f"{request.method} goes to {candidate.called}{name}"


def _refusal(candidate: Candidate, request: RouteRequest) -> str | None:
    can = candidate.capabilities
    if request.method not in can.methods:
        return f"does not take {request.method}"
    if request.amount.currency not in can.currencies:
        return f"does not take {request.amount.currency}"
    if request.amount.amount_minor > can.max_minor:
        return f"takes at most {Money(can.max_minor, request.amount.currency)}"
    if request.holds and not can.authorizes:
        return "cannot hold money before taking it"
    if request.token_accounts is not None and candidate.account_id not in request.token_accounts:
        return "has no token of this payment method"
    return None
