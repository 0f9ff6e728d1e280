"""Unapplied cash that leaves: drawn from receipts by a refund or a disbursement, and given back when that is undone.

Who calls this posts the other side; here only the receipts learn of it.
"""

from __future__ import annotations

import datetime as dt

from billing import cash
from billing.models import CashOut, Receipt
from compliance import audit
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict
from coverpay.kernel.money import Money
from policies.models import Policy


class NotEnoughUnapplied(Conflict):
    """That much cash is not unapplied any more; un-apply some, or pay out less."""

    code = "not_enough_unapplied"


@step
def pay_out(receipt: Receipt, *, source_id: str, amount: Money, on: dt.date) -> CashOut:
    """Draw unapplied cash from one receipt of a locked policy; the same source draws from a receipt once.

    Raises: NotEnoughUnapplied, CurrencyMismatch.
    """
    free = Money(cash.unapplied_minor(receipt), receipt.currency)
    if amount > free or not amount.amount_minor > 0:
        raise _not_enough(free)
    drawn = CashOut.objects.create(receipt=receipt, source_id=source_id, amount_minor=amount.amount_minor, paid_on=on)
    _noted("receipt.pay_out", [drawn], receipt.policy)
    return drawn


@step
def pay_out_of_policy(policy: Policy, *, source_id: str, amount: Money, on: dt.date) -> list[CashOut]:
    """Draw unapplied cash from a locked policy's receipts, the oldest first; held receipts are left alone.

    Gives:  rows that sum to the amount.
    Raises: NotEnoughUnapplied; then nothing is drawn.
    """
    left = amount.amount_minor
    drawn: list[CashOut] = []
    for receipt in cash.waiting(policy).filter(currency=amount.currency):
        take = min(left, receipt.unapplied)
        if take > 0:
            drawn.append(CashOut(receipt=receipt, source_id=source_id, amount_minor=take, paid_on=on))
            left -= take
    if left or not drawn:
        raise _not_enough(Money(amount.amount_minor - left, amount.currency))
    CashOut.objects.bulk_create(drawn)
    _noted("receipt.pay_out", drawn, policy)
    return drawn


@step
def take_back(source_id: str, *, on: dt.date) -> list[CashOut]:
    """Give back what a source drew, to the very receipts; again, nothing happens."""
    standing = CashOut.objects.filter(source_id=source_id, reverses__isnull=True, reversed_by__isnull=True)
    rows = list(standing.select_related("receipt__policy").order_by("id"))
    if not rows:
        return []
    back = CashOut.objects.bulk_create(
        CashOut(receipt=row.receipt, source_id=source_id, amount_minor=-row.amount_minor, paid_on=on, reverses=row)
        for row in rows
    )
    _noted("receipt.take_back_pay_out", back, rows[0].receipt.policy)
    return back


def _noted(action: str, rows: list[CashOut], policy: Policy) -> None:
    audit.record(
        action=action,
        object_id=rows[0].source_id,
        organization_id=policy.operator_id,
        after={row.receipt_id: row.amount_minor for row in rows},
    )


def _not_enough(free: Money) -> NotEnoughUnapplied:
    return NotEnoughUnapplied(
        f"Only {free} is unapplied and free to go out.", field="amount_minor", free_minor=free.amount_minor
    )
