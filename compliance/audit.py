"""The audit trail: every command leaves who, what, before and after, in its own transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from compliance.models import AuditEntry
from coverpay.kernel import clock, commands, copying, ids

_COLUMNS = ("id", "at", "organization_id", "actor_kind", "actor_id", "actor_label", "action", "object_id", "before",
            "after", "reason", "request_id")  # fmt: skip

AT_ONCE = 500
"""Entries that one statement writes; a command that leaves more writes these before it goes on."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One audit entry to write among many; what `record` takes."""

    action: str
    object_id: str
    organization_id: str | None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


@commands.step
def record(
    *,
    action: str,
    object_id: str,
    organization_id: str | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Write an audit entry when the open command ends, all of them at once; actor and request id are the command's."""
    command = commands.current()
    command.audited = True
    command.notes.setdefault("object_id", object_id)
    entry = AuditEntry(
        id=ids.new("aud"),
        organization_id=organization_id,
        actor_kind=command.actor.kind,
        actor_id=command.actor.id,
        actor_label=command.actor.label,
        action=action,
        object_id=object_id,
        before=dict(before or {}),
        after=dict(after or {}),
        reason=reason,
        request_id=_request_id(),
    )
    waiting: list[AuditEntry] = commands.once("audit entries", list)
    waiting.append(entry)
    if len(waiting) >= AT_ONCE:
        _write(waiting)
    commands.at_end("audit entries", lambda: _write(waiting))


def _write(waiting: list[AuditEntry]) -> None:
    AuditEntry.objects.bulk_create(waiting)
    waiting.clear()


@commands.step
def record_many(entries: Iterable[Noted]) -> None:
    """Write many audit entries of the open command at once, in order."""
    entries = list(entries)
    if not entries:
        return
    command = commands.current()
    command.audited = True
    command.notes.setdefault("object_id", entries[0].object_id)
    actor, now, request_id = command.actor, clock.now(), _request_id()
    copying.insert(
        AuditEntry,
        _COLUMNS,
        (
            (id, now, entry.organization_id, actor.kind, actor.id, actor.label, entry.action, entry.object_id,
             entry.before, entry.after, entry.reason, request_id)
            for id, entry in zip(ids.many("aud", len(entries)), entries, strict=True)
        ),
    )  # fmt: skip


def _request_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
