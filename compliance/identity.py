"""Organizations, members and keys."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from compliance import access, audit
from compliance.models import ApiKey, Membership, Organization, User
from compliance.permissions import ROLE_PERMISSIONS, Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict, Invalid, NotFound

MAX_KEY_DAYS = 366


class KeyScopeUnknown(Invalid):
    """A scope that is not one of the permissions."""

    code = "unknown_scope"


class KeyScopeTooWide(Invalid):
    """A key may do no more than the person who makes it."""

    code = "scope_too_wide"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its secret, which is shown once and never again."""

    key: ApiKey
    token: str


@command
def create_organization(*, kind: str, name: str, code: str, actor: Actor) -> Organization:
    """Open an organization. Only the installation itself may."""
    if not actor.sees_all:
        access.require(actor, Permission.ACCESS_WRITE)
        raise NotFound("Organizations are opened by the installation's superuser.")
    name = texts.line(name, field="name", at_most=160)
    code = texts.line(code, field="code", at_most=40)
    if kind not in Organization.Kind.values:
        raise Invalid(f"Kind must be one of {', '.join(Organization.Kind.values)}.", field="kind")
    if Organization.objects.filter(code=code).exists():
        raise Conflict(f"The code {code!r} is taken.", field="code")
    organization = Organization.objects.create(kind=kind, name=name, code=code)
    audit.record(
        action="organization.create",
        object_id=organization.id,
        organization_id=organization.id,
        after={"kind": kind, "name": name, "code": code},
    )
    return organization


@command
def set_role(*, user_id: str, organization_id: str, role: str, actor: Actor) -> Membership:
    """Give a user a role in an organization, or change it."""
    access.get_operable(
        actor,
        Organization.objects.all(),
        organization_id,
        permission=Permission.ACCESS_WRITE,
    )
    if role not in ROLE_PERMISSIONS:
        raise Invalid(f"Role must be one of {', '.join(ROLE_PERMISSIONS)}.", field="role")
    if not User.objects.filter(pk=user_id).exists():
        raise NotFound(f"No user {user_id}.", field="user")
    membership = Membership.objects.select_for_update().filter(user_id=user_id, organization_id=organization_id).first()
    before = {"role": membership.role} if membership else {}
    if membership is None:
        membership = Membership(user_id=user_id, organization_id=organization_id)
    membership.role = role
    membership.save()
    audit.record(
        action="membership.set_role",
        object_id=membership.id,
        organization_id=organization_id,
        before=before,
        after={"role": role, "user": user_id},
    )
    return membership


@command
def issue_api_key(*, organization_id: str, name: str, scopes: Sequence[str], days: int, actor: Actor) -> IssuedKey:
    """Make a key for an integration.

    Takes:  scopes the actor holds; 1 <= days <= 366 until it expires.
    Gives:  the key and its token; only a hash of the token is kept.
    Raises: KeyScopeUnknown, KeyScopeTooWide, Invalid.
    """
    access.get_operable(
        actor,
        Organization.objects.all(),
        organization_id,
        permission=Permission.ACCESS_WRITE,
    )
    name = texts.line(name, field="name", at_most=80)
    wanted = sorted(set(scopes))
    known = set(Permission)
    if not wanted or not set(wanted) <= known:
        raise KeyScopeUnknown(f"Scopes must be among {', '.join(sorted(known))}.", field="scopes")
    if not actor.sees_all and not set(wanted) <= actor.permissions:
        raise KeyScopeTooWide("A key cannot do more than you may do yourself.", field="scopes")
    if not 1 <= days <= MAX_KEY_DAYS:
        raise Invalid(f"A key lives 1 to {MAX_KEY_DAYS} days.", field="days")
    secret = secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        organization_id=organization_id,
        name=name,
        scopes=wanted,
        secret_sha256=_digest(secret),
        last_four=secret[-4:],
        expires_at=clock.now() + dt.timedelta(days=days),
    )
    audit.record(
        action="api_key.issue",
        object_id=key.id,
        organization_id=organization_id,
        after={
            "name": name,
            "scopes": wanted,
            "expires_at": key.expires_at.isoformat(),
        },
    )
    return IssuedKey(key=key, token=f"{key.id}.{secret}")


@command
def revoke_api_key(*, key_id: str, actor: Actor) -> ApiKey:
    """End a key now. A key that was revoked stays revoked."""
    key = access.get_operable(
        actor,
        ApiKey.objects.select_for_update(of=("self",)),
        key_id,
        permission=Permission.ACCESS_WRITE,
    )
    before = {"revoked_at": key.revoked_at.isoformat() if key.revoked_at else None}
    key.revoked_at = key.revoked_at or clock.now()
    key.save(update_fields=["revoked_at"])
    audit.record(
        action="api_key.revoke",
        object_id=key.id,
        organization_id=key.organization_id,
        before=before,
        after={"revoked_at": key.revoked_at.isoformat()},
    )
    return key


def actor_for_token(token: str) -> Actor | None:
    """The actor of a live key, or None for a token that is unknown, wrong, expired or revoked."""
    key_id, _, secret = token.partition(".")
    key = ApiKey.objects.filter(pk=key_id).first()
    if key is None or not hmac.compare_digest(key.secret_sha256, _digest(secret)):
        return None
    if key.revoked_at is not None or key.expires_at <= clock.now():
        return None
    return Actor(
        kind="api_key",
        id=key.id,
        organization_id=key.organization_id,
        permissions=frozenset(key.scopes),
        label=key.name,
    )


def actor_for_user(user: User, organization_id: str | None = None) -> Actor:
    """The actor of a signed-in person, for the organization they chose or their first one.

    A superuser without a membership sees the whole installation; everyone else sees one organization at a time.
    """
    memberships = list(user.memberships.order_by("id"))
    chosen = next((m for m in memberships if m.organization_id == organization_id), None)
    membership = chosen or (memberships[0] if memberships else None)
    if membership is None:
        return Actor(
            kind="user",
            id=user.id,
            organization_id=None,
            label=user.get_full_name(),
            sees_all=user.is_superuser,
        )
    return Actor(
        kind="user",
        id=user.id,
        organization_id=membership.organization_id,
        permissions=ROLE_PERMISSIONS[membership.role],
        label=user.get_full_name(),
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
