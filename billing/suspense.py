"""Money a person must place: deposits of nobody we know, and payments that came after cancellation."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence

from billing import arrivals, cash, journal, open_items, suggestions, transfers
from billing.cash import tell_suspense
from billing.events import SuspenseMoved
from billing.models import Invoice, InvoiceLine, Receipt, ReceiptReversal, SuspenseItem
from billing.suggestions import Candidate, Deposit, Suggestion
from compliance import access
from compliance.permissions import Permission
from coverpay.kernel import bus, clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Policy
from reconciliation.ledger.models import Fund
from reconciliation.models import BankAccount

State, Why = SuspenseItem.State, SuspenseItem.Why
MOST_LOOKED_AT = 2000
"""Policies that are compared with a deposit: those with open invoices, and those it names."""


class DepositDiffers(Conflict):
    """The same source was recorded before with another amount, day or bank account."""

    code = "deposit_differs"


class DepositNotUsable(Invalid):
    """A deposit is money above zero that came to a trust bank account, in its currency."""

    code = "deposit_not_usable"


class RefundInstead(Conflict):
    """A held payment goes back by refunding it, so that the processor and the books agree."""

    code = "refund_instead"


@command
def record_unidentified(
    *,
    bank_account_id: str,
    source_id: str,
    payor: str,
    memo: str,
    policy_reference: str,
    amount: Money,
    received_on: dt.date,
    actor: Actor,
) -> SuspenseItem:
    """Keep a deposit nobody can place yet; the same source told again is the same item.

    Posts:  Dr trust_cash (the bank account) · Cr suspense_cash.
    Raises: NotFound, Forbidden, BadText, DepositNotUsable, DepositDiffers.
    """
    access.require(actor, Permission.CASH_WRITE)
    bank = access.get_operable(
        actor, BankAccount.objects.all(), bank_account_id, permission=Permission.CASH_WRITE, field="bank_account"
    )
    said = {"payor": payor, "memo": memo, "policy_reference": policy_reference}
    item, created = open_unidentified(bank, source_id=source_id, amount=amount, received_on=received_on, **said)
    if not created:
        commands.unchanged()
    return item


@step
def open_unidentified(
    bank: BankAccount, *, source_id: str, payor: str, memo: str, policy_reference: str, amount: Money,
    received_on: dt.date,
) -> tuple[SuspenseItem, bool]:  # fmt: skip
    """Keep a deposit nobody can place yet. Gives: its item, and whether it is new.

    Posts:  as `record_unidentified`.
    Raises: BadText, DepositNotUsable, DepositDiffers.
    """
    if amount.amount_minor <= 0 or amount.currency != bank.currency or bank.ledger_account.fund != Fund.TRUST:
        raise DepositNotUsable(f"An amount above zero in {bank.currency}, to a trust account.", field="amount")
    item, created = SuspenseItem.objects.get_or_create(
        operator_id=bank.organization_id,
        source_id=texts.line(source_id, field="source", at_most=80),
        defaults={
            "why": Why.UNIDENTIFIED,
            "bank_account": bank,
            "payor_name": texts.line(payor, field="payor", at_most=200, empty=True),
            "memo": texts.line(memo, field="memo", at_most=300, empty=True),
            "policy_reference": texts.line(policy_reference, field="policy_reference", at_most=80, empty=True),
            "amount_minor": amount.amount_minor,
            "currency": amount.currency,
            "received_on": received_on,
        },
    )
    told = (item.amount_minor, item.currency, item.received_on, item.bank_account_id)
    if told != (amount.amount_minor, amount.currency, received_on, bank.id):
        raise DepositDiffers(f"The source was recorded before as item {item.id}, which says otherwise.", field="source")
    if created:
        journal.suspense_opened(item)
        tell_suspense("suspense.opened", item)
    return item, created


@command
def place(*, item_id: str, policy_id: str, reason: str, actor: Actor) -> SuspenseItem:
    """Say whose the money is: it becomes a receipt of that policy and covers what is open there.

    A held payment is let go to its own policy, or carried to another. Cover never comes back by it.

    Posts:  Dr suspense_cash · Cr unapplied_cash, or a transfer; as `cash.apply`.
    Raises: NotFound, Forbidden, BadText, IllegalTransition, DepositNotUsable, NotTransferable.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    found = _found(item_id, actor)
    target = access.get_operable(
        actor, Policy.objects.all(), policy_id, permission=Permission.CASH_WRITE, field="policy"
    )
    locks.lock_many({target.id, *_own_policy(found)})
    item = lock_item(found.pk)
    place_locked(item, Policy.objects.select_related("program").get(pk=target.pk), reason=reason)
    return item


@step
def place_locked(
    item: SuspenseItem,
    policy: Policy,
    *,
    reason: str,
    first: Collection[str] = (),
    onward: Sequence[tuple[Policy, int, Collection[str]]] = (),
    provisional_until: dt.date | None = None,
) -> Receipt:
    """Place a locked item on a locked policy. Gives: the receipt it became.

    Takes:  `first`, ids of invoices to cover before all others; `onward`, what of it is carried to other locked
            policies: each with its part in minor units and its own invoices to cover first; `provisional_until`, the
            day until which the money may still be returned.
    Posts:  as `place`; Dr unapplied_cash · Cr unapplied_cash for what is carried onward.
    Raises: IllegalTransition, DepositNotUsable, NotTransferable, NotEnoughCash.
    """
    _must_be(item, State.OPEN)
    if policy.operator_id != item.operator_id or policy.program.currency != item.currency:
        raise DepositNotUsable("Choose a policy of the same operator and currency.", field="policy")
    item.decided_reason = reason
    item.place()
    receipt = _released(item, policy, reason) if item.why == Why.AFTER_CANCELLATION else _received(item, policy)
    carried = [
        (transfer.to_receipt, other, invoices)
        for other, minor, invoices in onward
        for transfer in transfers.transfer_locked(policy, other, minor, reason=reason, receipts=[receipt])
    ]
    for made, mine, invoices in [(receipt, policy, first), *carried]:
        cash.apply(made, first=invoices)
        arrivals.follow(mine, provisional_until=provisional_until)
    tell_suspense("suspense.placed", item, policy.id, reason=reason)
    bus.publish(SuspenseMoved(item.id, item.state, policy.id, reason))
    return receipt


@command
def undo(*, item_id: str, reason: str, actor: Actor) -> SuspenseItem:
    """Undo a placing: every balance is as it was before, and the item waits again.

    Posts:  the exact opposite of each entry that placed, carried or applied the money.
    Raises: NotFound, Forbidden, BadText, IllegalTransition.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    found = _found(item_id, actor)
    receipts = [found.receipt_id] if found.receipt_id else []
    locks.lock_many({*_own_policy(found), *cash.reach(receipts)})
    item = lock_item(found.pk)
    undo_locked(item, reason=reason)
    return item


@step
def undo_locked(item: SuspenseItem, *, reason: str, because: str = ReceiptReversal.Reason.UNDONE) -> Receipt:
    """Undo the placing of a locked item, whose policies, and those its cash reached, are locked. Gives: what it was.

    Takes:  `because`, why the receipt is taken back.
    Posts:  as `undo`.
    Raises: IllegalTransition.
    """
    _must_be(item, State.PLACED)
    receipt = item.receipt
    assert receipt is not None
    today = clock.today()
    if ReceiptReversal.objects.filter(receipt=receipt).exists():
        raise IllegalTransition("The money was taken back meanwhile; there is nothing to undo.", field="suspense_item")
    if item.why == Why.UNIDENTIFIED:
        cash.take_back(receipt, reason=because, on=today)
        journal.placing_undone(receipt, on=today)
        item.receipt = None
    else:
        for transfer in cash.standing_transfers(receipt):
            cash.take_back(transfer.to_receipt, reason=ReceiptReversal.Reason.UNDONE, on=today)
        cash.unapply(receipt.applications.all(), reason=reason)
    item.decided_reason = reason
    item.take_out()
    item.save(update_fields=["state", "receipt", "decided_reason"])
    tell_suspense("suspense.reopened", item, receipt.policy_id, reason=reason)
    bus.publish(SuspenseMoved(item.id, item.state, "", reason))
    return receipt


@command
def return_to_sender(*, item_id: str, reason: str, actor: Actor) -> SuspenseItem:
    """Send a deposit back that is nobody's here.

    Posts:  Dr suspense_cash · Cr trust_cash (the bank account).
    Raises: NotFound, Forbidden, BadText, IllegalTransition, RefundInstead for a held payment.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    found = _found(item_id, actor)
    locks.lock_many(_own_policy(found))
    item = lock_item(found.pk)
    return_locked(item, reason=reason)
    return item


@step
def return_locked(item: SuspenseItem, *, reason: str) -> None:
    """Let the money of a locked item leave the bank account.

    Posts:  as `return_to_sender`.
    Raises: IllegalTransition, RefundInstead.
    """
    _must_be(item, State.OPEN)
    if item.why == Why.AFTER_CANCELLATION:
        raise RefundInstead("Refund the payment; that closes the item.", field="suspense_item", payment=item.source_id)
    item.decided_reason = reason
    item.give_back()
    item.save(update_fields=["state", "decided_reason"])
    journal.suspense_returned(item, on=clock.today())
    tell_suspense("suspense.returned", item, reason=reason)
    bus.publish(SuspenseMoved(item.id, item.state, "", reason))


def suggestions_for(actor: Actor, item_id: str) -> list[Suggestion]:
    """Whose the money of a visible item may be, with reasons; nothing is placed. Raises: NotFound."""
    item = access.get(actor, SuspenseItem.objects.all(), item_id)
    policies = Policy.objects.filter(operator_id=item.operator_id, program__currency=item.currency)
    asking = InvoiceLine.objects.filter(invoice__policy__in=policies, invoice__state=Invoice.State.OPEN)
    asked: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = open_items.with_open(asking).values_list("invoice__policy_id", "invoice_id", "open")
    for policy_id, invoice_id, still_open in rows.order_by("-invoice_id")[: MOST_LOOKED_AT * 4]:
        asked[policy_id][invoice_id] += still_open
    named = policies.filter(number__icontains=item.policy_reference) if item.policy_reference else policies.none()
    known = policies.filter(pk__in=[*asked, *named.values_list("id", flat=True)[:MOST_LOOKED_AT]])
    deposit = Deposit(item.payor_name, item.policy_reference, item.memo, item.amount_minor)
    return suggestions.suggest(
        deposit,
        (
            Candidate(policy.id, policy.number, policy.insured.name, _amounts(asked.get(policy.id, {})))
            for policy in known.select_related("insured")
        ),
    )


def _amounts(by_invoice: dict[str, int]) -> tuple[int, ...]:
    """What a payor may have paid: each open invoice, or all of them."""
    return (*by_invoice.values(), sum(by_invoice.values()))


def _received(item: SuspenseItem, policy: Policy) -> Receipt:
    """Make the receipt of a placed deposit; placed again after an undoing, it is another receipt."""
    before = Receipt.objects.filter(source_id__startswith=item.id).count()
    receipt = cash.receive(
        policy,
        source_id=f"{item.id}/{before + 1}" if before else item.id,
        amount=Money(item.amount_minor, item.currency),
        received_on=item.received_on,
        kind=Receipt.Kind.SUSPENSE,
    )
    item.receipt = receipt
    item.save(update_fields=["state", "receipt", "decided_reason"])
    journal.suspense_placed(item, receipt, on=clock.today())
    return receipt


def _released(item: SuspenseItem, policy: Policy, reason: str) -> Receipt:
    """Let a held receipt go: to its own policy as it is, to another by a transfer."""
    item.save(update_fields=["state", "decided_reason"])
    receipt = item.receipt
    assert receipt is not None
    if policy.id == receipt.policy_id:
        return receipt
    made = transfers.transfer_locked(receipt.policy, policy, reason=reason, receipts=[receipt])
    return made[0].to_receipt


def _found(item_id: str, actor: Actor) -> SuspenseItem:
    rows = SuspenseItem.objects.select_related("receipt")
    return access.get_operable(actor, rows, item_id, permission=Permission.CASH_WRITE, field="suspense_item")


def _own_policy(item: SuspenseItem) -> set[str]:
    return {item.receipt.policy_id} if item.receipt else set()


@step
def lock_item(item_id: str) -> SuspenseItem:
    """Lock the item itself after its policies. Raises: NotFound."""
    rows = SuspenseItem.objects.select_for_update(of=("self",)).select_related("receipt__policy__program")
    item = rows.filter(pk=item_id).first()
    if item is None:
        raise NotFound(f"No suspense item {item_id}.", field="suspense_item")
    return item


def _must_be(item: SuspenseItem, state: str) -> None:
    if item.state != state:
        raise IllegalTransition(f"The suspense item is {item.get_state_display().lower()}.", field="suspense_item")
