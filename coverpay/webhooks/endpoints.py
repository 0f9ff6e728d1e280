"""Endpoints of an organization: opened, changed, their secrets rotated, switched off and on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compliance import access, audit, events, vault
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.webhooks import signing, targets
from coverpay.webhooks.models import Endpoint

MAX_ENDPOINTS = 20
MAX_OVERLAP_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class IssuedEndpoint:
    """An endpoint with its new signing secret, which is shown once and never again."""

    endpoint: Endpoint
    secret: str


def create(*, url: str, description: str = "", event_types: Sequence[str] = (), actor: Actor) -> IssuedEndpoint:
    """Open an endpoint of the actor's organization. Looks the host up before the transaction.

    Takes:  event types of the catalog; none means every event.
    Raises: TargetRefused, Invalid, Conflict.
    """
    access.require(actor, Permission.WEBHOOKS_WRITE)
    targets.check(url)
    return _create(url=url, description=description, event_types=event_types, actor=actor)


@command
def _create(*, url: str, description: str, event_types: Sequence[str], actor: Actor) -> IssuedEndpoint:
    organization_id = access.organization_of(actor)
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    if Endpoint.objects.filter(organization_id=organization_id, disabled_at=None).count() >= MAX_ENDPOINTS:
        raise Conflict(f"An organization has up to {MAX_ENDPOINTS} endpoints; disable one first.")
    secret = signing.new_secret()
    endpoint = Endpoint(
        organization_id=organization_id, url=url, description=description, event_types=_known(event_types)
    )
    endpoint.secret_sealed = vault.seal(secret, row_id=endpoint.id)
    endpoint.save(force_insert=True)
    _audit("webhook_endpoint.create", endpoint, before={})
    return IssuedEndpoint(endpoint, secret)


def update(
    *,
    endpoint_id: str,
    url: str | None = None,
    description: str | None = None,
    event_types: Sequence[str] | None = None,
    actor: Actor,
) -> Endpoint:
    """Change what is given, nothing else. A new address is checked like a first one."""
    access.require(actor, Permission.WEBHOOKS_WRITE)
    if url is not None:
        targets.check(url)
    given = {"url": url, "description": description, "event_types": event_types}
    changes = {name: value for name, value in given.items() if value is not None}
    return _update(endpoint_id=endpoint_id, changes=changes, actor=actor)


@command
def _update(*, endpoint_id: str, changes: dict[str, Any], actor: Actor) -> Endpoint:
    endpoint = _locked(endpoint_id, actor)
    before = _shown(endpoint)
    if "event_types" in changes:
        changes = {**changes, "event_types": _known(changes["event_types"])}
    for name, value in changes.items():
        setattr(endpoint, name, value)
    if _shown(endpoint) == before:
        commands.unchanged()
        return endpoint
    endpoint.save(update_fields=list(changes))
    _audit("webhook_endpoint.update", endpoint, before=before)
    return endpoint


@command
def rotate_secret(*, endpoint_id: str, overlap_hours: int = 24, actor: Actor) -> IssuedEndpoint:
    """Make a new signing secret; the one before signs too until the overlap ends.

    Takes:  0 to 168 hours; 0 drops the old secret at once.
    """
    endpoint = _locked(endpoint_id, actor)
    if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        raise Invalid(f"The old secret stays for 0 to {MAX_OVERLAP_HOURS} hours.", field="overlap_hours")
    before = _shown(endpoint)
    secret = signing.new_secret()
    endpoint.previous_secret_sealed = endpoint.secret_sealed if overlap_hours else ""
    endpoint.previous_secret_until = clock.now() + dt.timedelta(hours=overlap_hours) if overlap_hours else None
    endpoint.secret_sealed = vault.seal(secret, row_id=endpoint.id)
    endpoint.save(update_fields=["secret_sealed", "previous_secret_sealed", "previous_secret_until"])
    _audit("webhook_endpoint.rotate_secret", endpoint, before=before)
    return IssuedEndpoint(endpoint, secret)


@command
def disable(*, endpoint_id: str, reason: str = "", actor: Actor) -> Endpoint:
    """Stop sending to an endpoint. What is due waits; what happens meanwhile is not owed to it."""
    endpoint = _locked(endpoint_id, actor)
    if endpoint.disabled_at is not None:
        commands.unchanged()
        return endpoint
    switch_off(endpoint, reason or "disabled by hand")
    return endpoint


@command
def enable(*, endpoint_id: str, actor: Actor) -> Endpoint:
    """Send to an endpoint again, first what is still due."""
    endpoint = _locked(endpoint_id, actor)
    if endpoint.disabled_at is None:
        commands.unchanged()
        return endpoint
    before = _shown(endpoint)
    endpoint.disabled_at, endpoint.disabled_reason = None, ""
    endpoint.save(update_fields=["disabled_at", "disabled_reason"])
    _audit("webhook_endpoint.enable", endpoint, before=before)
    return endpoint


@step
def switch_off(endpoint: Endpoint, reason: str) -> None:
    """Disable a locked endpoint and say why."""
    before = _shown(endpoint)
    endpoint.disabled_at, endpoint.disabled_reason = clock.now(), reason[:160]
    endpoint.save(update_fields=["disabled_at", "disabled_reason"])
    _audit("webhook_endpoint.disable", endpoint, before=before)


def secrets_of(endpoint: Endpoint) -> list[str]:
    """The secrets that sign now, newest first. They never leave the process."""
    found = [vault.open_sealed(endpoint.secret_sealed, row_id=endpoint.id)]
    if endpoint.previous_secret_until is not None and endpoint.previous_secret_until > clock.now():
        found.append(vault.open_sealed(endpoint.previous_secret_sealed, row_id=endpoint.id))
    return found


def _locked(endpoint_id: str, actor: Actor) -> Endpoint:
    rows = Endpoint.objects.select_for_update(no_key=True)
    return access.get_operable(actor, rows, endpoint_id, permission=Permission.WEBHOOKS_WRITE)


def _known(event_types: Sequence[str]) -> list[str]:
    wanted = sorted(set(event_types))
    unknown = [name for name in wanted if name not in events.CATALOG]
    if unknown:
        raise Invalid(f"There is no event {unknown[0]}; GET /v1/event-types lists them.", field="event_types")
    return wanted


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    """What the audit trail keeps of an endpoint; secrets are told apart by their seal's end, never shown."""
    return {
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": list(endpoint.event_types),
        "disabled_at": endpoint.disabled_at.isoformat() if endpoint.disabled_at else None,
        "disabled_reason": endpoint.disabled_reason,
        "secret_mark": endpoint.secret_sealed[-8:],
        "previous_secret_until": (
            endpoint.previous_secret_until.isoformat() if endpoint.previous_secret_until else None
        ),
    }


def _audit(action: str, endpoint: Endpoint, before: dict[str, Any]) -> None:
    audit.record(
        action=action,
        object_id=endpoint.id,
        organization_id=endpoint.organization_id,
        before=before,
        after=_shown(endpoint),
    )
