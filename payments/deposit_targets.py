"""Whose the money of a deposit's item is, when it says so exactly; anything less is for a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from billing import account_cash, invoices
from billing.models import BillingAccount, Invoice
from coverpay.kernel.money import Money
from payments.models import Attempt, DepositItem
from policies.models import Policy
from reconciliation.models import BankAccount

MANUAL = "manual"
"""The gateway whose payments are announced, and paid by money that comes in deposits."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an item's money goes, and why; without policies it waits for a person.

    `shares` gives each policy its part, in minor units, and the invoices it covers first.
    """

    why: str
    shares: tuple[tuple[str, int, tuple[str, ...]], ...] = ()

    @property
    def policy_ids(self) -> set[str]:
        return {policy_id for policy_id, _, _ in self.shares}


def find(organization_id: str, item: DepositItem) -> Target:
    """Find what an item names: a policy, an invoice or a billing account of the operator, by its exact number.

    Money for a policy that is cancelled, or was never in force, is held: it brings no cover by itself. A reference that
    fits two things, and a check that seems to have come before, are held too.
    """
    if not item.reference:
        return Target("It names no policy, invoice or account.")
    if _came_before(item):
        return Target(f"Check {item.check_number} of this amount came before.")
    policies = list(Policy.objects.filter(operator_id=organization_id, number=item.reference))
    found = list(_invoices(organization_id, item.reference))
    accounts = list(BillingAccount.objects.filter(operator_id=organization_id, number=item.reference))
    named = [*policies, *found, *accounts]
    if not named:
        return Target(f"Nothing here has the number {item.reference}.")
    if len(named) > 1:
        return Target(f"{item.reference} is the number of more than one thing here.")
    if accounts:
        return _account(accounts[0], item)
    return _invoice(found[0], item) if found else _policy(policies[0], item)


def expected(bank: BankAccount) -> dict[str, list[Attempt]]:
    """The announced payments that wait for money at a bank account, by each number that a stub may name them by.

    Their own number and that of their attempt say which one it is; so does that of their invoice or policy, where it
    is the only one waiting for it.
    """
    waiting = Attempt.objects.filter(
        account__gateway=MANUAL, account__bank_account=bank, state__in=Attempt.LIVE, currency=bank.currency
    )
    named: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in waiting.select_related("payment__policy", "payment__invoice"):
        payment = attempt.payment
        for number in {payment.id, attempt.id, payment.invoice.number, payment.policy.number}:
            named[number].append(attempt)
    return named


def _invoices(organization_id: str, reference: str) -> Iterable[Invoice]:
    """Invoices of that number; it begins with that of its policy."""
    rows = Invoice.objects.filter(number=reference, policy__operator_id=organization_id)
    return rows.filter(policy__number=reference.rpartition("-")[0]).select_related("policy__program")


def _policy(policy: Policy, item: DepositItem) -> Target:
    refusal = _refusal(policy, item)
    return Target(refusal) if refusal else _whole(f"It names policy {policy.number}.", policy.id, item)


def _invoice(invoice: Invoice, item: DepositItem) -> Target:
    refusal = _refusal(invoice.policy, item)
    if refusal:
        return Target(refusal)
    if invoice.state != Invoice.State.OPEN:
        return Target(f"Invoice {invoice.number} is {invoice.get_state_display().lower()}.")
    return _whole(f"It names invoice {invoice.number}.", invoice.policy_id, item, (invoice.id,))


def _account(account: BillingAccount, item: DepositItem) -> Target:
    """Over the account's open invoices, by due date; what is above them is for a person to say."""
    if account.currency != item.currency:
        return Target(f"Account {account.number} pays {account.currency}.")
    taken = account_cash.distribute(item.amount_minor, account_cash.open_items_of(account))
    rest = item.amount_minor - sum(minor for _, minor in taken)
    if rest:
        return Target(f"It is {Money(rest, item.currency)} more than account {account.number} has open.")
    shares: dict[str, tuple[int, tuple[str, ...]]] = {}
    for one, minor in taken:
        before, first = shares.get(one.policy_id, (0, ()))
        shares[one.policy_id] = (before + minor, (*first, one.invoice_id))
    for policy in Policy.objects.filter(pk__in=shares).select_related("program"):
        refusal = _refusal(policy, item)
        if refusal:
            return Target(refusal)
    return Target(
        f"It names billing account {account.number}.",
        tuple((policy_id, minor, first) for policy_id, (minor, first) in sorted(shares.items())),
    )


def _whole(why: str, policy_id: str, item: DepositItem, first: tuple[str, ...] = ()) -> Target:
    return Target(why, ((policy_id, item.amount_minor, first),))


def _refusal(policy: Policy, item: DepositItem) -> str:
    """Why the policy's money is not taken without a person; empty when it is."""
    if policy.program.currency != item.currency:
        return f"Policy {policy.number} is billed in {policy.program.currency}."
    if policy.state == Policy.State.CANCELLED:
        return f"Policy {policy.number} is cancelled; money brings no cover back by itself."
    if policy.state in (Policy.State.QUOTED, Policy.State.NOT_TAKEN):
        return f"Policy {policy.number} is {policy.get_state_display().lower()}; nothing is owed on it."
    if policy.state == Policy.State.EXPIRED and not _owes(policy):
        return f"Policy {policy.number} is expired and owes nothing."
    return ""


def _owes(policy: Policy) -> bool:
    return any(invoices.open_minor(invoice) > 0 for invoice in policy.invoices.filter(state=Invoice.State.OPEN))


def _came_before(item: DepositItem) -> bool:
    """Whether a check of that number, amount and purpose was deposited before and did not go back."""
    if not item.check_number:
        return False
    same = DepositItem.objects.filter(
        deposit__organization_id=item.deposit.organization_id,
        check_number=item.check_number,
        reference=item.reference,
        amount_minor=item.amount_minor,
        payor_name=item.payor_name,
    )
    return same.exclude(state=DepositItem.State.BOUNCED).exclude(deposit_id=item.deposit_id).exists()
