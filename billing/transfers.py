"""Unapplied cash carried from one policy to another of the same operator: by journal, no cash moves."""

from __future__ import annotations

from collections.abc import Iterable

from billing import cash, journal
from billing.models import CashTransfer, Receipt
from compliance import audit, events
from coverpay.kernel import clock, ids
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.money import Money
from policies.models import Policy


class NotEnoughCash(Conflict):
    """Less is unapplied than is to be carried."""

    code = "not_enough_cash"


class NotTransferable(Invalid):
    """Cash is carried between two policies of one operator, in one currency."""

    code = "not_transferable"


@step
def transfer_locked(
    from_policy: Policy,
    to_policy: Policy,
    amount_minor: int | None = None,
    *,
    reason: str,
    receipts: Iterable[Receipt] | None = None,
) -> list[CashTransfer]:
    """Carry unapplied cash between two locked policies, the oldest receipt first; it is not applied yet.

    Takes:  an amount, or None for all that waits; `receipts` to take it from, or None for all of the policy.
    Gives:  a transfer for each receipt that cash came from.
    Posts:  Dr unapplied_cash (from) · Cr unapplied_cash (to).
    Raises: NotTransferable, NotEnoughCash.
    """
    _check(from_policy, to_policy, amount_minor)
    waiting = list(cash.waiting(from_policy) if receipts is None else receipts)
    parts = [(receipt, cash.unapplied_minor(receipt)) for receipt in waiting]
    there = sum(part for _, part in parts)
    left = there if amount_minor is None else amount_minor
    if left > there:
        currency = from_policy.program.currency
        raise NotEnoughCash(f"Only {Money(there, currency)} is unapplied.", field="amount")
    written = []
    for receipt, part in parts:
        take = min(left, part)
        if take > 0:
            written.append(_carry(receipt, to_policy, take, reason))
            left -= take
    return written


def _check(from_policy: Policy, to_policy: Policy, amount_minor: int | None) -> None:
    if from_policy.id == to_policy.id or from_policy.operator_id != to_policy.operator_id:
        raise NotTransferable("Choose another policy of the same operator.", field="policy")
    if from_policy.program.currency != to_policy.program.currency:
        raise NotTransferable("Both policies must be in the same currency.", field="policy")
    if amount_minor is not None and amount_minor <= 0:
        raise NotTransferable("The amount must be above zero.", field="amount")


def _carry(receipt: Receipt, to_policy: Policy, amount_minor: int, reason: str) -> CashTransfer:
    transfer_id = ids.new("ctr")
    made = cash.receive(
        to_policy,
        source_id=transfer_id,
        amount=Money(amount_minor, receipt.currency),
        received_on=receipt.received_on,
        kind=Receipt.Kind.TRANSFER,
    )
    transfer = CashTransfer.objects.create(
        id=transfer_id,
        from_receipt=receipt,
        to_receipt=made,
        amount_minor=amount_minor,
        transferred_on=clock.today(),
        reason=reason[:200],
    )
    journal.cash_transferred(transfer)
    facts = {
        "from_receipt": receipt.id,
        "to_receipt": made.id,
        "from_policy": receipt.policy_id,
        "to_policy": to_policy.id,
        "amount_minor": amount_minor,
        "currency": receipt.currency,
    }
    operator_id = to_policy.operator_id
    audit.record(action="cash.transfer", object_id=transfer.id, organization_id=operator_id, after=facts, reason=reason)
    events.record(
        type="cash.transferred",
        organization_id=operator_id,
        object_id=transfer.id,
        subject_id=receipt.policy_id,
        data={"transfer": transfer.id, **facts},
    )
    return transfer
