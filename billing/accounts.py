"""Billing accounts: who pays a policy in which parts, and one bill across the policies of a payor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

from django.db.models import Q

from billing import invoices, schedules, slots, standing
from billing.invoices import NothingToBill
from billing.models import (
    AccountBill,
    BillingAccount,
    Installment,
    Invoice,
    PayorShare,
    Schedule,
)
from compliance import access, audit, events, explanations
from compliance.explanations import Figure
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from coverpay.kernel.figures import Explained
from coverpay.kernel.money import exponent
from policies import locks
from policies.models import Party, Policy, Term

WHOLE = 1_000_000


class AccountNumberTaken(Conflict):
    """The organization has a billing account of that number."""

    code = "account_number_taken"


class SharesNotWhole(Invalid):
    """The shares of a policy are above zero and sum to 1,000,000."""

    code = "shares_not_whole"


class CurrencyDiffers(Invalid):
    """An account pays policies of its own currency."""

    code = "currency_differs"


class BilledSeparately(Conflict):
    """The account gets an invoice for each policy, not one bill."""

    code = "billed_separately"


@command
def open_account(
    *, number: str, payor_id: str, actor: Actor, mode: str = "separate", due_day: int | None = None,
    currency: str = "USD",
) -> BillingAccount:  # fmt: skip
    """Open a billing account of a payor.

    Takes:  `mode` separate, account_bill or list_bill; `due_day` 1 to 31, the plan's own when left out.
    Raises: Forbidden, NotFound (payor), AccountNumberTaken, Invalid, BadText, BadAmount (currency).
    """
    payor = access.get_operable(
        actor, Party.objects.all(), payor_id, permission=Permission.BILLING_WRITE, field="payor"
    )
    organization_id = payor.organization_id
    number = texts.line(number, field="number", at_most=40)
    if mode not in BillingAccount.Mode.values:
        raise Invalid(f"The mode is one of {', '.join(BillingAccount.Mode.values)}.", field="mode")
    if due_day is not None and not 1 <= due_day <= 31:
        raise Invalid("The due day is a day of the month, 1 to 31.", field="due_day")
    exponent(currency)
    account, created = BillingAccount.objects.get_or_create(
        operator_id=organization_id,
        number=number,
        defaults={"payor": payor, "mode": mode, "due_day": due_day, "currency": currency},
    )
    if not created:
        raise AccountNumberTaken(f"Billing account {number} exists already.", field="number")
    audit.record(
        action="billing_account.open",
        object_id=account.id,
        organization_id=organization_id,
        after={"number": number, "payor": payor.id, "mode": mode, "due_day": due_day, "currency": currency},
    )
    return account


@command
def set_shares(*, policy_id: str, shares: Mapping[str, int], actor: Actor) -> list[PayorShare]:
    """Say which billing accounts pay a policy, in parts per million; what is not billed yet is split anew.

    Takes:  account ids with their shares, in sum 1,000,000; none at all: the insured pays alone again.
    Raises: NotFound, Forbidden, SharesNotWhole, CurrencyDiffers.
    """
    _policies(actor, [policy_id])
    accounts = _accounts(actor, shares)
    policy = locks.lock(policy_id)
    return _share_locked(policy, shares, accounts)


@command
def attach(*, account_id: str, policy_ids: Collection[str], actor: Actor) -> list[PayorShare]:
    """Let one account pay the whole of each of these policies.

    Raises: NotFound, Forbidden, CurrencyDiffers, Invalid (no policy at all).
    """
    accounts = _accounts(actor, [account_id])
    if not policy_ids:
        raise Invalid("Name at least one policy.", field="policies")
    _policies(actor, policy_ids)
    written = []
    for policy in locks.lock_many(policy_ids):
        written += _share_locked(policy, {account_id: WHOLE}, accounts)
    return written


@command
def issue_bill(*, account_id: str, actor: Actor, through: dt.date | None = None) -> AccountBill:
    """Bill everything of an account whose bill date is here, on one bill across its policies.

    Invoices of the account that are open and on no bill yet come with it. Where a policy has other payors too, their
    invoices are issued with it, on no bill.

    Takes:  `through`, the last bill date to take (today).
    Posts:  Dr premium_receivable · Cr billed_uncollected, each invoice.
    Raises: NotFound, Forbidden, BilledSeparately, NothingToBill.
    """
    account = one(actor, account_id, Permission.BILLING_WRITE)
    if account.mode == BillingAccount.Mode.SEPARATE:
        raise BilledSeparately(f"Account {account.number} gets an invoice for each policy; issue those.")
    through = through or clock.today()
    for policy in locks.lock_many(policies_of(account)):
        if Installment.objects.filter(
            policy=policy, account=account, invoice__isnull=True, replaced_by__isnull=True, bill_on__lte=through
        ).exists():
            invoices.issue_locked(policy, through)
    account = BillingAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    waiting = list(
        account.invoices.filter(
            state=Invoice.State.OPEN, account_bill__isnull=True, currency=account.currency
        ).order_by("policy_id", "id")
    )
    if not waiting:
        raise NothingToBill(f"Account {account.number} has nothing to bill through {through}.", field="through")
    return _bill(account, waiting)


def policies_of(account: BillingAccount) -> list[str]:
    """The policies an account pays for now, or has open invoices of."""
    mine = Q(payor_shares__account=account, payor_shares__ended_at__isnull=True)
    asked = Q(invoices__account=account, invoices__state=Invoice.State.OPEN)
    return list(Policy.objects.filter(mine | asked).order_by("id").distinct().values_list("id", flat=True))


def _policies(actor: Actor, policy_ids: Iterable[str]) -> None:
    for policy_id in policy_ids:
        access.get_operable(actor, Policy.objects.all(), policy_id, permission=Permission.BILLING_WRITE, field="policy")


def one(actor: Actor, account_id: str, permission: Permission) -> BillingAccount:
    """One account to act on. Raises: NotFound, Forbidden."""
    rows = BillingAccount.objects.select_related("payor")
    return access.get_operable(actor, rows, account_id, permission=permission, field="account")


def _accounts(actor: Actor, account_ids: Iterable[str]) -> dict[str, BillingAccount]:
    return {id: one(actor, id, Permission.BILLING_WRITE) for id in account_ids}


@step
def _share_locked(
    policy: Policy, shares: Mapping[str, int], accounts: Mapping[str, BillingAccount]
) -> list[PayorShare]:
    if shares and (min(shares.values()) <= 0 or sum(shares.values()) != WHOLE):
        raise SharesNotWhole(
            f"The shares are each above zero and sum to {WHOLE:,}; these sum to {sum(shares.values()):,}.",
            field="shares",
        )
    for account in accounts.values():
        if account.currency != policy.program.currency:
            raise CurrencyDiffers(
                f"Account {account.number} pays {account.currency}, the policy {policy.program.currency}.",
                field="shares",
            )
    standing_shares = slots.payors_of(policy)
    before = {share.account_id: share.share_ppm for share in standing_shares}
    if before == dict(shares):
        audit.record(action="payor_shares.keep", object_id=policy.id, organization_id=policy.operator_id)
        return standing_shares
    PayorShare.objects.filter(policy=policy, ended_at__isnull=True).update(ended_at=clock.now())
    written = [
        PayorShare.objects.create(policy=policy, account=accounts[account_id], share_ppm=ppm)
        for account_id, ppm in shares.items()
    ]
    audit.record(
        action="payor_shares.set",
        object_id=policy.id,
        organization_id=policy.operator_id,
        before=before,
        after=dict(shares),
    )
    _split_anew(policy)
    return written


@step
def _split_anew(policy: Policy) -> None:
    """Set what is not billed yet by the new shares; what is billed stays with whom it was billed to."""
    states = [Term.State.IN_FORCE, Term.State.OFFERED]
    for term in policy.terms.filter(state__in=states).order_by("number"):
        last = Schedule.objects.filter(term=term).select_related("plan_version", "term").order_by("-number").first()
        if last is None or not slots.unbilled(term):
            continue
        figured = schedules.figure(policy, term, last, None, standing.of_term(term))
        schedules.replace(policy, last, figured, transaction_id="", reason="Other payors or shares")


@step
def _bill(account: BillingAccount, waiting: list[Invoice]) -> AccountBill:
    total = sum(invoice.total_minor for invoice in waiting)
    bill = AccountBill.objects.create(
        account=account,
        number=f"{account.number}-{account.bills.count() + 1:03d}",
        currency=account.currency,
        issued_on=clock.today(),
        due_on=min(invoice.due_on for invoice in waiting),
    )
    Invoice.objects.filter(pk__in=[invoice.id for invoice in waiting]).update(account_bill=bill)
    why = Explained(
        formula=" + ".join(invoice.number for invoice in waiting),
        inputs={f"{invoice.number}_minor": invoice.total_minor for invoice in waiting},
        rule="every open invoice of the account that is on no bill yet",
    )
    explanations.record([Figure(bill.id, "total", total, account.currency, why)])
    facts = {
        "number": bill.number, "account": account.id, "total_minor": total, "currency": bill.currency,
        "due_on": bill.due_on.isoformat(), "invoices": [invoice.id for invoice in waiting],
    }  # fmt: skip
    audit.record(action="account_bill.issue", object_id=bill.id, organization_id=account.operator_id, after=facts)
    events.record(
        type="account_bill.issued",
        organization_id=account.operator_id,
        object_id=bill.id,
        data={"account_bill": bill.id, **facts},
    )
    return bill
