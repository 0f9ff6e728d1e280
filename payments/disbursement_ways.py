"""The ways money goes out besides checks: back by the original payment, or by ACH credit to the payee's account."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from billing import cash
from billing.models import Receipt
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import step
from coverpay.kernel.errors import DomainError
from coverpay.kernel.money import Money
from payments import refunds
from payments.ach import desk
from payments.models import AchEntry, Disbursement, GatewayAccount, Payment, Refund

S = Disbursement.State
FOLLOWED = (S.SUBMITTED, S.UNKNOWN, S.ISSUED, S.CLEARED)
WATCHED_DAYS = 60
"""A credit the receiving bank cannot post comes back within two banking days; a late one is seen all the same."""


class Standing(StrEnum):
    """How what carries a disbursement stands."""

    WAITING = "waiting"
    OUT = "out"
    PAID = "paid"
    BACK = "back"
    GONE = "gone"


_BY_ENTRY = {
    AchEntry.State.STAGED: Standing.WAITING,
    AchEntry.State.FILED: Standing.OUT,
    AchEntry.State.SETTLED: Standing.PAID,
    AchEntry.State.RETURNED: Standing.BACK,
    AchEntry.State.REJECTED: Standing.BACK,
    AchEntry.State.WITHDRAWN: Standing.BACK,
}
_BY_REFUND = {Refund.State.SUCCEEDED: Standing.PAID, Refund.State.DECLINED: Standing.GONE}


@step
def send(made: Disbursement, actor: Actor) -> str:
    """Plan what carries an approved disbursement. Gives: why it cannot be, or nothing."""
    if cash.waiting_minor(made.policy) < made.amount_minor:
        free = Money(cash.waiting_minor(made.policy), made.currency)
        return f"Only {free} of the policy's cash is still unapplied."
    try:
        return _refund(made, actor) if made.method == Disbursement.Method.ORIGINAL else _credit(made)
    except DomainError as error:
        return error.message


def standing(made: Disbursement) -> Standing | None:
    """How the refund or the ACH entry of a disbursement stands; None for one that nothing carries."""
    if made.method == Disbursement.Method.ORIGINAL:
        refund = Refund.objects.filter(disbursement_id=made.id).order_by("-id").first()
        return None if refund is None else _BY_REFUND.get(refund.state, Standing.WAITING)
    entry = AchEntry.objects.filter(reference=made.id).first()
    return None if entry is None else _BY_ENTRY[entry.state]


def watched_until(made: Disbursement) -> dt.datetime | None:
    """When to look again at one that is paid: daily while an ACH credit may come back."""
    if made.method != Disbursement.Method.ACH or made.issued_on is None:
        return None
    last = made.issued_on + dt.timedelta(days=WATCHED_DAYS)
    return clock.now() + dt.timedelta(days=1) if clock.today() <= last else None


def refundable(made: Disbursement) -> Payment | None:
    """The newest payment of the policy whose own cash is unapplied and covers the disbursement."""
    for receipt in cash.waiting(made.policy).filter(kind=Receipt.Kind.PAYMENT).order_by("-received_on", "-id"):
        payment = Payment.objects.filter(pk=receipt.source_id, state=Payment.State.SUCCEEDED).first()
        if payment is not None and receipt.unapplied >= made.amount_minor:
            return payment
    return None


def _refund(made: Disbursement, actor: Actor) -> str:
    payment = refundable(made)
    if payment is None:
        return "No payment of the policy has that much of its own cash unapplied; pay it out by check or ACH."
    refunds.plan_locked(
        payment, amount_minor=made.amount_minor, reason=made.reason, disbursement_id=made.id, actor=actor
    )
    return ""


def _credit(made: Disbursement) -> str:
    account = GatewayAccount.objects.filter(
        gateway="nacha", bank_account_id=made.bank_account_id, closed_at__isnull=True
    ).first()
    if account is None or made.payment_method is None:
        return "The bank account has no ACH origination; pay it out by check."
    desk.stage_disbursement(account, made.payment_method, reference=made.id, amount_minor=made.amount_minor)
    return ""
