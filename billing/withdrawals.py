"""Money that left without asking billing: refunded or disputed at the processor. The receipt has to follow.

Who calls this posts the other side; here the receipt lets go of what it covers, the newest application first.
"""

from __future__ import annotations

import datetime as dt

from billing import cash
from billing.models import CashOut, Receipt, ReceiptReversal
from compliance import audit
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money


@step
def draw(receipt: Receipt, *, source_id: str, amount: Money, on: dt.date, reason: str) -> int:
    """Draw from a receipt of a locked policy what has left already, whatever it covers or wherever it was carried.

    What is unapplied goes first; then applications are taken back, the newest first, and what was carried to other
    policies (which are locked too). What that frees beyond the amount covers again.

    Gives:  by how much the receipt is overdrawn now because of it, minor units.
    Posts:  as `cash.unapply`, `cash.take_back` and `cash.apply`.
    """
    needed = amount.amount_minor
    standing = not ReceiptReversal.objects.filter(receipt=receipt).exists()
    before = max(cash.unapplied_minor(receipt), 0)
    free = _freed(receipt, needed, before, on, reason) if standing and before < needed else before
    CashOut.objects.create(receipt=receipt, source_id=source_id, amount_minor=needed, paid_on=on)
    audit.record(
        action="receipt.draw",
        object_id=receipt.id,
        organization_id=receipt.policy.operator_id,
        before={"unapplied_minor": before},
        after={"unapplied_minor": free - needed, "source": source_id},
        reason=reason,
    )
    if standing and cash.is_held(receipt):
        if free <= needed:
            cash.release(receipt)
    elif free > needed:
        cash.apply(receipt)
    return max(needed - free, 0)


def _freed(receipt: Receipt, needed: int, free: int, on: dt.date, reason: str) -> int:
    """Free cash until there is enough, or no more to free. Gives: what is unapplied then."""
    standing = receipt.applications.filter(reverses__isnull=True, reversed_by__isnull=True)
    undoing = []
    for application in standing.order_by("-id"):
        if free >= needed:
            break
        undoing.append(application)
        free += application.amount_minor
    cash.unapply(undoing, reason=reason, on=on)
    for transfer in cash.standing_transfers(receipt).reverse():
        if free >= needed:
            break
        cash.take_back(transfer.to_receipt, reason=ReceiptReversal.Reason.UNDONE, on=on)
        free += transfer.amount_minor
    return free
