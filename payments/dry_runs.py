"""What a draft routing table would have done with past payments, beside what happened. Reads only."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Prefetch, Q

from compliance import access
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from payments import routes, routing, routing_rules
from payments.gateways import registry
from payments.models import Attempt, GatewayAccount, MethodToken, Payment
from payments.routing import Candidate, RouteRequest
from policies.models import Participant, Term

MOST = 5_000
EXAMPLES = 20


@dataclass(slots=True)
class Tally:
    """Payments of one currency at one account: how many, how much, and what the account takes for them."""

    count: int = 0
    amount_minor: int = 0
    cost_minor: int = 0

    def add(self, amount_minor: int, cost_minor: int) -> None:
        self.count += 1
        self.amount_minor += amount_minor
        self.cost_minor += cost_minor


@dataclass(slots=True)
class Share:
    """One account in one currency: what went there, and what would have gone there."""

    account_id: str
    name: str
    currency: str
    was: Tally = field(default_factory=Tally)
    would: Tally = field(default_factory=Tally)

    @property
    def difference_minor(self) -> int:
        """What the account would take more (or less) in all."""
        return self.would.cost_minor - self.was.cost_minor


@dataclass(frozen=True, slots=True)
class Example:
    """A payment that would go elsewhere or nowhere, and why."""

    payment_id: str
    why: str


@dataclass(slots=True)
class DryRun:
    """The outcome: per account, how many would go elsewhere, and those that no rule would have let through."""

    payments: int = 0
    elsewhere: int = 0
    refused: int = 0
    shares: list[Share] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    """The latest first."""

    @property
    def differences(self) -> dict[str, int]:
        """What all accounts together would take more (or less), by currency."""
        found: dict[str, int] = defaultdict(int)
        for share in self.shares:
            found[share.currency] += share.difference_minor
        return dict(found)


def dry_run(*, actor: Actor, rules: Any, since: dt.date, until: dt.date, limit: int = 1_000) -> DryRun:
    """Route the latest payments of some days by draft rules, as if every account were up.

    Takes:  days, the last included (UTC); at most `limit` payments, the latest ones.
    Raises: Forbidden, RulesUnreadable, Invalid (days, limit).
    """
    access.require(actor, Permission.PAYMENTS_READ)
    organization_id = access.organization_of(actor)
    if since > until:
        raise Invalid("The first day is after the last.", field="until")
    if not 1 <= limit <= MOST:
        raise Invalid(f"Between 1 and {MOST:,} payments are tried.", field="limit")
    routes.check_rules(organization_id, rules)
    accounts = list(GatewayAccount.objects.filter(organization_id=organization_id).order_by("id"))
    payments = _past(actor, organization_id, since, until, limit)
    return _compare(rules, accounts, payments)


def _past(actor: Actor, organization_id: str, since: dt.date, until: dt.date, limit: int) -> list[Payment]:
    rows = access.visible(actor, Payment.objects.filter(policy__operator_id=organization_id))
    rows = rows.filter(
        created_at__gte=dt.datetime.combine(since, dt.time(), dt.UTC),
        created_at__lt=dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), dt.UTC),
    )
    attempts = Prefetch("attempts", Attempt.objects.order_by("-number"))
    return list(
        rows.select_related("policy__program", "payment_method").prefetch_related(attempts).order_by("-id")[:limit]
    )


def _compare(rules: Sequence[Mapping[str, Any]], accounts: list[GatewayAccount], payments: list[Payment]) -> DryRun:
    installed = [account for account in accounts if account.gateway in registry.names()]
    known = {candidate.account_id: candidate for candidate in routes.without_health(installed)}
    in_use = [known[account.id] for account in installed if account.closed_at is None]
    facts = _facts(routing_rules.asks(rules), payments, installed)
    done = DryRun(payments=len(payments))
    shares: dict[tuple[str, str], Share] = {}

    def share(account_id: str, currency: str) -> Share:
        name = known[account_id].called if account_id in known else account_id
        return shares.setdefault((account_id, currency), Share(account_id, name, currency))

    for payment in payments:
        amount = Money(payment.amount_minor, payment.currency)
        was = next((attempt.account_id for attempt in payment.attempts.all()), "")
        if was:
            share(was, amount.currency).was.add(amount.amount_minor, _cost(known.get(was), amount))
        try:
            decision = routing.choose(rules, "draft", _request(payment, amount, facts[payment.id]), in_use)
        except routing.NoRoute as error:
            done.refused += 1
            _example(done, payment, error.message)
            continue
        would = decision.account_id
        share(would, amount.currency).would.add(amount.amount_minor, _cost(known[would], amount))
        if would != was:
            done.elsewhere += 1
            _example(done, payment, decision.reasons[-1])
    done.shares = [shares[key] for key in sorted(shares)]
    return done


def _request(payment: Payment, amount: Money, facts: Mapping[str, Any]) -> RouteRequest:
    return RouteRequest(
        payment.method,
        amount,
        reference=payment.id,
        at=payment.created_at,
        bare_token=payment.payment_method is None,
        holds=not payment.capture,
        **facts,
    )


def _cost(candidate: Candidate | None, amount: Money) -> int:
    return routing.cost_minor(candidate, amount) if candidate else 0


def _example(done: DryRun, payment: Payment, why: str) -> None:
    if len(done.examples) < EXAMPLES:
        done.examples.append(Example(payment.id, why))


def _facts(
    asked: frozenset[str], payments: Sequence[Payment], accounts: Sequence[GatewayAccount]
) -> dict[str, dict[str, Any]]:
    """What rules ask about each payment, looked up for all at once."""
    policy_ids = {payment.policy_id for payment in payments}
    states: dict[str, str] = {}
    if "state" in asked:
        terms = Term.objects.filter(policy__in=policy_ids).order_by("policy_id", "-number").distinct("policy_id")
        states = dict(terms.values_list("policy_id", "state_code"))
    organizations: dict[str, set[str]] = defaultdict(set)
    if "organization" in asked:
        rows = Participant.objects.filter(policy__in=policy_ids)
        for policy_id, organization_id, code in rows.values_list("policy_id", "organization_id", "organization__code"):
            organizations[policy_id] |= {organization_id, code}
    tokens: dict[str, set[str]] = defaultdict(set)
    kept = Q(payment_method__in={payment.payment_method_id for payment in payments if payment.payment_method_id})
    for method_id, account_id in MethodToken.objects.filter(kept).values_list("payment_method_id", "account_id"):
        tokens[method_id].add(account_id)
    by_number = {account.id for account in accounts if registry.entry(account.gateway).takes_account_numbers}
    found: dict[str, dict[str, Any]] = {}
    for payment in payments:
        known: dict[str, Any] = {
            "programs": frozenset({payment.policy.program_id, payment.policy.program.code}),
            "state": states.get(payment.policy_id, ""),
            "organizations": frozenset(organizations[payment.policy_id]),
        }
        method = payment.payment_method
        if method is not None:
            known |= {"payer": method.holder, "funding": method.funding, "brand": method.brand}
            usable = tokens[method.id] | (by_number if method.account_sealed else set())
            known["token_accounts"] = frozenset(usable)
        found[payment.id] = known
    return found
