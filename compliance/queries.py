"""Reads of people, keys and the audit trail for pages."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from compliance import access
from compliance.models import ApiKey, AuditEntry, Membership
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor


def members_of(actor: Actor) -> QuerySet[Membership]:
    """The members of the actor's organization."""
    rows = Membership.objects.select_related("user", "organization").order_by("organization__name", "user__email")
    return access.visible(actor, rows)


def keys_of(actor: Actor) -> list[ApiKey]:
    """The keys of the actor's organization, newest first, each with `state`: active, expired or revoked."""
    keys = list(access.visible(actor, ApiKey.objects.select_related("organization")).order_by("-id"))
    now = clock.now()
    for key in keys:
        expired = "expired" if key.expires_at <= now else "active"
        key.state = "revoked" if key.revoked_at else expired  # type: ignore[attr-defined]
    return keys


def audit_listed(text: str = "") -> QuerySet[AuditEntry]:
    """Audit entries about an object, by an actor, or of an action."""
    rows = AuditEntry.objects.select_related("organization")
    if not text:
        return rows
    return rows.filter(
        Q(object_id=text)
        | Q(actor_id=text)
        | Q(actor_label__icontains=text)
        | Q(action__istartswith=text)
        | Q(request_id=text)
    )
