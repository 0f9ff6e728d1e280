"""What is kept and told of deposits."""

from __future__ import annotations

from collections.abc import Sequence

from billing.models import SuspenseItem
from compliance import audit, events
from compliance.audit import Noted
from compliance.events import Fact
from coverpay.kernel.commands import step
from payments.models import Deposit, DepositItem


@step
def recorded(deposit: Deposit, rows: Sequence[DepositItem]) -> None:
    """Keep and tell that a deposit came, with what of it is in suspense."""
    facts = {
        "kind": deposit.kind,
        "reference": deposit.reference,
        "amount_minor": deposit.amount_minor,
        "currency": deposit.currency,
        "items": len(rows),
    }
    organization_id = deposit.organization_id
    audit.record_many(
        [
            Noted(
                "deposit.record", deposit.id, organization_id, after={**facts, "bank_account": deposit.bank_account_id}
            ),
            *(
                Noted("suspense.opened", row.suspense_item_id, organization_id, after={"deposit": deposit.id})
                for row in rows
                if row.suspense_item_id
            ),
        ]
    )
    events.record(
        type="deposit.recorded",
        organization_id=organization_id,
        object_id=deposit.id,
        data={"deposit": deposit.id, **facts},
    )
    opened = [row for row in rows if row.suspense_item_id]
    events.record_many(
        Fact(
            "suspense.opened",
            organization_id,
            str(row.suspense_item_id),
            "",
            {
                "suspense_item": row.suspense_item_id, "policy": None, "why": SuspenseItem.Why.UNIDENTIFIED,
                "amount_minor": row.amount_minor, "currency": row.currency, "state": "open",
            },
        )
        for row in opened
    )  # fmt: skip


@step
def item_moved(event: str, item: DepositItem, *, reason: str) -> None:
    """Keep and tell what became of an item."""
    facts = {
        "deposit": item.deposit_id,
        "state": item.state,
        "amount_minor": item.amount_minor,
        "currency": item.currency,
        "policy": item.policy_id,
    }
    organization_id = item.deposit.organization_id
    audit.record(action=event, object_id=item.id, organization_id=organization_id, after=facts, reason=reason)
    events.record(
        type=event,
        organization_id=organization_id,
        object_id=item.id,
        subject_id=item.policy_id or "",
        data={"item": item.id, **facts},
    )
