"""Tell the payment, refund or validation that an entry belongs to what became of it."""

from __future__ import annotations

import logging

from coverpay.kernel.errors import NotFound
from coverpay.kernel.money import Money
from payments import accounts, attempts, refunds
from payments.ach import codes
from payments.ach.desk import CURRENCY, DESK
from payments.gateways.base import Outcome, Status
from payments.models import AchEntry

log = logging.getLogger(__name__)
Purpose = AchEntry.Purpose
_CREDITS = (Purpose.REFUND, Purpose.REVERSAL)
"""Credits that a refund stands behind."""


def tell(entry: AchEntry) -> None:
    """Let what an entry says now reach its attempt or refund, as the gateway itself says it when asked.

    Told twice, or late, it does no harm. Disbursements and validations look at their entry themselves.
    """
    if entry.purpose in (Purpose.CHARGE, *_CREDITS):
        account = entry.account
        outcome = accounts.gateway_of(account).fetch(account.merchant, entry.reference)
        if outcome.status is not Status.NOT_FOUND:
            _record(entry, outcome)


def returned(entry: AchEntry, code: str) -> None:
    """Let the payment or refund of an entry hear that the bank returns it, before the entry itself is written."""
    status = Status.RETURNED if entry.purpose == Purpose.CHARGE else Status.DECLINED
    amount = Money(entry.amount_minor, CURRENCY)
    _record(entry, Outcome(status, entry.trace_number, code, codes.title(code), amount, network_code=code))


def _record(entry: AchEntry, outcome: Outcome) -> None:
    """Only what we have a row of hears anything; an entry without one stands for itself."""
    try:
        if entry.purpose == Purpose.CHARGE:
            attempts.record_outcome(attempt_id=entry.reference, outcome=outcome, actor=DESK)
        elif entry.purpose in _CREDITS:
            refunds.record_outcome(refund_id=entry.reference, outcome=outcome, actor=DESK)
    except NotFound:
        log.warning("an entry belongs to no payment", extra={"object_id": entry.id})
