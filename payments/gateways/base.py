"""Pure: what every gateway must do, and the words they answer in.

Eight verbs: `charge capture void refund fetch verify parse payouts`, plus declared capabilities. A decline is a result,
not an exception. Only `NotSent` is safe to send again or elsewhere; a timeout after sending is UNKNOWN, never "failed".
What only some can do (keep payment methods, contest disputes) has a protocol of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from coverpay.kernel.money import Money


class Status(StrEnum):
    """What a gateway says, or cannot say, about a charge or refund."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    PENDING = "pending"
    UNKNOWN = "unknown"
    RETURNED = "returned"
    NOT_FOUND = "not_found"
    AUTHORIZED = "authorized"
    VOIDED = "voided"


class NotSent(Exception):
    """The request surely never reached the gateway (refused connection, no route, bad request made by us)."""


class BadSignature(Exception):
    """An inbound webhook whose signature, time stamp or secret does not hold."""


class Unreadable(Exception):
    """A verified webhook whose content we cannot read; it goes to quarantine."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What connects an organization to a processor: its account's name there, its keys (opened) and its settings."""

    merchant: str
    credentials: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge to send. `reference` is our attempt's id and the idempotency key, made and stored before sending.

    `capture` false only holds the money. `customer` and `network_transaction_id` belong to a kept card (the latter is
    that of the first payment, which networks want with every later one). `sec_code` says how a bank debit was
    authorized (Nacha: PPD, CCD, WEB, TEL), `represents` names the returned charge that this one presents again.
    """

    reference: str
    merchant: str
    amount: Money
    method: str
    token: str
    description: str = ""
    capture: bool = True
    customer: str = ""
    network_transaction_id: str = ""
    present: bool = False
    sec_code: str = ""
    represents: str = ""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """One refund to send, of a charge the gateway knows by `charge_reference` (ours)."""

    reference: str
    merchant: str
    charge_reference: str
    amount: Money
    charge_gateway_reference: str = ""


@dataclass(frozen=True, slots=True)
class CaptureOrder:
    """Take money that is held: the charge by our reference, and up to what is held."""

    merchant: str
    charge_reference: str
    amount: Money
    charge_gateway_reference: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a charge or refund. `amount` is what the gateway says it moved (or holds), when it says.

    `code` is the gateway's own word, `network_code` that of the card network or bank behind it, `advice` the network's
    advice about trying again (Mastercard's merchant advice code).
    """

    status: Status
    gateway_reference: str = ""
    code: str = ""
    message: str = ""
    amount: Money | None = None
    network_code: str = ""
    advice: str = ""
    network_transaction_id: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """One fact from a webhook: which charge or refund (our reference) and its outcome.

    Where the processor's message does not carry our reference, that is empty, and the outcome's `gateway_reference`
    says which charge it is.
    """

    reference: str
    outcome: Outcome


class DisputeStatus(StrEnum):
    """How a dispute stands at the processor."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class DisputeNews:
    """One fact about a dispute: `reference` is the disputed charge (ours), `dispute` the processor's own number.

    `withdrawn` says whether the processor took the money back from us for the time being. Where the message does not
    carry our reference, that is empty, and `gateway_reference` is the charge's number at the processor.
    """

    reference: str
    dispute: str
    status: DisputeStatus
    amount: Money
    reason: str = ""
    withdrawn: bool = True
    evidence_due_at: dt.datetime | None = None
    gateway_reference: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A verified webhook: its identity at the gateway, for storing it once."""

    external_id: str


@dataclass(frozen=True, slots=True)
class PayoutLineReport:
    """One movement inside a payout, and the fee kept for it.

    `kind` is charge, dispute_won (gross > 0), refund, return, dispute (gross < 0), or fee (gross 0). `our_reference` is
    the attempt, or the refund; for a dispute the attempt that is disputed; empty for a fee that belongs to none.
    """

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
    authorizes: bool = False
    partial_refunds: bool = False


class Gateway(Protocol):
    """One processor. Methods do network I/O and must never be called inside a database transaction."""

    name: str
    capabilities: Capabilities

    def charge(self, charge: Charge) -> Outcome:
        """Take the money. Raises: NotSent."""
        ...

    def capture(self, order: CaptureOrder) -> Outcome:
        """Take what an authorized charge holds: SUCCEEDED. Doing it again changes nothing. Raises: NotSent."""
        ...

    def void(self, merchant: str, reference: str) -> Outcome:
        """Let go what is held or not sent on yet: VOIDED, or what it is when that is too late. Raises: NotSent."""
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

    def parse(self, body: bytes) -> list[News | DisputeNews]:
        """Read a verified webhook. Raises: Unreadable."""
        ...

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        """List the transfers to the bank since a day. Raises: NotSent."""
        ...


@dataclass(frozen=True, slots=True)
class MethodReport:
    """What a processor says about a payment method it keeps: never a number, only what may be shown."""

    token: str
    kind: str
    customer: str = ""
    brand: str = ""
    last4: str = ""
    exp_month: int = 0
    exp_year: int = 0
    funding: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class SetupReport:
    """What the processor's own element on our page needs to take a card or bank account without our seeing it."""

    setup: str
    client_secret: str
    publishable_key: str = ""
    script_url: str = ""


@runtime_checkable
class KeepsMethods(Protocol):
    """A gateway that keeps payment methods for later."""

    def begin_setup(self, merchant: str, reference: str, kind: str) -> SetupReport:
        """Prepare the processor's element for a card or bank account (`kind` card or ach). Raises: NotSent."""
        ...

    def finish_setup(self, merchant: str, setup: str) -> MethodReport | None:
        """What was entered there; None as long as nothing was. Raises: NotSent."""
        ...

    def forget_method(self, merchant: str, token: str) -> None:
        """Let the processor forget a method. Doing it again changes nothing. Raises: NotSent."""
        ...


@runtime_checkable
class ListsEvents(Protocol):
    """A gateway that can be asked for the webhooks it could not deliver."""

    def undelivered(self, merchant: str, since: dt.datetime) -> list[tuple[str, bytes]]:
        """What it has in vain tried to tell since a moment, oldest first: identity and body. Raises: NotSent."""
        ...


@runtime_checkable
class ContestsDisputes(Protocol):
    """A gateway where a dispute is answered by its API."""

    def contest(self, merchant: str, dispute: str, *, reference: str, evidence: Mapping[str, str]) -> DisputeStatus:
        """Send evidence, once for a `reference`. Raises: NotSent."""
        ...

    def accept_dispute(self, merchant: str, dispute: str) -> DisputeStatus:
        """Give in. Doing it again changes nothing. Raises: NotSent."""
        ...
