"""Breaks: what does not tie, with its signed difference and reason, until a person closes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition
from coverpay.kernel.money import Money
from reconciliation.models import Break


@step
def open_break(
    *,
    organization_id: str,
    kind: str,
    subject_id: str,
    difference: Money,
    reason: str,
    inputs: Mapping[str, Any],
    bank_account_id: str | None = None,
) -> Break | None:
    """Open a break about a subject. Gives None when the same kind is open for it already.

    Takes: `difference`, signed: what the outside says less what our books say.
    """
    found, created = Break.objects.get_or_create(
        subject_id=subject_id,
        kind=kind,
        state=Break.State.OPEN,
        defaults={
            "organization_id": organization_id,
            "bank_account_id": bank_account_id,
            "difference_minor": difference.amount_minor,
            "currency": difference.currency,
            "reason": reason,
            "inputs": dict(inputs),
        },
    )
    if not created:
        return None
    audit.record(
        action="break.open",
        object_id=found.id,
        organization_id=organization_id,
        after={
            "kind": kind,
            "subject": subject_id,
            "difference_minor": difference.amount_minor,
        },
        reason=reason,
    )
    return found


@step
def close_break(found: Break, *, reason: str) -> None:
    """Close an open break, saying what resolved it."""
    found.state = Break.State.CLOSED
    found.closed_at = clock.now()
    found.closed_reason = reason[:300]
    found.save(update_fields=["state", "closed_at", "closed_reason"])
    audit.record(
        action="break.close",
        object_id=found.id,
        organization_id=found.organization_id,
        before={"state": "open"},
        after={"state": "closed"},
        reason=reason,
    )


@command
def close(*, break_id: str, reason: str, actor: Actor) -> Break:
    """A person closes a break with the reason. Raises: NotFound, Forbidden, IllegalTransition, Invalid."""
    found = access.get_operable(
        actor,
        Break.objects.select_for_update(of=("self",)),
        break_id,
        permission=Permission.RECONCILIATION_WRITE,
    )
    reason = texts.line(reason, field="reason", at_most=300)
    if found.state != Break.State.OPEN:
        raise IllegalTransition("The break is closed already.", field="break")
    close_break(found, reason=reason)
    return found
