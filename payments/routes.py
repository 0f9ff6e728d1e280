"""Which account takes a payment: the table in force, what its rules ask about, and where to go on when not reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from compliance import access, audit
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from payments import health, routing, routing_rules
from payments.gateways import registry
from payments.models import Breaker, GatewayAccount, MethodToken, PaymentMethod, RoutingTable
from payments.routing import Candidate, Decision, RouteRequest
from policies.models import Participant, Policy, Term


@command
def publish_routing(*, rules: Sequence[Mapping[str, Any]], effective_from: dt.date, actor: Actor) -> RoutingTable:
    """Publish a routing table from a date on; the same rules again give the version that has them.

    Raises: Forbidden, RulesUnreadable.
    """
    access.require(actor, Permission.ACCESS_WRITE)
    organization_id = access.organization_of(actor)
    check_rules(organization_id, rules)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)  # versions are numbered in a row
    listed = [dict(rule) for rule in rules]
    last = RoutingTable.objects.filter(organization_id=organization_id).order_by("-number").first()
    if last is not None and last.rules == listed and last.effective_from == effective_from:
        audit.record(action="routing.find", object_id=last.id, organization_id=organization_id)
        return last
    table = RoutingTable.objects.create(
        organization_id=organization_id,
        number=last.number + 1 if last else 1,
        effective_from=effective_from,
        rules=listed,
    )
    audit.record(
        action="routing.publish",
        object_id=table.id,
        organization_id=organization_id,
        before={"number": last.number, "rules": last.rules} if last else {},
        after={"number": table.number, "rules": listed},
    )
    return table


def check_rules(organization_id: str, rules: Any) -> None:
    """Check rules against the gateways of this installation and the organization's open accounts.

    Raises: RulesUnreadable.
    """
    routing.check(rules, registry.names(), [account.id for account in open_accounts(organization_id)])


def table_in_force(organization_id: str, on: dt.date) -> RoutingTable | None:
    """The routing table of a day."""
    rows = RoutingTable.objects.filter(organization_id=organization_id, effective_from__lte=on)
    return rows.order_by("-effective_from", "-number").first()


def open_accounts(organization_id: str) -> list[GatewayAccount]:
    """The accounts that take payments, with their breakers, in order."""
    rows = GatewayAccount.objects.filter(organization_id=organization_id, closed_at__isnull=True)
    installed = set(registry.names())
    return [account for account in rows.select_related("breaker").order_by("id") if account.gateway in installed]


def candidates(accounts: Sequence[GatewayAccount], now: dt.datetime) -> list[Candidate]:
    """Accounts as routing sees them."""
    gateways = [account.gateway for account in accounts]
    return [_candidate(account, now, alone=gateways.count(account.gateway) == 1) for account in accounts]


def without_health(accounts: Sequence[GatewayAccount]) -> list[Candidate]:
    """Accounts as routing sees them, every one of them up."""
    gateways = [account.gateway for account in accounts]
    return [_candidate(account, None, alone=gateways.count(account.gateway) == 1) for account in accounts]


def _candidate(account: GatewayAccount, now: dt.datetime | None, *, alone: bool) -> Candidate:
    entry = registry.entry(account.gateway)
    breaker: Breaker | None = getattr(account, "breaker", None) if now else None
    return Candidate(
        account.id,
        account.gateway,
        entry.capabilities,
        name=account.gateway if alone else str(account),
        cost_ppm=account.settings.get("cost_ppm"),
        cost_fixed_minor=account.settings.get("cost_fixed_minor"),
        health=health.health_of(breaker, now) if now else health.UP,
        shares_tokens=entry.shares_tokens,
    )


def route(
    organization_id: str,
    method: str,
    amount: Money,
    *,
    policy: Policy | None = None,
    payment_method: PaymentMethod | None = None,
    token: str = "",
    reference: str = "",
    capture: bool = True,
    exclude: Collection[str] = (),
) -> Decision:
    """Choose the account for a payment by the table in force.

    Takes:  `reference`, the payment's id, which a split goes by and which tries an account that was down; the policy of
            the first part; the kept method, or the bare token; accounts to leave out.
    Gives:  the decision with its reasons and the accounts to go on with when the processor was surely not reached.
    Raises: NoRoute.
    """
    now = clock.now()
    table = table_in_force(organization_id, now.date())
    if table is None:
        raise routing.NoRoute("The organization has no routing table; publish one first.", field="method")
    accounts = [account for account in open_accounts(organization_id) if account.id not in exclude]
    request = RouteRequest(
        method,
        amount,
        reference=reference,
        at=now,
        bare_token=bool(token) and payment_method is None,
        holds=not capture,
        token_accounts=_chargeable_at(payment_method, accounts),
        **facts(routing_rules.asks(table.rules), policy, payment_method),
    )
    known = candidates(accounts, now)
    decision = routing.choose(table.rules, str(table), request, known)
    while decision.trial and commands.is_open() and not health.claim(decision.account_id, by=reference or "payment"):
        known = [_tried_by_another(each) if each.account_id == decision.account_id else each for each in known]
        decision = routing.choose(table.rules, str(table), request, known)
    return decision


def facts(asked: Collection[str], policy: Policy | None, method: PaymentMethod | None) -> dict[str, Any]:
    """What rules ask about a policy and a kept method; nothing else is looked up."""
    found: dict[str, Any] = {}
    if method is not None:
        found |= {"payer": method.holder, "funding": method.funding, "brand": method.brand}
    if policy is None:
        return found
    if "program" in asked:
        found["programs"] = frozenset({policy.program_id, policy.program.code})
    if "state" in asked:
        terms = Term.objects.filter(policy=policy).order_by("-number")
        found["state"] = terms.values_list("state_code", flat=True).first() or ""
    if "organization" in asked:
        rows = Participant.objects.filter(policy=policy).values_list("organization_id", "organization__code")
        found["organizations"] = frozenset(name for row in rows for name in row)
    return found


def next_choice(decision: Mapping[str, Any], tried: Collection[str], *, why: str) -> Decision | None:
    """Where a payment goes on after accounts were surely not reached (NotSent); None when nothing else is in use.

    Takes:  the decision as its attempt keeps it, the accounts tried, and what the last one said.
    """
    left = [account_id for account_id in decision.get("alternatives", []) if account_id not in tried]
    rows = GatewayAccount.objects.filter(pk__in=left, closed_at__isnull=True).select_related("breaker")
    found = {account.id: account for account in rows if account.gateway in registry.names()}
    now = clock.now()
    for place, account_id in enumerate(left):
        account = found.get(account_id)
        state = health.health_of(getattr(account, "breaker", None), now) if account else None
        if account is None or state is None or not state.up or state.trial:
            continue
        return Decision(
            account_id,
            str(decision.get("table", "")),
            int(decision.get("rule", 0)),
            (*decision.get("reasons", []), f"not reached ({why}); {account} is next"),
            name=str(decision.get("name", "")),
            how="failover",
            alternatives=tuple(left[place + 1 :]),
        )
    return None


def _tried_by_another(candidate: Candidate) -> Candidate:
    words = "is down, and another payment is trying it"
    down = routing.Health(up=False, words=words, badness=(0, ""))
    return Candidate(
        candidate.account_id,
        candidate.gateway,
        candidate.capabilities,
        candidate.name,
        candidate.cost_ppm,
        candidate.cost_fixed_minor,
        down,
        candidate.shares_tokens,
    )


def _chargeable_at(method: PaymentMethod | None, accounts: Sequence[GatewayAccount]) -> frozenset[str] | None:
    """Where a kept method can be charged: by its tokens, or by its number where the gateway takes numbers."""
    if method is None:
        return None
    tokens = MethodToken.objects.filter(payment_method=method).values_list("account_id", flat=True)
    by_number = (a.id for a in accounts if method.account_sealed and registry.entry(a.gateway).takes_account_numbers)
    return frozenset([*tokens, *by_number])
