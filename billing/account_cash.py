"""Money that a payor sends for all the policies of a billing account: what is open is covered by due date."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from billing import accounts, aging, cash, journal
from billing.models import BillingAccount, Receipt, SuspenseItem
from compliance import access, audit, explanations
from compliance.explanations import Figure
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import Money
from policies import locks
from policies.models import Policy
from reconciliation.models import BankAccount


class NoPolicies(Conflict):
    """The account pays for no policy."""

    code = "no_policies"


class SourceUsed(Conflict):
    """The source brought another amount before."""

    code = "source_used"


@dataclass(frozen=True, slots=True)
class OpenItem:
    """What is open on one invoice of an account."""

    due_on: dt.date
    policy_id: str
    invoice_id: str
    number: str
    open_minor: int


@command
def receive(
    *, account_id: str, source: str, bank_account_id: str, amount_minor: int, received_on: dt.date, actor: Actor
) -> list[Receipt]:
    """Take in money an account's payor sent to the bank: over the account's open invoices, by due date, then policy.

    Each policy gets a receipt of its own, through a suspense item `<source>:<n>`; what is above all that is open
    stays unapplied on the first policy. The same source again gives the receipts it made.

    Posts:  Dr trust_cash · Cr suspense_cash; Dr suspense_cash · Cr unapplied_cash; and as `cash.apply` does.
    Raises: NotFound, Forbidden, Invalid, BadText, NoPolicies, SourceUsed.
    """
    account = accounts.one(actor, account_id, Permission.CASH_WRITE)
    bank = access.get_operable(
        actor, BankAccount.objects.all(), bank_account_id, permission=Permission.CASH_WRITE, field="bank_account"
    )
    source = texts.line(source, field="source", at_most=70)
    if amount_minor <= 0:
        raise Invalid("The amount must be above zero.", field="amount_minor")
    if bank.currency != account.currency:
        raise accounts.CurrencyDiffers(f"The bank account keeps {bank.currency}.", field="bank_account")
    policies = {policy.id: policy for policy in locks.lock_many(accounts.policies_of(account))}
    BillingAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    before = _received_before(account, source, amount_minor)
    if before:
        commands.unchanged()
        return before
    if not policies:
        raise NoPolicies(f"Account {account.number} pays for no policy.", field="account")
    items = [item for item in open_items_of(account) if item.policy_id in policies]
    taken = distribute(amount_minor, items)
    given: Counter[str] = Counter()
    for item, minor in taken:
        given[item.policy_id] += minor
    rest = amount_minor - sum(given.values())
    if rest:
        given[_keeper(policies.values()).id] += rest
    receipts = []
    for number, policy_id in enumerate(sorted(given), start=1):
        deposit = _deposit(account, bank, policies[policy_id], f"{source}:{number}", given[policy_id], received_on)
        mine = [(item, minor) for item, minor in taken if item.policy_id == policy_id]
        receipts.append(_place(deposit, policies[policy_id], mine))
    return receipts


def distribute(amount_minor: int, items: Iterable[OpenItem]) -> list[tuple[OpenItem, int]]:
    """Give an amount to open items by due date, then policy, each as far as it goes."""
    taken = []
    for item in sorted(items, key=lambda item: (item.due_on, item.policy_id, item.invoice_id)):
        take = min(amount_minor, item.open_minor)
        if take > 0:
            taken.append((item, take))
            amount_minor -= take
    return taken


def open_items_of(account: BillingAccount) -> list[OpenItem]:
    """What is open now of an account, invoice by invoice."""
    rows = aging.open_on(account.invoices.filter(currency=account.currency), clock.today())
    return [
        OpenItem(*row) for row in rows.order_by("id").values_list("due_on", "policy_id", "id", "number", "still_open")
    ]


def _received_before(account: BillingAccount, source: str, amount_minor: int) -> list[Receipt]:
    items = SuspenseItem.objects.filter(
        operator_id=account.operator_id, source_id__regex=rf"^{re.escape(source)}:[0-9]+$"
    ).select_related("receipt")
    found = list(items.order_by("id"))
    brought = sum(item.amount_minor for item in found)
    if found and brought != amount_minor:
        raise SourceUsed(f"{source} brought {Money(brought, account.currency)} before.", field="source")
    return [item.receipt for item in found if item.receipt is not None]


def _keeper(policies: Iterable[Policy]) -> Policy:
    """The policy that keeps what is above all that is open: the first in force."""
    return min(policies, key=lambda policy: (policy.state not in Policy.IN_FORCE, policy.id))


@step
def _deposit(
    account: BillingAccount, bank: BankAccount, policy: Policy, source: str, minor: int, on: dt.date
) -> SuspenseItem:
    item = SuspenseItem.objects.create(
        operator_id=account.operator_id,
        why=SuspenseItem.Why.UNIDENTIFIED,
        bank_account=bank,
        source_id=source,
        payor_name=account.payor.name,
        policy_reference=policy.number,
        memo=f"For billing account {account.number}",
        amount_minor=minor,
        currency=account.currency,
        received_on=on,
    )
    journal.suspense_opened(item)
    return item


@step
def _place(item: SuspenseItem, policy: Policy, taken: list[tuple[OpenItem, int]]) -> Receipt:
    amount = Money(item.amount_minor, item.currency)
    receipt = cash.receive(
        policy, source_id=item.id, amount=amount, received_on=item.received_on, kind=Receipt.Kind.SUSPENSE
    )
    item.place()
    item.receipt = receipt
    item.decided_reason = item.memo
    item.save(update_fields=["state", "receipt", "decided_reason"])
    journal.suspense_placed(item, receipt, on=clock.today())
    why = Explained(
        formula="what the account has open, by due date, then policy, as far as the money goes",
        inputs={f"{open.number} due {open.due_on}_minor": minor for open, minor in taken},
        rule=item.memo,
    )
    audit.record(
        action="billing_account.receive",
        object_id=receipt.id,
        organization_id=item.operator_id,
        after={"suspense_item": item.id, "source": item.source_id, "amount_minor": item.amount_minor},
    )
    explanations.record([Figure(receipt.id, "amount", item.amount_minor, item.currency, why)])
    cash.apply(receipt, first=[open.invoice_id for open, _ in taken])
    return receipt
