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
    DisputeStatus,
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
    "tok_capture_declined": "when it is only held: the capture is declined, the hold was gone",
    "tok_capture_timeout": "when it is only held: the capture gets no answer, but the money is taken",
    "tok_hold_dropped": "when it is only held: the issuer drops the hold (webhook)",
    "tok_void_late": "pending, and too late to be called back; then succeeds (webhook)",
    "tok_refund_declined": "succeeds; every refund is declined",
    "tok_refund_timeout": "succeeds; a refund gets no answer, but the money goes back",
    "tok_dispute_won": "succeeds, then is disputed and the money withdrawn; with evidence it is won (webhooks)",
    "tok_dispute_lost": "succeeds, then is disputed and the money withdrawn; it is lost (webhooks)",
    "tok_inquiry": "succeeds, then its bank asks about it, without withdrawing the money (webhook)",
}
PENDING = {
    "tok_pending_ok": ("succeeded", ""),
    "tok_pending_fail": ("declined", "insufficient_funds"),
    "tok_void_late": ("succeeded", ""),
}
"""How pending charges end."""

FEE_PPM = 29_000
FEE_FIXED_MINOR = 30
SLOW_SECONDS = 2
WRONG_BY_MINOR = 100
TOLERANCE = dt.timedelta(minutes=5)
_STAMP_DIGITS = 11
DISPUTES = ("tok_dispute_won", "tok_dispute_lost", "tok_inquiry")
EVIDENCE_DAYS = 10


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
        authorizes=True,
        partial_refunds=True,
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

    def capture(self, order: CaptureOrder) -> Outcome:
        """Take what is held, or a part of it; what is captured already answers as it is."""
        held = self.books.find(order.merchant, order.charge_reference)
        if held is None or (held["status"] == "authorized" and order.amount.amount_minor > held["amount"]):
            return Outcome(Status.DECLINED, code="capture_exceeds_hold", message="that much is not held")
        if held["status"] != "authorized":
            return _outcome(held)
        if held["token"] == "tok_capture_declined":
            return self._moved(order.charge_reference, "declined", "authorization_expired")
        row = self.books.capture(order.charge_reference, order.amount.amount_minor)
        self._tell(row)
        if held["token"] == "tok_capture_timeout":
            return Outcome(Status.UNKNOWN, code="timeout", message="no answer within the time limit")
        return _outcome(row)

    def void(self, merchant: str, reference: str) -> Outcome:
        """Let go what is held, or pending and not sent on; anything else is too late and answers as it is."""
        row = self.books.find(merchant, reference)
        if row is None:
            return Outcome(Status.NOT_FOUND)
        if row["status"] not in ("authorized", "pending") or row["token"] == "tok_void_late":
            return _outcome(row)
        return self._moved(reference, "voided", "")

    def refund(self, order: RefundOrder) -> Outcome:
        charge = self.books.find(order.merchant, order.charge_reference) or {}
        row = self.books.give_back(
            {
                "reference": order.reference,
                "merchant": order.merchant,
                "charge": order.charge_reference,
                "amount": order.amount.amount_minor,
                "currency": order.amount.currency,
            },
            refused=charge.get("token") == "tok_refund_declined",
        )
        if charge.get("token") == "tok_refund_timeout":
            return Outcome(Status.UNKNOWN, code="timeout", message="no answer within the time limit")
        return _outcome(row)

    def contest(self, merchant: str, dispute: str, *, reference: str, evidence: Mapping[str, str]) -> DisputeStatus:
        """Take evidence, once; the dispute is then under review."""
        row = self.books.answer(merchant, dispute, "under_review")
        self._tell_dispute(row)
        return DisputeStatus(row["status"])

    def accept_dispute(self, merchant: str, dispute: str) -> DisputeStatus:
        """Give in: the dispute is lost."""
        row = self.books.answer(merchant, dispute, "lost")
        self._tell_dispute(row)
        return DisputeStatus(row["status"])

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
            said = json.loads(body)
            about = said["dispute"] if "dispute" in said else said["charge"]
            if not isinstance(about["reference"], str):
                raise TypeError("the reference is no text")
            if "dispute" in said:
                return [_dispute_news(about)]
            return [News(reference=about["reference"], outcome=_outcome(about))]
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
        """What time does: pending charges end, holds drop, taken ones come back or are disputed. Gives how many."""
        moved = 0
        for row in self.books.charges(merchant):
            if row["status"] == "pending":
                status, code = PENDING[row["token"]]
            elif row["status"] == "succeeded" and row["token"] == "tok_return":
                status, code = "returned", "R01"
            elif row["status"] == "authorized" and row["token"] == "tok_hold_dropped":
                status, code = "voided", "hold_dropped"
            else:
                moved += self._dispute(row) if row["status"] == "succeeded" and row["token"] in DISPUTES else 0
                continue
            self._moved(row["reference"], status, code)
            moved += 1
        return moved

    def _dispute(self, charge: Mapping[str, Any]) -> int:
        """Begin the dispute of a charge, or decide it once it was answered or its time is up."""
        row = self.books.dispute_of(charge["reference"])
        now = clock.now()
        if row is None:
            given = self.books.given_back(charge["reference"])
            if given >= charge["amount"]:
                return 0
            withdrawn = charge["token"] != "tok_inquiry"
            due = now + dt.timedelta(days=EVIDENCE_DAYS)
            row = self.books.begin_dispute(dict(charge), charge["amount"] - given, withdrawn, due.isoformat())
        elif row["status"] == "under_review" or (row["status"] == "needs_response" and row["due_at"] < now.isoformat()):
            won = row["status"] == "under_review" and charge["token"] != "tok_dispute_lost"
            row = self.books.decide_dispute(row["gateway_reference"], "won" if won else "lost")
        else:
            return 0
        self._tell_dispute(row)
        return 1

    def _moved(self, reference: str, status: str, code: str) -> Outcome:
        row = self.books.move(reference, status, code)
        self._tell(row)
        return _outcome(row)

    def _tell_dispute(self, row: Mapping[str, Any]) -> None:
        event = f"{row['gateway_reference']}.{row['status']}"
        self.books.tell(row["merchant"], event, {"id": event, "dispute": dict(row)})

    def _take(self, charge: Charge) -> dict[str, Any]:
        token = charge.token
        status, code = "succeeded", ""
        if token.startswith("tok_decline_"):
            status, code = "declined", token.removeprefix("tok_decline_")
        elif token in PENDING:
            status = "pending"
        elif token not in TOKENS:
            status, code = "declined", "unknown_token"
        elif not charge.capture:
            status = "authorized"
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


def _dispute_news(row: Mapping[str, Any]) -> DisputeNews:
    return DisputeNews(
        reference=row["reference"],
        dispute=row["gateway_reference"],
        status=DisputeStatus(row["status"]),
        amount=Money(row["amount"], row["currency"]),
        reason=str(row["reason"]),
        withdrawn=bool(row["withdrawn"]) and row["status"] != "won",
        evidence_due_at=dt.datetime.fromisoformat(row["due_at"]),
    )
