"""The audit trail: every command leaves who, what, before and after, in its own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from compliance.models import AuditEntry
from coverpay.kernel import commands


@commands.step
def record(
    *,
    action: str,
    object_id: str,
    organization_id: str | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> AuditEntry:
    """Write the audit entry of the open command; the actor and request id come from the command."""
    command = commands.current()
    command.audited = True
    command.notes.setdefault("object_id", object_id)
    return AuditEntry.objects.create(
        organization_id=organization_id,
        actor_kind=command.actor.kind,
        actor_id=command.actor.id,
        actor_label=command.actor.label,
        action=action,
        object_id=object_id,
        before=dict(before or {}),
        after=dict(after or {}),
        reason=reason,
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
    )
