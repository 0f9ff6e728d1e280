"""Tell the payment, refund or validation that an entry belongs to what became of it."""

from __future__ import annotations

from coverpay.kernel.errors import NotFound
from coverpay.kernel.money import Money
from payments import accounts, attempts, refunds
from payments.ach import codes
from payments.ach.desk import CURRENCY, DESK
from payments.gateways.base import Outcome, Status
from payments.models import AchEntry

Purpose = AchEntry.Purpose
_CREDITS = (Purpose.REFUND, Purpose.REVERSAL)
"""Credits that a refund stands behind."""


def tell(entry: AchEntry) -> None:
    """Let what an entry says now reach its attempt or refund, as the gateway itself says it when asked.

    Told twice, or late, it does no harm. Disbursements look at their entry themselves.
    """
    if entry.purpose not in (Purpose.CHARGE, *_CREDITS):
        return
    account = entry.account
    outcome = accounts.gateway_of(account).fetch(account.merchant, entry.reference)
    if outcome.status is Status.NOT_FOUND:
        return
    try:
        if entry.purpose == Purpose.CHARGE:
            attempts.record_outcome(attempt_id=entry.reference, outcome=outcome, actor=DESK)
        else:
            refunds.record_outcome(refund_id=entry.reference, outcome=outcome, actor=DESK)
    except NotFound:
        return


def returned(entry: AchEntry, code: str) -> None:
    """Let the payment or refund of an entry hear that the bank returns it, before the entry itself is written."""
    title = codes.title(code)
    amount = Money(entry.amount_minor, CURRENCY)
    if entry.purpose == Purpose.CHARGE:
        outcome = Outcome(Status.RETURNED, entry.trace_number, code, title, amount, network_code=code)
        attempts.record_outcome(attempt_id=entry.reference, outcome=outcome, actor=DESK)
    elif entry.purpose in _CREDITS:
        outcome = Outcome(Status.DECLINED, entry.trace_number, code, title, amount, network_code=code)
        refunds.record_outcome(refund_id=entry.reference, outcome=outcome, actor=DESK)
