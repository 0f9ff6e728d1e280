"""A deterministic processor: the payment method's token decides what happens, and it keeps books of its own.

Every outcome a real processor can bring about is reachable by a token of TOKENS, so that each can be tried on purpose.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from coverpay.kernel import clock
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money, round_minor
from payments.gateways.base import (
    BadSignature,
    Capabilities,
    CaptureOrder,
    Charge,
    DisputeNews,
    InboundMessage,
    News,
    NotSent,
    Outcome,
    PayoutLineReport,
    PayoutReport,
    RefundOrder,
    Status,
    Unreadable,
)
from payments.gateways.sandbox_books import Books

TOKENS = {
    "tok_ok": "succeeds at once",
    "tok_decline_insufficient_funds": "declined: insufficient_funds",
    "tok_decline_expired_card": "declined: expired_card",
    "tok_decline_do_not_honor": "declined: do_not_honor",
    "tok_pending_ok": "pending, then succeeds (webhook)",
    "tok_pending_fail": "pending, then declined (webhook)",
    "tok_timeout_taken": "no answer, but the money is taken",
    "tok_timeout_lost": "no answer and nothing taken the first time; sent again, it succeeds",
    "tok_wrong_amount": "succeeds with another amount than asked",
    "tok_duplicate_webhook": "succeeds and tells it three times",
    "tok_out_of_order": "succeeds, telling the end before the beginning",
    "tok_slow": "takes the money, and answers two seconds later",
    "tok_not_sent": "cannot be reached",
    "tok_return": "succeeds, then the bank returns it (webhook)",
}

FEE_PPM = 29_000
FEE_FIXED_MINOR = 30
SLOW_SECONDS = 2
WRONG_BY_MINOR = 100
TOLERANCE = dt.timedelta(minutes=5)
_STAMP_DIGITS = 11


def fee_minor(gross_minor: int) -> int:
    """What the sandbox keeps of a charge: 2.9% and 30 minor units, rounded half up."""
    return round_minor(Decimal(gross_minor) * FEE_PPM / 1_000_000) + FEE_FIXED_MINOR


def sign(secret: str, event: str, at: dt.datetime, body: bytes) -> bytes:
    """The `webhook-signature` of a message. Raises: BadSignature for a secret that is empty or no base64."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError as error:
        raise BadSignature("the webhook secret of this account cannot be read") from error
    if not key:
        raise BadSignature("no webhook secret is configured for this account")
    message = b"%s.%d.%s" % (event.encode(errors="surrogatepass"), int(at.timestamp()), body)
    return b"v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest())


class Sandbox:
    """The `Gateway` that needs no contract."""

    name = "sandbox"
    capabilities = Capabilities(
        methods=frozenset({"card", "ach"}),
        currencies=frozenset({"USD", "CAD"}),
        max_minor=100_000_000,
        cost_ppm=FEE_PPM,
        cost_fixed_minor=FEE_FIXED_MINOR,
        settlement_days=1,
        idempotent=True,
    )

    def __init__(self, file: Path) -> None:
        self.books = Books(file)

    def charge(self, charge: Charge) -> Outcome:
        """Act as the token says. An unknown token is declined with `unknown_token`."""
        token = charge.token
        if token == "tok_not_sent":
            raise NotSent("the sandbox refused the connection")
        known = self.books.find(charge.merchant, charge.reference)
        if token == "tok_timeout_lost" and self.books.lose(charge.reference):
            return Outcome(
                Status.UNKNOWN,
                code="timeout",
                message="no answer within the time limit",
            )
        row = self._take(charge)
        if token == "tok_slow":
            time.sleep(SLOW_SECONDS)
        if known is None:
            self._tell_all(token, row)
        if token == "tok_timeout_taken":
            return Outcome(
                Status.UNKNOWN,
                code="timeout",
                message="no answer within the time limit",
            )
        return _outcome(row)

    def refund(self, order: RefundOrder) -> Outcome:
        row = self.books.give_back(
            {
                "reference": order.reference,
                "merchant": order.merchant,
                "charge": order.charge_reference,
                "amount": order.amount.amount_minor,
                "currency": order.amount.currency,
            }
        )
        return _outcome(row)

    def fetch(self, merchant: str, reference: str) -> Outcome:
        row = self.books.find(merchant, reference)
        return Outcome(Status.NOT_FOUND) if row is None else _outcome(row)

    def verify(self, headers: Mapping[str, str], body: bytes, *, secret: str) -> InboundMessage:
        """Standard Webhooks: HMAC-SHA256 over id, time stamp and body; five minutes of tolerance by our clock."""
        lowered = {name.lower(): value for name, value in headers.items()}
        event, stamp, signatures = (lowered.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not (event and stamp.isascii() and stamp.isdecimal() and len(stamp) <= _STAMP_DIGITS):
            raise BadSignature("webhook-id or webhook-timestamp is missing or no time")
        sent_at = dt.datetime.fromtimestamp(int(stamp), dt.UTC)
        if abs(clock.now() - sent_at) > TOLERANCE:
            raise BadSignature("the webhook is too old, or from the future")
        expected = sign(secret, event, sent_at, body)
        if not any(
            hmac.compare_digest(expected, each.encode(errors="surrogatepass")) for each in signatures.split(" ")
        ):
            raise BadSignature("no signature matches")
        return InboundMessage(external_id=event)

    def parse(self, body: bytes) -> list[News | DisputeNews]:
        try:
            charge = json.loads(body)["charge"]
            reference = charge["reference"]
            if not isinstance(reference, str):
                raise TypeError("the reference is no text")
            return [News(reference=reference, outcome=_outcome(charge))]
        except (ValueError, KeyError, TypeError, Invalid) as error:
            raise Unreadable(f"not a sandbox event: {error!r}") from error

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        return [
            PayoutReport(
                reference=row["reference"],
                net=Money(row["net"], row["currency"]),
                paid_on=dt.date.fromisoformat(row["paid_on"]),
                lines=tuple(
                    PayoutLineReport(
                        kind=line["kind"],
                        our_reference=line["our_reference"],
                        gateway_reference=line["gateway_reference"],
                        gross_minor=line["gross_minor"],
                        fee_minor=line["fee_minor"],
                    )
                    for line in row["lines"]
                ),
            )
            for row in self.books.payouts(merchant, since)
        ]

    def close_day(self, merchant: str, on: dt.date) -> list[str]:
        """What the processor does by itself at night: pay out. Gives the payouts' references."""
        return self.books.close_day(merchant, on, fee_minor)

    def finish_pending(self, merchant: str) -> int:
        """What time does: pending charges succeed or fail, taken ones with `tok_return` come back. Gives how many."""
        ends = {
            "tok_pending_ok": ("succeeded", ""),
            "tok_pending_fail": ("declined", "insufficient_funds"),
        }
        moved = 0
        for row in self.books.charges(merchant):
            if row["status"] == "pending":
                status, code = ends[row["token"]]
            elif row["status"] == "succeeded" and row["token"] == "tok_return":
                status, code = "returned", "R01"
            else:
                continue
            self._tell(self.books.move(row["reference"], status, code))
            moved += 1
        return moved

    def _take(self, charge: Charge) -> dict[str, Any]:
        token = charge.token
        status, code = "succeeded", ""
        if token.startswith("tok_decline_"):
            status, code = "declined", token.removeprefix("tok_decline_")
        elif token.startswith("tok_pending_"):
            status = "pending"
        elif token not in TOKENS:
            status, code = "declined", "unknown_token"
        asked = charge.amount.amount_minor
        return self.books.take(
            {
                "reference": charge.reference,
                "merchant": charge.merchant,
                "asked": asked,
                "amount": asked + WRONG_BY_MINOR if token == "tok_wrong_amount" else asked,
                "currency": charge.amount.currency,
                "method": charge.method,
                "token": token,
                "status": status,
                "code": code,
            }
        )

    def _tell_all(self, token: str, row: dict[str, Any]) -> None:
        if token == "tok_out_of_order":
            self._tell(row)
            self._tell(row | {"status": "pending"})
        else:
            self._tell(row, times=3 if token == "tok_duplicate_webhook" else 1)

    def _tell(self, row: dict[str, Any], times: int = 1) -> None:
        event = f"{row['gateway_reference']}.{row['status']}"
        keys = (
            "reference",
            "gateway_reference",
            "status",
            "code",
            "amount",
            "currency",
        )
        for _ in range(times):
            self.books.tell(
                row["merchant"],
                event,
                {"id": event, "charge": {key: row[key] for key in keys}},
            )


def _outcome(row: Mapping[str, Any]) -> Outcome:
    return Outcome(
        status=Status(row["status"]),
        gateway_reference=row["gateway_reference"],
        code=row["code"],
        message=str(row["code"]).replace("_", " "),
        amount=Money(row["amount"], row["currency"]),
    )
