"""What a person does with received money: apply it, un-apply it, carry it to another policy, take that back."""

from __future__ import annotations

from collections.abc import Collection

from billing import arrivals, cash, transfers
from billing.models import Application, CashTransfer, Invoice, Receipt, ReceiptReversal
from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition, NotFound
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Policy


@command
def apply(*, receipt_id: str, actor: Actor, invoice_ids: Collection[str] = ()) -> Receipt:
    """Apply what waits of a receipt, to these invoices first.

    Posts:  as `cash.apply`.
    Raises: NotFound, Forbidden, ReceiptReversed, ReceiptHeld.
    """
    receipt = _locked(receipt_id, actor)
    known = set(Invoice.objects.filter(policy=receipt.policy, pk__in=invoice_ids).values_list("id", flat=True))
    unknown = sorted(set(invoice_ids) - known)
    if unknown:
        raise NotFound(f"The policy has no invoice {unknown[0]}.", field="invoices")
    cash.apply(receipt, first=known)
    arrivals.follow(receipt.policy)
    _noted("receipt.distribute", receipt)
    return receipt


@command
def unapply(*, receipt_id: str, reason: str, actor: Actor, application_ids: Collection[str] = ()) -> Receipt:
    """Take applications of a receipt back, all of them unless some are named; the history is kept.

    Posts:  the opposite of what applied them.
    Raises: NotFound, Forbidden, BadText, IllegalTransition when nothing of it is applied.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    receipt = _locked(receipt_id, actor)
    standing = Application.objects.filter(receipt=receipt, reverses__isnull=True, reversed_by__isnull=True)
    if application_ids:
        standing = standing.filter(pk__in=application_ids)
        missing = sorted(set(application_ids) - set(standing.values_list("id", flat=True)))
        if missing:
            raise NotFound(f"The receipt has no standing application {missing[0]}.", field="applications")
    if not cash.unapply(standing, reason=reason):
        raise IllegalTransition("Nothing of the receipt is applied.", field="receipt")
    return receipt


@command
def transfer(*, receipt_id: str, to_policy_id: str, amount: Money | None, reason: str, actor: Actor) -> CashTransfer:
    """Carry unapplied cash of a receipt to another policy of the same operator, and apply it there.

    Takes:  an amount, or None for all that waits.
    Posts:  Dr unapplied_cash (from) · Cr unapplied_cash (to); as `cash.apply`.
    Raises: NotFound, Forbidden, BadText, NotTransferable, NotEnoughCash, ReceiptHeld.
    """
    reason = texts.line(reason, field="reason", at_most=200)
    found = _found(receipt_id, actor)
    target = access.get_operable(
        actor, Policy.objects.all(), to_policy_id, permission=Permission.CASH_WRITE, field="policy"
    )
    locks.lock_many({found.policy_id, target.id})
    receipt, to_policy = _receipt(found.id), Policy.objects.get(pk=target.id)
    if cash.is_held(receipt):
        raise cash.ReceiptHeld("The money waits in suspense; place its item instead.", field="receipt")
    if amount is not None and amount.currency != receipt.currency:
        raise transfers.NotTransferable(f"The receipt is in {receipt.currency}.", field="amount")
    made = transfers.transfer_locked(
        receipt.policy,
        to_policy,
        amount.amount_minor if amount else None,
        reason=reason,
        receipts=[receipt],
    )
    if not made:
        raise transfers.NotEnoughCash("Nothing of the receipt is unapplied.", field="receipt")
    cash.apply(made[0].to_receipt)
    arrivals.follow(to_policy)
    return made[0]


@command
def take_transfer_back(*, transfer_id: str, reason: str, actor: Actor) -> CashTransfer:
    """Bring carried cash back to the policy it came from, wherever it went on to; it waits there unapplied.

    Posts:  the exact opposite of each entry that carried or applied it.
    Raises: NotFound, Forbidden, BadText.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    found = CashTransfer.objects.filter(pk=transfer_id).first()
    if found is None:
        raise NotFound(f"No cash transfer {transfer_id}.", field="transfer")
    receipt = _found(found.to_receipt_id, actor)
    source = found.from_receipt.policy_id
    locks.lock_many({source, receipt.policy_id, *cash.reach([receipt.id])})
    cash.take_back(_receipt(receipt.id), reason=ReceiptReversal.Reason.UNDONE, on=clock.today())
    audit.record(
        action="cash.transfer_undo",
        object_id=found.id,
        organization_id=receipt.policy.operator_id,
        after={"policy": source},
        reason=reason,
    )
    return CashTransfer.objects.get(pk=found.pk)


@step
def _locked(receipt_id: str, actor: Actor) -> Receipt:
    found = _found(receipt_id, actor)
    locks.lock(found.policy_id)
    return _receipt(found.id)


def _found(receipt_id: str, actor: Actor) -> Receipt:
    rows = Receipt.objects.select_related("policy")
    return access.get_operable(actor, rows, receipt_id, permission=Permission.CASH_WRITE, field="receipt")


def _receipt(receipt_id: str) -> Receipt:
    return Receipt.objects.select_related("policy__operator", "policy__program").get(pk=receipt_id)


def _noted(action: str, receipt: Receipt) -> None:
    audit.record(
        action=action,
        object_id=receipt.id,
        organization_id=receipt.policy.operator_id,
        after={"unapplied_minor": cash.unapplied_minor(receipt)},
    )
