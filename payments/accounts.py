"""An organization's accounts at processors, and which takes which payment."""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from compliance import access, audit, vault
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict
from coverpay.kernel.money import Money
from payments import routing
from payments.gateways import registry
from payments.gateways.base import Capabilities, Connection, Gateway
from payments.models import GatewayAccount, RoutingTable
from reconciliation.models import BankAccount


@command
def open_account(*, gateway: str, merchant: str, bank_account_id: str, actor: Actor) -> GatewayAccount:
    """Connect the organization to a processor account whose payouts land on one of its bank accounts.

    A webhook secret is made and sealed; `webhook_secret` reads it for the processor's set-up.
    """
    access.require(actor, Permission.ACCESS_WRITE)
    organization_id = access.organization_of(actor)
    registry.entry(gateway)
    merchant = texts.line(merchant, field="merchant", at_most=80)
    bank_account = access.get_operable(
        actor,
        BankAccount.objects.all(),
        bank_account_id,
        permission=Permission.ACCESS_WRITE,
        field="bank_account",
    )
    if GatewayAccount.objects.filter(gateway=gateway, merchant=merchant).exists():
        raise Conflict(
            f"The {gateway} account {merchant!r} is connected already.",
            field="merchant",
        )
    account_id = ids.new("gwa")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    account = GatewayAccount.objects.create(
        id=account_id,
        organization_id=organization_id,
        gateway=gateway,
        merchant=merchant,
        bank_account=bank_account,
        webhook_secret_sealed=vault.seal(secret, row_id=account_id),
    )
    audit.record(
        action="gateway_account.open",
        object_id=account.id,
        organization_id=organization_id,
        after={
            "gateway": gateway,
            "merchant": merchant,
            "bank_account": bank_account_id,
        },
    )
    return account


@command
def publish_routing(*, rules: Sequence[Mapping[str, Any]], effective_from: dt.date, actor: Actor) -> RoutingTable:
    """Publish a routing table from a date on; the same rules again give the version that has them.

    Raises: Forbidden, RulesUnreadable.
    """
    access.require(actor, Permission.ACCESS_WRITE)
    organization_id = access.organization_of(actor)
    routing.check(rules, registry.names())
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


def webhook_secret(account: GatewayAccount) -> str:
    """The secret its webhooks are signed with."""
    return vault.open_sealed(account.webhook_secret_sealed, row_id=account.id)


def gateway_of(account: GatewayAccount) -> Gateway:
    """The account's gateway, connected. Raises: UnknownGateway, vault.CannotOpen."""
    return registry.get(account.gateway, connection_of(account))


def connection_of(account: GatewayAccount) -> Connection:
    """What connects to the account's processor, its keys opened; it lives as short as the call it is made for."""
    sealed = account.credentials_sealed
    credentials = json.loads(vault.open_sealed(sealed, row_id=account.id)) if sealed else {}
    return Connection(account.merchant, credentials, account.settings)


def capabilities_of(account: GatewayAccount) -> Capabilities:
    """What the account's gateway can do; opens no key."""
    return registry.entry(account.gateway).capabilities


def route(organization_id: str, method: str, amount: Money) -> routing.Decision:
    """Choose the account for a payment by the table in force. Raises: NoRoute."""
    table = (
        RoutingTable.objects.filter(organization_id=organization_id, effective_from__lte=clock.today())
        .order_by("-effective_from", "-number")
        .first()
    )
    if table is None:
        raise routing.NoRoute("The organization has no routing table; publish one first.", field="method")
    candidates = [
        routing.Candidate(account.id, account.gateway, registry.entry(account.gateway).capabilities)
        for account in GatewayAccount.objects.filter(organization_id=organization_id).order_by("id")
        if account.gateway in registry.names()
    ]
    return routing.choose(table.rules, str(table), routing.RouteRequest(method, amount), candidates)
