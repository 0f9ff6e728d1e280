"""Bank-originated ACH: a charge is an entry staged for the bank's next file; it succeeds on its settlement day.

No network: entries, files and returns are rows, looked at and written through a port. Returns come by file, not by
webhook.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from coverpay.kernel.money import Money
from payments.gateways.base import (
    BadSignature,
    Capabilities,
    CaptureOrder,
    Charge,
    DisputeNews,
    InboundMessage,
    News,
    Outcome,
    PayoutReport,
    RefundOrder,
    Status,
    Unreadable,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands: `state` staged, filed, settled, returned, rejected, withdrawn, or refused at once."""

    state: str
    amount: Money | None = None
    trace: str = ""
    code: str = ""
    message: str = ""
    takes: bool = True


class Desk(Protocol):
    """Where entries wait for the next file. Nothing that is not staged may ever be sent."""

    def charge(self, charge: Charge) -> Entry:
        """Stage a debit, once for a reference. Raises: NotSent when it surely was not."""
        ...

    def credit(self, order: RefundOrder) -> Entry:
        """Stage a credit to the payor of a charge, once for a reference. Raises: NotSent."""
        ...

    def find(self, reference: str) -> Entry | None:
        """The entry of our reference; None when there is none."""
        ...

    def withdraw(self, reference: str) -> Entry | None:
        """Take an entry back that no file holds yet; one that a file holds stays as it is. Raises: NotSent."""
        ...

    def payouts(self, since: dt.date) -> list[PayoutReport]:
        """What settled since a day, and what came back."""
        ...


_STATUS = {
    "staged": Status.PENDING,
    "filed": Status.PENDING,
    "settled": Status.SUCCEEDED,
    "returned": Status.RETURNED,
    "rejected": Status.DECLINED,
    "withdrawn": Status.VOIDED,
    "refused": Status.DECLINED,
}


class Nacha:
    """The `Gateway` whose processor is the organization's own bank."""

    name = "nacha"
    capabilities = Capabilities(
        methods=frozenset({"ach"}),
        currencies=frozenset({"USD"}),
        max_minor=9_999_999_999,
        cost_ppm=0,
        cost_fixed_minor=10,
        settlement_days=1,
        idempotent=True,
        partial_refunds=True,
    )

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def charge(self, charge: Charge) -> Outcome:
        """Stage a debit: PENDING until its settlement day; DECLINED when the rules forbid it."""
        return _outcome(self._desk.charge(charge))

    def capture(self, order: CaptureOrder) -> Outcome:
        """Nothing is ever held."""
        return Outcome(Status.DECLINED, code="cannot_hold", message="a bank debit is taken, never held")

    def void(self, merchant: str, reference: str) -> Outcome:
        """Withdraw an entry before its file; later it stays what it is."""
        entry = self._desk.withdraw(reference)
        return Outcome(Status.NOT_FOUND) if entry is None else _outcome(entry)

    def refund(self, order: RefundOrder) -> Outcome:
        """Stage a credit to the account that was debited."""
        return _outcome(self._desk.credit(order))

    def fetch(self, merchant: str, reference: str) -> Outcome:
        """What became of an entry, by our reference."""
        entry = self._desk.find(reference)
        return Outcome(Status.NOT_FOUND) if entry is None else _outcome(entry)

    def verify(self, headers: Mapping[str, str], body: bytes, *, secret: str) -> InboundMessage:
        """A bank sends files, not webhooks."""
        raise BadSignature("this gateway has no webhooks")

    def parse(self, body: bytes) -> list[News | DisputeNews]:
        raise Unreadable("this gateway has no webhooks")

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        """Each file's debits, credits and each day's returns as the bank settles them: a line an entry."""
        return self._desk.payouts(since)


def _outcome(entry: Entry) -> Outcome:
    status = _STATUS[entry.state]
    if not entry.takes and status in (Status.RETURNED, Status.VOIDED):
        status = Status.DECLINED  # a credit that came back, or never went, did not reach the payor
    return Outcome(
        status,
        gateway_reference=entry.trace,
        code=entry.code or entry.state,
        message=entry.message,
        amount=entry.amount,
        network_code=entry.code if entry.state == "returned" else "",
    )
