"""Deposited checks that come back: what they paid is open again to the cent, and the plan's fee is charged once."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from billing import cash, fees, suspense
from billing.delinquency import cures
from billing.models import Application, CashOut, CashTransfer, Receipt, ReceiptReversal, SuspenseItem
from coverpay.kernel import clock, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Busy, Conflict, IllegalTransition, Invalid
from coverpay.kernel.money import Money
from payments import deposit_news, deposits, outcomes, recovery
from payments.gateways.base import Outcome, Status
from payments.models import DepositItem, PaymentPart, RecoveryCase
from policies import locks
from policies.models import Policy

State = DepositItem.State
REASONS = frozenset({"nsf", "stop_payment", "account_closed"})
"""Reasons of a bank that tell recovery more than that the check came back."""


class PaidOutAlready(Conflict):
    """Money of the item was paid out to somebody meanwhile."""

    code = "paid_out_already"


@command
def bounce(*, item_id: str, reason: str, actor: Actor, returned_on: dt.date | None = None) -> list[DepositItem]:
    """Take back the check of an item, all stubs of it, because the bank did.

    Takes:  `reason` as the bank gave it; `returned_on`, the day of the bank's debit (today).
    Gives:  every item of the check.
    Posts:  the exact opposite of what placed and applied it; Dr suspense_cash · Cr trust_cash (the bank account).
            An announced payment is returned as any other. The plan's fee for a returned payment is charged once.
    Raises: NotFound, Forbidden, BadText, Invalid (day), IllegalTransition, PaidOutAlready, Busy.
    """
    reason = texts.line(reason, field="reason", at_most=150)
    return bounce_locked(deposits.one(item_id, actor), reason=reason, returned_on=returned_on or clock.today())


@step
def bounce_locked(item: DepositItem, *, reason: str, returned_on: dt.date) -> list[DepositItem]:
    """Take back the check of an item the caller may act on; its policies are locked here.

    Posts:  as `bounce`.
    Raises: as `bounce`.
    """
    if not item.deposit.received_on <= returned_on <= clock.today():
        raise Invalid("The bank took it back between the day it came and today.", field="returned_on")
    check = whole_check(item)
    _lock_policies(check)
    if _receipts(check) != _receipts(check := whole_check(item)):
        raise Busy("Somebody placed a part of the check this very moment; try again.")
    bounced = [_bounce_one(each, reason, returned_on) for each in check]
    paid = {policy_id for _, touched in bounced for policy_id in touched}
    check = [each for each, _ in bounced]
    for policy in Policy.objects.filter(pk__in=paid).order_by("pk"):
        cures.money_returned(policy)
    charged = _charged_for(check)
    first = check[0].policy
    if first is not None and not charged:
        fees.charge_for_return(first)
    if charged:
        jobs.wake("payments.clear_deposits")
    for each in check:
        deposit_news.item_moved("deposit.item_bounced", each, reason=reason)
    return check


def whole_check(item: DepositItem) -> list[DepositItem]:
    """The item with the other stubs of its check."""
    rows = DepositItem.objects.select_related("deposit", "policy", "suspense_item__receipt", "attempt")
    if not item.check_number:
        return list(rows.filter(pk=item.pk))
    same = {"deposit": item.deposit, "check_number": item.check_number, "payor_name": item.payor_name}
    return list(rows.filter(**same).order_by("position"))


def _receipts(check: list[DepositItem]) -> list[str | None]:
    return [item.suspense_item.receipt_id if item.suspense_item is not None else None for item in check]


@step
def _lock_policies(check: list[DepositItem]) -> None:
    receipts = [item.suspense_item.receipt for item in check if item.suspense_item is not None]
    known = [receipt for receipt in receipts if receipt is not None]
    parts = PaymentPart.objects.filter(payment__attempts__in=[item.attempt_id for item in check if item.attempt_id])
    sources = [part.source_id for part in parts]
    paid = list(Receipt.objects.filter(source_id__in=sources).values_list("id", flat=True))
    locks.lock_many(
        {
            *(receipt.policy_id for receipt in known),
            *parts.values_list("policy_id", flat=True),
            *cash.reach([receipt.id for receipt in known] + paid),
        }
    )


@step
def _bounce_one(item: DepositItem, reason: str, returned_on: dt.date) -> tuple[DepositItem, set[str]]:
    """Take one item back. Gives: it as it is now, and the policies whose cover it had paid."""
    policy, touched = item.policy, set[str]()
    if item.attempt_id:
        _bounce_payment(item, reason)
    else:
        touched = _bounce_suspense(item, reason)
        item = DepositItem.objects.select_related("deposit").get(pk=item.pk)
    item.policy = policy
    item.bounced_on = returned_on
    item.why = f"Returned by the bank: {reason}"
    item.save(update_fields=["state", "policy", "bounced_on", "why"])
    return item, touched


@step
def _bounce_payment(item: DepositItem, reason: str) -> None:
    assert item.attempt_id is not None
    if item.state != State.PLACED:
        raise IllegalTransition(f"The item is {item.get_state_display().lower()}.", field="deposit_item")
    attempt = outcomes.locked(item.attempt_id)
    money = Money(item.amount_minor, item.currency)
    outcomes.enter(attempt, Outcome(Status.RETURNED, item.id, _code(reason), reason, money))
    item.bounce()


def _code(reason: str) -> str:
    """The bank's reason as one of the words whose meaning is known, else that it was returned."""
    said = reason.strip().lower().replace(" ", "_")
    return said if said in REASONS else "check_returned"


@step
def _bounce_suspense(item: DepositItem, reason: str) -> set[str]:
    """Undo the placing, if it was placed, and let the money leave the bank account."""
    assert item.suspense_item_id is not None
    held = suspense.lock_item(item.suspense_item_id)
    touched: set[str] = set()
    if held.state == SuspenseItem.State.PLACED:
        assert held.receipt is not None
        touched = {held.receipt.policy_id, *cash.reach([held.receipt.id])}
        _none_paid_out(held.receipt)
        had_paid = _invoices_of(held.receipt)
        suspense.undo_locked(held, reason=reason, because=ReceiptReversal.Reason.RETURNED)
        _recover_again(had_paid, reason)
    suspense.return_locked(held, reason=reason)
    return touched


def _invoices_of(receipt: Receipt) -> list[str]:
    """What the receipt's cash covers, wherever it was carried."""
    carried = CashTransfer.objects.filter(from_receipt=receipt).values("to_receipt")
    covered = Application.objects.filter(Q(receipt=receipt) | Q(receipt__in=carried), reversed_by__isnull=True)
    return sorted(set(covered.values_list("line__invoice_id", flat=True)))


@step
def _recover_again(invoice_ids: list[str], reason: str) -> None:
    """Let the plan go on with what this check had seemed to win back."""
    running = RecoveryCase.objects.filter(invoice_id__in=invoice_ids, state__in=recovery.RUNNING)
    won = RecoveryCase.objects.filter(invoice_id__in=invoice_ids, state=RecoveryCase.State.RECOVERED)
    newest = won.exclude(invoice_id__in=running.values("invoice_id")).order_by("invoice_id", "-id")
    for case in newest.distinct("invoice_id"):
        recovery.reopen(case, f"The check that paid it came back: {reason}")


def _none_paid_out(receipt: Receipt) -> None:
    out = CashOut.objects.filter(receipt=receipt, reverses__isnull=True, reversed_by__isnull=True).first()
    if out is not None:
        raise PaidOutAlready(f"Part of it was paid out by {out.source_id}; take that back first.", field="deposit_item")


def _charged_for(check: list[DepositItem]) -> bool:
    """Whether an announced payment among them was returned: that charges the fee itself."""
    return any(item.attempt_id is not None for item in check)
