"""The desk of the nacha gateway: entries staged, found and withdrawn; what settled, day by day."""

from __future__ import annotations

import datetime as dt

from compliance import audit
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Busy, Invalid
from coverpay.kernel.money import Money
from payments.ach import codes, records, settlements, staging
from payments.ach.staging import EntryRefused, Order
from payments.gateways.base import Charge, NotSent, PayoutReport, RefundOrder
from payments.gateways.nacha import Entry
from payments.models import AchEntry, Attempt, GatewayAccount, PaymentMethod

GATEWAY = "nacha"
CURRENCY = "USD"
DESK = system("ach")
Purpose, State = AchEntry.Purpose, AchEntry.State


class Desk:
    """The port of the nacha gateway for one account, known by its merchant name."""

    def __init__(self, merchant: str) -> None:
        self._merchant = merchant

    def charge(self, charge: Charge) -> Entry:
        order = Order(
            reference=charge.reference,
            purpose=Purpose.CHARGE,
            amount_minor=charge.amount.amount_minor,
            takes=True,
            sec_code=charge.sec_code,
            receiver_id=_policy_number(charge.reference),
            represents=charge.represents,
        )
        return self._stage(charge.token, order)

    def credit(self, order: RefundOrder) -> Entry:
        charged = AchEntry.objects.filter(account=self._account(), reference=order.charge_reference).first()
        if charged is None:
            return Entry("refused", code="charge_unknown", message="no entry of this account was charged")
        refund = Order(
            reference=order.reference,
            purpose=Purpose.REFUND,
            amount_minor=order.amount.amount_minor,
            takes=False,
            receiver_id=charged.receiver_id,
        )
        return self._stage(charged.payment_method_id, refund)

    def find(self, reference: str) -> Entry | None:
        entry = AchEntry.objects.filter(account=self._account(), reference=reference).first()
        return None if entry is None else _shown(entry)

    def withdraw(self, reference: str) -> Entry | None:
        try:
            entry = _withdraw(account_id=self._account().id, reference=reference, actor=DESK)
        except Busy as error:
            raise NotSent(error.message) from error
        return None if entry is None else _shown(entry)

    def payouts(self, since: dt.date) -> list[PayoutReport]:
        return settlements.payouts(self._account(), since)

    def _account(self) -> GatewayAccount:
        return GatewayAccount.objects.get(gateway=GATEWAY, merchant=self._merchant)

    def _stage(self, method_id: str, order: Order) -> Entry:
        try:
            entry = _stage(account_id=self._account().id, method_id=method_id, order=order, actor=DESK)
        except EntryRefused as error:
            return Entry("refused", code=str(error.extra["why"]), message=error.message)
        except (Busy, Invalid) as error:
            raise NotSent(error.message) from error
        return _shown(entry)


@step
def stage_disbursement(
    account: GatewayAccount, method: PaymentMethod, *, reference: str, amount_minor: int
) -> AchEntry:
    """Stage a credit that pays out a disbursement, inside the command that sends it. Raises: EntryRefused."""
    order = Order(
        reference=reference,
        purpose=Purpose.DISBURSEMENT,
        amount_minor=amount_minor,
        takes=False,
        receiver_id=reference[-15:],
    )
    return staging.stage_locked(account, method, order)


@command
def _stage(*, account_id: str, method_id: str, order: Order, actor: Actor) -> AchEntry:
    account = GatewayAccount.objects.get(pk=account_id)
    method = PaymentMethod.objects.select_related("party").select_for_update(of=("self",), no_key=True)
    found = method.filter(pk=method_id, organization_id=account.organization_id).first()
    if found is None:
        raise EntryRefused("No such bank account is kept.", citation=staging.RULES, field="token", why="no_account")
    return staging.stage_locked(account, found, order)


@command
def _withdraw(*, account_id: str, reference: str, actor: Actor) -> AchEntry | None:
    entry = AchEntry.objects.select_for_update(no_key=True).filter(account=account_id, reference=reference).first()
    if entry is not None and entry.state == State.STAGED:
        withdraw_locked(entry, "It was let go.")
    else:
        commands.unchanged()
    return entry


@step
def withdraw_locked(entry: AchEntry, reason: str) -> None:
    """Take back a locked entry that no file holds."""
    entry.withdraw()
    entry.save(update_fields=["state"])
    audit.record(
        action="ach_entry.withdraw",
        object_id=entry.id,
        organization_id=GatewayAccount.objects.get(pk=entry.account_id).organization_id,
        before={"state": State.STAGED},
        after={"state": entry.state},
        reason=reason,
    )


def _shown(entry: AchEntry) -> Entry:
    return Entry(
        state=entry.state,
        amount=Money(entry.amount_minor, CURRENCY),
        trace=entry.trace_number or entry.id,
        code=entry.return_code if entry.state == State.RETURNED else "",
        message=codes.title(entry.return_code),
        takes=records.is_debit(entry.transaction_code),
    )


def _policy_number(attempt_id: str) -> str:
    numbers = Attempt.objects.filter(pk=attempt_id).values_list("payment__policy__number", flat=True)
    return numbers.first() or ""
