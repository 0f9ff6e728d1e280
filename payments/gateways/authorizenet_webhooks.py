"""Pure: Authorize.Net's webhooks. They are signed with HMAC-SHA512 over the body; the signature carries no time.

A replay changes nothing, because a notification is stored once by its id, and what it tells is held against what is
known. They are sent again for days, so that an old one is nothing to refuse.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from decimal import InvalidOperation
from typing import Any

from coverpay.kernel.errors import Invalid
from payments.gateways import authorizenet_wire as wire
from payments.gateways.base import BadSignature, DisputeNews, InboundMessage, News, Outcome, Status, Unreadable

HEADER = "x-anet-signature"
_PAYMENT = "net.authorize.payment."
_APPROVED = {
    "authcapture.created": Status.SUCCEEDED,
    "authorization.created": Status.AUTHORIZED,
    "capture.created": Status.SUCCEEDED,
    "priorAuthCapture.created": Status.SUCCEEDED,
    "fraud.approved": Status.SUCCEEDED,
    "refund.created": Status.SUCCEEDED,
    "void.created": Status.VOIDED,
}
_ALWAYS = {"fraud.held": Status.PENDING, "fraud.declined": Status.DECLINED}
_BY_CODE = {wire.REFUSED: Status.DECLINED, wire.ERROR: Status.DECLINED, wire.HELD: Status.PENDING}
REFUND = "rfd_"


def sign(secret: str, body: bytes) -> str:
    """The signature header of a body. Raises: BadSignature without a secret."""
    if not secret:
        raise BadSignature("no webhook secret is configured for this account")
    return "sha512=" + hmac.new(secret.encode(errors="surrogatepass"), body, hashlib.sha512).hexdigest().upper()


def verify(headers: Mapping[str, str], body: bytes, *, secret: str) -> InboundMessage:
    """Check the signature. Raises: BadSignature."""
    given = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    method, _, signature = given.partition("=")
    expected = sign(secret, body).partition("=")[2]
    same = hmac.compare_digest(expected.encode(), signature.strip().upper().encode(errors="surrogatepass"))
    if method.strip().lower() != "sha512" or not same:
        raise BadSignature("the signature does not match")
    try:
        name = wire.read(body).get("notificationId")
    except ValueError:
        name = None
    return InboundMessage(name if isinstance(name, str) and name else hashlib.sha256(body).hexdigest())


def parse(body: bytes, currency: str) -> list[News | DisputeNews]:
    """What a notification tells of a charge or refund; other kinds tell nothing. Raises: Unreadable."""
    try:
        told = wire.read(body)
        event = told["eventType"]
        if not event.startswith(_PAYMENT):
            return []
        return _news(event.removeprefix(_PAYMENT), told["payload"], currency)
    except (ValueError, KeyError, TypeError, AttributeError, Invalid, InvalidOperation) as error:
        raise Unreadable(f"not a notification: {error!r}") from error


def _news(event: str, payload: Mapping[str, Any], currency: str) -> list[News | DisputeNews]:
    known = {**_APPROVED, **_ALWAYS}
    if event not in known:
        return []
    first, code = str(payload.get("merchantReferenceId") or ""), str(payload["responseCode"])
    if event == "void.created" and first.startswith(REFUND):
        return []  # a charge given back before it settled: the refund knows, and the charge stands as it was taken
    status = known[event] if event in _ALWAYS or code == wire.APPROVED else _BY_CODE[code]
    amount = None if status is Status.DECLINED else wire.money(payload["authAmount"], currency)
    reference = first + str(payload.get("invoiceNumber") or "") if first else ""
    outcome = Outcome(
        status, str(payload["id"]), code="" if code == wire.APPROVED else f"response_{code}", amount=amount
    )
    return [News(reference, outcome)]
