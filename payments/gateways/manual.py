"""Payments that nobody is charged for: announced by the payor, and made by a check, wire, cash or funding that comes.

No network: what came is looked up through a port. The money itself is recorded as a deposit, whose items name payments.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from coverpay.kernel.money import MAX_MINOR, Money
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

AWAITING = "awaiting_the_money"
COLUMN_SETTINGS = tuple(
    f"lockbox_{name}_column" for name in ("amount", "reference", "check", "payor", "lockbox", "date")
)
"""Settings of an account: the headers of the CSV files that its lockbox bank sends."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A payment that was announced, and what became of it: `item` is the deposit's item that brought it."""

    item: str = ""
    amount: Money | None = None
    went_back: bool = False
    withdrawn: bool = False
    why: str = ""


class Expected(Protocol):
    """What is known of announced payments and of the money that came for them."""

    def find(self, merchant: str, reference: str) -> Announced | None:
        """The announced payment of our reference; None when there is none."""
        ...

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        """The deposits since a day that brought announced payments, and what the bank took back of them."""
        ...


class Manual:
    """The `Gateway` of money that comes by itself."""

    name = "manual"
    capabilities = Capabilities(
        methods=frozenset({"check", "wire", "cash", "premium_finance"}),
        currencies=frozenset({"USD", "CAD"}),
        max_minor=MAX_MINOR,
        cost_ppm=0,
        cost_fixed_minor=0,
        settlement_days=0,
        idempotent=True,
    )

    def __init__(self, expected: Expected) -> None:
        self._expected = expected

    def charge(self, charge: Charge) -> Outcome:
        """Wait for the money: PENDING, until a deposit brings it."""
        known = self._expected.find(charge.merchant, charge.reference)
        return _outcome(known or Announced())

    def capture(self, order: CaptureOrder) -> Outcome:
        """Nothing is ever held."""
        return Outcome(Status.DECLINED, code="cannot_hold", message="nothing is held: the money comes, or it does not")

    def void(self, merchant: str, reference: str) -> Outcome:
        """Withdraw the announcement; too late once the money came."""
        known = self._expected.find(merchant, reference)
        if known is None:
            return Outcome(Status.NOT_FOUND)
        if not known.item:
            return Outcome(Status.VOIDED, code="withdrawn", message="the payment is not expected any more")
        return _outcome(known)

    def refund(self, order: RefundOrder) -> Outcome:
        """Nothing goes back by the way it came: a disbursement pays it out."""
        return Outcome(Status.DECLINED, code="pay_out_by_check", message="pay it out by check or bank credit instead")

    def fetch(self, merchant: str, reference: str) -> Outcome:
        known = self._expected.find(merchant, reference)
        return Outcome(Status.NOT_FOUND) if known is None else _outcome(known)

    def verify(self, headers: Mapping[str, str], body: bytes, *, secret: str) -> InboundMessage:
        """Nobody sends webhooks about money that comes by itself."""
        raise BadSignature("this gateway has no webhooks")

    def parse(self, body: bytes) -> list[News | DisputeNews]:
        raise Unreadable("this gateway has no webhooks")

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        return self._expected.payouts(merchant, since)


def _outcome(known: Announced) -> Outcome:
    if known.withdrawn:
        return Outcome(Status.VOIDED, code="withdrawn")
    if not known.item:
        return Outcome(Status.PENDING, code=AWAITING, message="awaiting the money")
    if known.went_back:
        return Outcome(Status.RETURNED, known.item, "check_returned", known.why, known.amount)
    return Outcome(Status.SUCCEEDED, known.item, "deposited", amount=known.amount)
