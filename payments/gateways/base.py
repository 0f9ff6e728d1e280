"""Pure: what every gateway must do, and the words they answer in.

Six verbs: `charge refund fetch verify parse payouts`, plus declared capabilities. A decline is a result, not an
exception. Only `NotSent` is safe to send again or elsewhere; a timeout after sending is UNKNOWN, never "failed".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from coverpay.kernel.money import Money


class Status(StrEnum):
    """What a gateway says, or cannot say, about a charge or refund."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    PENDING = "pending"
    UNKNOWN = "unknown"
    RETURNED = "returned"
    NOT_FOUND = "not_found"


class NotSent(Exception):
    """The request surely never reached the gateway (refused connection, no route, bad request made by us)."""


class BadSignature(Exception):
    """An inbound webhook whose signature, time stamp or secret does not hold."""


class Unreadable(Exception):
    """A verified webhook whose content we cannot read; it goes to quarantine."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge to send. `reference` is our attempt's id and the idempotency key, made and stored before sending."""

    reference: str
    merchant: str
    amount: Money
    method: str
    token: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """One refund to send, of a charge the gateway knows by `charge_reference` (ours)."""

    reference: str
    merchant: str
    charge_reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a charge or refund. `amount` is what the gateway says it moved, when it says."""

    status: Status
    gateway_reference: str = ""
    code: str = ""
    message: str = ""
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class News:
    """One fact from a webhook: which charge (our reference) and its outcome."""

    reference: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A verified webhook: its identity at the gateway, for storing it once."""

    external_id: str


@dataclass(frozen=True, slots=True)
class PayoutLineReport:
    """One charge (positive gross) or refund/return (negative gross) inside a payout, and the fee kept for it."""

    kind: str
    our_reference: str
    gateway_reference: str
    gross_minor: int
    fee_minor: int


@dataclass(frozen=True, slots=True)
class PayoutReport:
    """One transfer to the bank: net = sum of gross less fees."""

    reference: str
    net: Money
    paid_on: dt.date
    lines: tuple[PayoutLineReport, ...]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do; routing reads it.

    `idempotent` says that sending the same reference again never charges twice, so an unheard-of charge may be resent.
    """

    methods: frozenset[str]
    currencies: frozenset[str]
    max_minor: int
    cost_ppm: int
    cost_fixed_minor: int
    settlement_days: int
    idempotent: bool


class Gateway(Protocol):
    """One processor. Methods do network I/O and must never be called inside a database transaction."""

    name: str
    capabilities: Capabilities

    def charge(self, charge: Charge) -> Outcome:
        """Take the money. Raises: NotSent."""
        ...

    def refund(self, order: RefundOrder) -> Outcome:
        """Give money back. Raises: NotSent."""
        ...

    def fetch(self, merchant: str, reference: str) -> Outcome:
        """Ask about a charge or refund by our reference: NOT_FOUND when never heard of. Raises: NotSent."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, *, secret: str) -> InboundMessage:
        """Check a webhook's signature. Raises: BadSignature, also when no secret is configured."""
        ...

    def parse(self, body: bytes) -> list[News]:
        """Read a verified webhook. Raises: Unreadable."""
        ...

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        """List the transfers to the bank since a day. Raises: NotSent."""
        ...
