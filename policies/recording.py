"""Leave the audit entry and the public event of a change, in the same words for every verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compliance import audit, events
from compliance.models import EventRecord
from coverpay.kernel.commands import step
from policies.models import Policy

ACTIONS = {
    "policy.issued": "policy.issue",
    "policy.endorsed": "policy.endorse",
    "policy.cancellation_pending": "policy.announce_cancellation",
    "policy.cancellation_rescinded": "policy.rescind_cancellation",
    "policy.cancelled": "policy.cancel",
    "policy.reinstated": "policy.reinstate",
    "policy.rewritten": "policy.rewrite",
    "policy.renewal_offered": "policy.offer_renewal",
    "policy.renewed": "policy.accept_renewal",
    "policy.renewal_not_taken": "policy.let_renewal_go",
    "policy.expired": "policy.expire",
    "policy.audited": "policy.audit",
    "policy.transaction_reversed": "policy.undo",
}
"""Each public event with the action that the audit trail calls it by."""


@step
def record(policy: Policy, type: str, data: Mapping[str, Any], *, before: str = "", reason: str = "") -> EventRecord:
    """Write both for a locked policy. `before` is the state it was in, where that changed."""
    audit.record(
        action=ACTIONS[type],
        object_id=policy.id,
        organization_id=policy.operator_id,
        before={"state": before} if before else {},
        after={"state": policy.state, **data},
        reason=reason,
    )
    return events.record(
        type=type,
        organization_id=policy.operator_id,
        object_id=policy.id,
        subject_id=policy.id,
        data={"policy": policy.id, "number": policy.number, **data},
    )
