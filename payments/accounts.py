"""An organization's accounts at processors: opened, changed, closed, and how to talk to them."""

from __future__ import annotations

import base64
import ipaddress
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from compliance import access, audit, vault
from compliance.permissions import Permission
from coverpay.kernel import clock, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import MAX_MINOR
from payments.gateways import registry
from payments.gateways.base import Capabilities, Connection, Gateway
from payments.models import GatewayAccount
from payments.routes import next_choice, publish_routing, route
from reconciliation.models import BankAccount

__all__ = [
    "capabilities_of",
    "change_credentials",
    "change_settings",
    "close_account",
    "connection_of",
    "gateway_of",
    "next_choice",
    "open_account",
    "publish_routing",
    "route",
    "webhook_secret",
]

COSTS = ("cost_ppm", "cost_fixed_minor")
"""Settings that every account may have: what it really costs, for routing by cost."""
MAX_SECRET = 4000


class AccountClosed(Conflict):
    """The account takes no new payments any more."""

    code = "gateway_account_closed"


@command
def open_account(
    *,
    gateway: str,
    merchant: str,
    bank_account_id: str,
    actor: Actor,
    credentials: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    webhook_secret: str = "",
) -> GatewayAccount:
    """Connect the organization to a processor account whose payouts land on one of its bank accounts.

    Takes:  what the gateway's registry entry asks for. A webhook secret is made when the gateway has us make it
            (`webhook_secret` reads it for the processor's set-up), else the processor's own has to be brought.
    Raises: Forbidden, UnknownGateway, NotFound (bank account), Conflict, Invalid naming what is missing or not known.
    """
    access.require(actor, Permission.ACCESS_WRITE)
    organization_id = access.organization_of(actor)
    entry = registry.entry(gateway)
    merchant = texts.line(merchant, field="merchant", at_most=80)
    bank_account = access.get_operable(
        actor,
        BankAccount.objects.all(),
        bank_account_id,
        permission=Permission.ACCESS_WRITE,
        field="bank_account",
    )
    keys = _checked_credentials(gateway, entry, credentials or {})
    said = _checked_settings(gateway, entry, settings or {})
    secret = _checked_secret(gateway, entry, webhook_secret)
    if GatewayAccount.objects.filter(gateway=gateway, merchant=merchant).exists():
        raise Conflict(
            f"The {gateway} account {merchant!r} is connected already.",
            field="merchant",
        )
    account_id = ids.new("gwa")
    account = GatewayAccount.objects.create(
        id=account_id,
        organization_id=organization_id,
        gateway=gateway,
        merchant=merchant,
        bank_account=bank_account,
        webhook_secret_sealed=vault.seal(secret, row_id=account_id),
        credentials_sealed=_sealed(keys, account_id),
        settings=said,
    )
    audit.record(
        action="gateway_account.open",
        object_id=account.id,
        organization_id=organization_id,
        after={
            "gateway": gateway,
            "merchant": merchant,
            "bank_account": bank_account_id,
            "credentials": sorted(keys),
            "settings": said,
        },
    )
    return account


@command
def change_credentials(
    *, account_id: str, actor: Actor, credentials: Mapping[str, str] | None = None, webhook_secret: str = ""
) -> GatewayAccount:
    """Put other keys, or another webhook secret, in the place of those an account has; the old ones are forgotten.

    Raises: NotFound, Forbidden, AccountClosed, Invalid naming what is missing or not known.
    """
    account = _locked(actor, account_id)
    entry = registry.entry(account.gateway)
    if credentials is None and not webhook_secret:
        raise Invalid("Say which credentials or which webhook secret to use.", field="credentials")
    changed = []
    if credentials is not None:
        keys = _checked_credentials(account.gateway, entry, credentials)
        account.credentials_sealed = _sealed(keys, account.id)
        changed += sorted(keys)
    if webhook_secret:
        secret = _checked_secret(account.gateway, entry, webhook_secret)
        account.webhook_secret_sealed = vault.seal(secret, row_id=account.id)
        changed.append("webhook_secret")
    account.save(update_fields=["credentials_sealed", "webhook_secret_sealed"])
    audit.record(
        action="gateway_account.change_credentials",
        object_id=account.id,
        organization_id=account.organization_id,
        after={"changed": changed},
    )
    return account


@command
def change_settings(*, account_id: str, settings: Mapping[str, Any], actor: Actor) -> GatewayAccount:
    """Put other settings in the place of those an account has. Raises: NotFound, Forbidden, AccountClosed, Invalid."""
    account = _locked(actor, account_id)
    before = account.settings
    account.settings = _checked_settings(account.gateway, registry.entry(account.gateway), settings)
    account.save(update_fields=["settings"])
    audit.record(
        action="gateway_account.change_settings",
        object_id=account.id,
        organization_id=account.organization_id,
        before=before,
        after=account.settings,
    )
    return account


@command
def close_account(*, account_id: str, reason: str, actor: Actor) -> GatewayAccount:
    """Take no new payments by an account; webhooks, questions, refunds and payouts of what it has go on.

    Raises: NotFound, Forbidden, AccountClosed, BadText.
    """
    account = _locked(actor, account_id)
    reason = texts.line(reason, field="reason", at_most=200)
    account.closed_at = clock.now()
    account.save(update_fields=["closed_at"])
    audit.record(
        action="gateway_account.close",
        object_id=account.id,
        organization_id=account.organization_id,
        after={"closed_at": account.closed_at.isoformat()},
        reason=reason,
    )
    return account


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


def _locked(actor: Actor, account_id: str) -> GatewayAccount:
    """One open account of the actor's organization, locked."""
    rows = GatewayAccount.objects.select_for_update(no_key=True)
    account = access.get_operable(actor, rows, account_id, permission=Permission.ACCESS_WRITE, field="account")
    if account.closed_at is not None:
        raise AccountClosed(f"{account} was closed on {account.closed_at:%Y-%m-%d}.", field="account")
    return account


def _sealed(keys: Mapping[str, str], account_id: str) -> str:
    return vault.seal(json.dumps(keys, sort_keys=True), row_id=account_id) if keys else ""


def _checked_credentials(gateway: str, entry: registry.Entry, given: Mapping[str, str]) -> dict[str, str]:
    """Exactly the keys the gateway asks for, none of them empty."""
    for name in entry.credentials:
        if not isinstance(given.get(name), str) or not given[name].strip():
            raise Invalid(f"A {gateway} account needs the credential {name}.", field="credentials", key=name)
    for name, value in given.items():
        if name not in entry.credentials:
            raise Invalid(f"A {gateway} account has no credential {name!r}.", field="credentials", key=name)
        if len(value) > MAX_SECRET:
            raise Invalid(f"The credential {name} is too long.", field="credentials", key=name)
    return {name: value.strip() for name, value in given.items()}


def _checked_settings(gateway: str, entry: registry.Entry, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings the gateway asks for and those it may have. An address is https, save on this very machine."""
    allowed = [*entry.settings, *entry.optional, *COSTS]
    for name in entry.settings:
        if given.get(name) in (None, ""):
            raise Invalid(f"A {gateway} account needs the setting {name}.", field="settings", key=name)
    for name, value in given.items():
        if name not in allowed:
            raise Invalid(f"A {gateway} account has no setting {name!r}.", field="settings", key=name)
        if not isinstance(value, str | int) or (isinstance(value, str) and len(value) > MAX_SECRET):
            raise Invalid(
                f"The setting {name} is a short text, a whole number, or true or false.", field="settings", key=name
            )
        if name in COSTS and (type(value) is not int or not 0 <= value <= min(MAX_MINOR, 1_000_000)):
            raise Invalid(f"{name} is a whole number from 0 to 1,000,000.", field="settings", key=name)
        if name.endswith("url") and not _is_safe_address(value):
            raise Invalid(f"{name} is an https address.", field="settings", key=name)
    return dict(given)


def _is_safe_address(value: Any) -> bool:
    """Whether keys may be sent there: by https, or in the clear to this machine only."""
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        host = parts.hostname or ""
        parts.port  # noqa: B018  raises for a port that is none
    except ValueError:
        return False
    if not host or parts.username or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_secret(gateway: str, entry: registry.Entry, given: str) -> str:
    """The secret webhooks are signed with: the processor's, or one we make."""
    if given.strip():
        return texts.line(given, field="webhook_secret", at_most=500)
    if not entry.makes_secret:
        raise Invalid(
            f"A {gateway} account needs the secret its webhooks are signed with; the processor shows it.",
            field="webhook_secret",
        )
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
