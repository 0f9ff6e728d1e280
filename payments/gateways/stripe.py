"""Stripe: cards and US bank debits by payment intents, over its REST API at one pinned version.

Our reference is the idempotency key of every request and stands in the metadata of what it made. Stripe keeps a key's
answer for at least 24 hours and gives it again, be it an error of its own; the same key never charges twice.

**Asking by our reference** (`fetch`). Stripe's search finds metadata, but lags: normally under a minute, an hour in bad
times. So search is asked first, and its silence proves nothing: then the list of everything made since our reference
was (it carries its time) is read, which lags behind nothing. Only when that list ends without it is the answer
NOT_FOUND, and then sending again is safe twice over: under a day old the key protects, later nothing can be on its way.
A list longer than `MAX_PAGES` proves nothing either; then silence counts once the reference is a day old, when search
has long caught up. Until then nobody can say, and it is asked again later.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

from coverpay.kernel import clock
from payments.gateways import stripe_payouts, stripe_webhooks
from payments.gateways import stripe_wire as wire
from payments.gateways.base import (
    Capabilities,
    CaptureOrder,
    Charge,
    Connection,
    DisputeNews,
    DisputeStatus,
    InboundMessage,
    MethodReport,
    News,
    NotSent,
    Outcome,
    PayoutReport,
    RefundOrder,
    SetupReport,
    Status,
    Unreadable,
)
from payments.gateways.http import Lost
from payments.gateways.stripe_http import PAGE, Api, Refused

MAX_PAGES = 10
SKEW = dt.timedelta(minutes=10)
"""How far Stripe's clock and ours may be apart."""
CAUGHT_UP = dt.timedelta(days=1)
"""After this, search knows everything, and no request can be on its way any more."""
SCRIPT_URL = "https://js.stripe.com/clover/stripe.js"


class Stripe:
    """One account at Stripe."""

    name = "stripe"
    capabilities = Capabilities(
        methods=frozenset({"card", "ach"}),
        currencies=frozenset({"USD", "CAD"}),
        max_minor=99_999_999,
        cost_ppm=29_000,
        cost_fixed_minor=30,
        settlement_days=2,
        idempotent=True,
        authorizes=True,
        partial_refunds=True,
    )

    def __init__(self, connection: Connection) -> None:
        self._settings = connection.settings
        self._api = Api(connection)

    def charge(self, charge: Charge) -> Outcome:
        return _said(
            lambda: self._api.post("payment_intents", wire.charge_params(charge), key=charge.reference), wire.of_intent
        )

    def capture(self, order: CaptureOrder) -> Outcome:
        intent = self._named(order.charge_gateway_reference, order.charge_reference)
        if not intent:
            return Outcome(Status.DECLINED, code="charge_not_found", message="Stripe knows no such charge.")
        return _said(
            lambda: self._api.post(
                f"payment_intents/{intent}/capture",
                wire.capture_params(order),
                key=f"{order.charge_reference}/capture",
            ),
            wire.of_intent,
        )

    def void(self, merchant: str, reference: str) -> Outcome:
        intent = self._named("", reference)
        if not intent:
            return Outcome(Status.NOT_FOUND)
        return _said(
            lambda: self._api.post(f"payment_intents/{intent}/cancel", {}, key=f"{reference}/void"), wire.of_intent
        )

    def refund(self, order: RefundOrder) -> Outcome:
        intent = self._named(order.charge_gateway_reference, order.charge_reference)
        if not intent:
            return Outcome(Status.DECLINED, code="charge_not_found", message="Stripe knows no such charge.")
        return _said(
            lambda: self._api.post("refunds", wire.refund_params(order, intent), key=order.reference), wire.of_refund
        )

    def fetch(self, merchant: str, reference: str) -> Outcome:
        if reference.startswith("rfd_"):
            refund = self._find_refund(reference)
            return Outcome(Status.NOT_FOUND) if refund is None else _read(wire.of_refund, refund)
        intent = self._find_intent(reference)
        return Outcome(Status.NOT_FOUND) if intent is None else _read(wire.of_intent, intent)

    def verify(self, headers: Mapping[str, str], body: bytes, *, secret: str) -> InboundMessage:
        return stripe_webhooks.verify(headers, body, secret=secret)

    def parse(self, body: bytes) -> list[News | DisputeNews]:
        return stripe_webhooks.parse(body)

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        return stripe_payouts.payouts(self._api, since)

    def undelivered(self, merchant: str, since: dt.datetime) -> list[tuple[str, bytes]]:
        """Events, of the kinds we read, that no endpoint of ours has accepted. Raises: NotSent."""
        wanted = {
            "delivery_success": False,
            "created": {"gte": int(since.timestamp())},
            "types": sorted(stripe_webhooks.TYPES),
        }
        try:
            found = [event for page in self._api.pages("events", wanted) for event in page]
        except Refused as error:
            raise NotSent(f"Stripe will not list events: {error}") from None
        bodies = [json.dumps(event).encode() for event in reversed(found)]
        return [(stripe_webhooks.identity(body), body) for body in bodies]

    def begin_setup(self, merchant: str, reference: str, kind: str) -> SetupReport:
        """Make a customer and a setup intent, once for a reference. Raises: NotSent."""
        metadata = {wire.REFERENCE: reference}
        customer = self._made("customers", {"metadata": metadata}, key=f"{reference}/customer")
        wanted = {
            "customer": customer["id"],
            "usage": "off_session",
            "payment_method_types": [wire.KINDS[kind]],
            "metadata": metadata,
        }
        setup = self._made("setup_intents", wanted, key=f"{reference}/setup")
        return SetupReport(
            setup=setup["id"],
            client_secret=setup["client_secret"],
            publishable_key=str(self._settings.get("publishable_key") or ""),
            script_url=str(self._settings.get("script_url") or SCRIPT_URL),
        )

    def finish_setup(self, merchant: str, setup: str) -> MethodReport | None:
        found = self._asked(f"setup_intents/{setup}", {"expand": ["payment_method"]})
        if found.get("status") != "succeeded":
            return None
        try:
            return wire.of_method(found["payment_method"])
        except (KeyError, Unreadable) as error:
            raise NotSent(f"the payment method cannot be read: {error}") from None

    def forget_method(self, merchant: str, token: str) -> None:
        try:
            self._api.post(f"payment_methods/{token}/detach", {}, key=f"{token}/detach")
        except Refused:
            return  # not attached any more, or not known: forgotten either way
        except Lost as error:
            raise NotSent(str(error)) from None

    def contest(self, merchant: str, dispute: str, *, reference: str, evidence: Mapping[str, str]) -> DisputeStatus:
        """Submit evidence for good. Raises: NotSent."""
        params = {"evidence": wire.evidence(evidence), "submit": True}
        return self._answered(f"disputes/{dispute}", params, dispute, key=f"{reference}/contest")

    def accept_dispute(self, merchant: str, dispute: str) -> DisputeStatus:
        return self._answered(f"disputes/{dispute}/close", {}, dispute, key=f"{dispute}/close")

    def _answered(self, path: str, params: dict[str, Any], dispute: str, *, key: str) -> DisputeStatus:
        """Answer a dispute; when it takes no answer any more, say how it stands. Raises: NotSent."""
        try:
            told = self._api.post(path, params, key=key)
        except Refused:
            told = self._asked(f"disputes/{dispute}")
        except Lost as error:
            raise NotSent(str(error)) from None
        try:
            return wire.dispute_status(told)
        except Unreadable as error:
            raise NotSent(str(error)) from None

    def _made(self, path: str, params: dict[str, Any], *, key: str) -> dict[str, Any]:
        """Make what moves no money: no answer is as good as not sent, the key sees to it. Raises: NotSent."""
        try:
            return self._api.post(path, params, key=key)
        except (Lost, Refused) as error:
            raise NotSent(f"Stripe made no {path}: {error}") from None

    def _asked(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            return self._api.get(path, params)
        except Refused as error:
            raise NotSent(f"Stripe will not show {path}: {error}") from None

    def _named(self, gateway_reference: str, reference: str) -> str:
        """The intent's number; empty when there surely is none. Raises: NotSent."""
        if gateway_reference.startswith("pi_"):
            return gateway_reference
        intent = self._find_intent(reference)
        return "" if intent is None else wire.name_of(intent)

    def _find_intent(self, reference: str) -> dict[str, Any] | None:
        """The intent of a reference; None when there surely is none. Raises: NotSent while nobody can say."""
        quoted = reference.replace("\\", "\\\\").replace("'", "\\'")
        wanted = {"query": f"metadata['{wire.REFERENCE}']:'{quoted}'", "expand": ["data.latest_charge"]}
        found = self._asked("payment_intents/search", wanted).get("data") or []
        hits = [intent for intent in found if wire.reference_of(intent) == reference]
        return hits[0] if hits else self._list("payment_intents", reference, ["data.latest_charge"])

    def _find_refund(self, reference: str) -> dict[str, Any] | None:
        return self._list("refunds", reference, [])

    def _list(self, path: str, reference: str, expand: list[str]) -> dict[str, Any] | None:
        """Look for a reference among what was made since it was. Raises: NotSent while nobody can say."""
        made = wire.made_at(reference)
        dated = made is not None and made <= clock.now()  # after a clock stepped back, ids are dated ahead of it
        since = {"gte": int((made - SKEW).timestamp())} if made and dated else None
        try:
            for number, page in enumerate(self._api.pages(path, {"created": since, "expand": expand})):
                for thing in page:
                    if wire.reference_of(thing) == reference:
                        return thing
                if number + 1 == MAX_PAGES and len(page) == PAGE:
                    return self._give_up(path, made)
        except Refused as error:
            raise NotSent(f"Stripe will not list {path}: {error}") from None
        return None

    @staticmethod
    def _give_up(path: str, made: dt.datetime | None) -> None:
        """Too many to look through: only search can say, once it has caught up. Refunds cannot be searched."""
        if path == "refunds" or made is None or clock.now() - made < CAUGHT_UP:
            raise NotSent(f"more {path} than can be looked through; search may not know it yet")


def _said(ask: Callable[[], dict[str, Any]], read: Callable[[dict[str, Any]], Outcome]) -> Outcome:
    """What Stripe says to a request that moves money: an error is a decline, no answer is UNKNOWN. Raises: NotSent."""
    try:
        return _read(read, ask())
    except Refused as refused:
        return _refusal(refused.error, read)
    except Lost as error:
        return Outcome(Status.UNKNOWN, code="no_answer", message=str(error))


def _refusal(error: Mapping[str, Any], read: Callable[[dict[str, Any]], Outcome]) -> Outcome:
    """A decline; or, where the intent is past what was asked of it, what it is."""
    intent = error.get("payment_intent")
    if error.get("code") == "payment_intent_unexpected_state" and isinstance(intent, dict):
        return _read(read, intent)
    return wire.declined(error, str(intent.get("id") or "") if isinstance(intent, dict) else "")


def _read(read: Callable[[dict[str, Any]], Outcome], thing: dict[str, Any]) -> Outcome:
    try:
        return read(thing)
    except Unreadable as error:
        return Outcome(Status.UNKNOWN, code="unreadable", message=str(error))
