"""Refuse to start with a processor account whose webhooks could not be verified or whose keys cannot be opened.

Django's own `check --database default` and `migrate` run it, and so do the web server and the worker as they start.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, connections

from compliance import vault
from coverpay.kernel.errors import DomainError
from payments import accounts
from payments.gateways import registry
from payments.models import GatewayAccount

log = logging.getLogger(__name__)
NO_SECRET, CANNOT_OPEN = "payments.E001", "payments.E002"


@checks.register(checks.Tags.database)
def gateway_accounts(
    *, databases: Sequence[str] | None = None, app_configs: Any = None, **options: Any
) -> list[checks.CheckMessage]:
    """Look at every account of a gateway this installation may use; without a database or its tables, at none."""
    if not databases:
        return []
    try:
        return [problem for account in _standing() for problem in _problems(account)]
    except DatabaseError as error:
        log.warning("processor accounts could not be looked at", extra={"error": type(error).__name__})
        return []


def refuse_bad_start() -> None:
    """Look once as a program starts; it forks later, so no connection is left open. Raises: SystemCheckError."""
    try:
        found = gateway_accounts(databases=["default"])
    finally:
        connections.close_all()
    if found:
        raise SystemCheckError("\n".join(str(problem) for problem in found))


def _standing() -> Iterator[GatewayAccount]:
    names = registry.names()
    return (account for account in GatewayAccount.objects.order_by("id") if account.gateway in names)


def _problems(account: GatewayAccount) -> Iterator[checks.CheckMessage]:
    try:
        if not accounts.webhook_secret(account).removeprefix("whsec_").strip():
            yield checks.Error(
                f"{account} ({account.id}) has no webhook secret: nothing it hears could be verified.",
                hint="Bring the processor's secret with the new credentials of the account.",
                id=NO_SECRET,
            )
        _open(account)
    except (vault.CannotOpen, DomainError, ValueError) as error:
        yield checks.Error(
            f"{account} ({account.id}) cannot be opened: {error}.",
            hint="Put the key it was sealed with back into VAULT_KEYS, or enter its credentials anew.",
            id=CANNOT_OPEN,
        )


def _open(account: GatewayAccount) -> None:
    """Connect as a payment would. Raises: vault.CannotOpen, ValueError, DomainError."""
    connection = accounts.connection_of(account)
    missing = [name for name in registry.entry(account.gateway).credentials if not connection.credentials.get(name)]
    if missing:
        raise ValueError(f"no {', '.join(missing)}")
    registry.get(account.gateway, connection)
