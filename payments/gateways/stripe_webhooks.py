"""Stripe's webhooks: the signature, and what each event tells us."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from coverpay.kernel import clock
from payments.gateways import stripe_wire as wire
from payments.gateways.base import BadSignature, DisputeNews, InboundMessage, News, Unreadable

TOLERANCE = dt.timedelta(minutes=5)
_STAMP_DIGITS = 11
_INTENTS = frozenset(
    {"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing",
     "payment_intent.canceled", "payment_intent.amount_capturable_updated"}
)  # fmt: skip
_REFUNDS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_DISPUTES = frozenset(
    {"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn",
     "charge.dispute.funds_reinstated"}
)  # fmt: skip
TYPES = _INTENTS | _REFUNDS | _DISPUTES | {"charge.failed"}
"""The kinds of event that can tell us something."""


def verify(headers: Mapping[str, str], body: bytes, *, secret: str) -> InboundMessage:
    """Check `Stripe-Signature`: HMAC-SHA256 over time and body; one good `v1` of several is enough.

    Raises: BadSignature, also for an empty secret, and for a time more than five minutes from ours.
    """
    key = secret.removeprefix("whsec_")
    if not key:
        raise BadSignature("no webhook secret is configured for this account")
    stamp, given = _parts({name.lower(): value for name, value in headers.items()}.get("stripe-signature", ""))
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= _STAMP_DIGITS):
        raise BadSignature("the signature carries no time")
    if abs(clock.now() - dt.datetime.fromtimestamp(int(stamp), dt.UTC)) > TOLERANCE:
        raise BadSignature("the webhook is too old, or from the future")
    expected = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    if not any(hmac.compare_digest(expected, signature.encode(errors="surrogatepass")) for signature in given):
        raise BadSignature("no signature matches")
    return InboundMessage(external_id=identity(body))


def _parts(header: str) -> tuple[str, list[str]]:
    """The time and the `v1` signatures of a header."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    return (stamps[0] if len(stamps) == 1 else ""), [value for name, _, value in pairs if name == "v1"]


def identity(body: bytes) -> str:
    """The event's id; a body without one is kept under its own hash, and quarantined when it is read."""
    try:
        name = json.loads(body)["id"]
    except (ValueError, KeyError, TypeError):
        name = ""
    return name if isinstance(name, str) and name else f"sha256:{hashlib.sha256(body).hexdigest()}"


def parse(body: bytes) -> list[News | DisputeNews]:
    """Read an event; one that tells of nothing we made gives nothing. Raises: Unreadable."""
    try:
        event = json.loads(body)
        type_, thing = event["type"], event["data"]["object"]
        if not isinstance(type_, str) or not isinstance(thing, dict):
            raise TypeError("no type or object")
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"not a Stripe event: {error!r}") from error
    if type_ in _DISPUTES:
        return [_of_dispute(thing)]
    reference = wire.reference_of(thing)
    if type_ in _INTENTS and reference:
        return [News(reference, wire.of_intent(thing))]
    if type_ in _REFUNDS and reference:
        return [News(reference, wire.of_refund(thing))]
    if type_ == "charge.failed" and reference:
        return [_of_failed_charge(reference, thing)]
    return []


def _of_dispute(dispute: dict[str, Any]) -> News | DisputeNews:
    """A dispute carries no reference of ours: the intent's number stands for it."""
    return News("", wire.of_return(dispute)) if wire.is_return(dispute) else wire.of_dispute(dispute)


def _of_failed_charge(reference: str, charge: dict[str, Any]) -> News:
    said = charge.get("outcome")
    outcome = said if isinstance(said, dict) else {}
    error = {
        "code": charge.get("failure_code"),
        "decline_code": outcome.get("reason"),
        "message": charge.get("failure_message"),
        "network_decline_code": outcome.get("network_decline_code"),
        "network_advice_code": outcome.get("network_advice_code"),
    }
    intent = charge.get("payment_intent")
    return News(reference, wire.declined(error, intent if isinstance(intent, str) else ""))
