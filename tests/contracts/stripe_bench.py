"""Stripe against the fault-injecting processor: one process for all tests, an account of its own for each."""

from __future__ import annotations

import atexit
import datetime as dt
import functools
import json
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from coverpay.demo.processor import events
from coverpay.demo.processor.client import Processor
from coverpay.kernel import clock
from payments.gateways.base import Charge, Connection, Gateway, Outcome, Status
from payments.gateways.stripe import Stripe
from tests.contracts.bench import Bench, Reply

AWAY = "pm_card_visa_while_away"


@functools.cache
def processor() -> Processor:
    """The processor of this test run; it answers a hanging request after five seconds at most."""
    folder = Path(tempfile.mkdtemp(prefix="coverpay-processor-"))
    started = Processor(folder / "books.sqlite3")
    started.start()
    started.ask("settings", hang_seconds=5, slow_seconds=0.5)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(started.kill)
    return started


def _after(fault: str, reply: Reply = Status.UNKNOWN) -> dict[str, tuple[Reply, Status]]:
    return {f"pm_card_visa__{fault}": (reply, Status.SUCCEEDED)}


def _before(fault: str, reply: Reply = Status.UNKNOWN) -> dict[str, tuple[Reply, Status]]:
    return {f"pm_card_visa__{fault}": (reply, Status.NOT_FOUND)}


class StripeBench(Bench):
    """An account at the processor, whose name is its secret key."""

    tokens: ClassVar[dict[str, tuple[Reply, Status]]] = {
        "pm_card_visa": (Status.SUCCEEDED, Status.SUCCEEDED),
        "pm_card_chargeDeclined": (Status.DECLINED, Status.DECLINED),
        "pm_card_chargeDeclinedInsufficientFunds": (Status.DECLINED, Status.DECLINED),
        "pm_card_chargeDeclinedExpiredCard": (Status.DECLINED, Status.DECLINED),
        "pm_card_chargeDeclinedLostCard": (Status.DECLINED, Status.DECLINED),
        "pm_card_authenticationRequired": (Status.DECLINED, Status.DECLINED),
        "pm_usBankAccount_success": (Status.PENDING, Status.SUCCEEDED),
        "pm_usBankAccount_insufficientFunds": (Status.PENDING, Status.DECLINED),
        "pm_usBankAccount_returnedLater": (Status.PENDING, Status.RETURNED),
        "pm_usBankAccount_disputed": (Status.PENDING, Status.RETURNED),
        "pm_card_createDispute": (Status.SUCCEEDED, Status.SUCCEEDED),
        "pm_card_wrongAmount": (Status.SUCCEEDED, Status.SUCCEEDED),
        "pm_nobody_knows": (Status.DECLINED, Status.NOT_FOUND),
        AWAY: (None, Status.NOT_FOUND),
        **_before("busy", reply=None),
        **_before("unavailable"),
        **_before("timeout_before"),
        **_before("reset_before"),
        **_before("error_before"),
        **_after("timeout_after"),
        **_after("reset_after"),
        **_after("error_after"),
        **_after("truncated"),
        **_after("odd"),
        **_after("slow", reply=Status.SUCCEEDED),
    }
    ok = "pm_card_visa"
    declined = ("pm_card_chargeDeclinedExpiredCard", "expired_card")
    lost = "pm_card_visa__reset_before"
    returned = "pm_usBankAccount_returnedLater"
    pending = "pm_usBankAccount_success"
    disputed = "pm_card_createDispute"
    kept = ("pm_card_visa", "pm_usBankAccount_success")
    wrong = ("pm_card_wrongAmount", 100)
    tampered: ClassVar[list[dict[str, str]]] = [
        {"stripe-signature": header}
        for header in ("", "t=,v1=", "v1=AAAA", "t=soon,v1=AAAA", "t=²,v1=AAAA", "t=-1,v1=AAAA", "t=1770000000",
                       "t=1770000000,t=1770000000,v1=AAAA", "t=" + "9" * 30 + ",v1=AAAA", ",,,", "t", "=\ud800,\u00e9")
    ]  # fmt: skip
    unreadable: ClassVar[list[bytes]] = [
        *Bench.unreadable,
        b'{"type": 1, "data": {"object": {}}}',
        b'{"type": "payment_intent.succeeded", "data": {"object": []}}',
        b'{"type": "payment_intent.succeeded", "data": {"object": {"metadata": {"coverpay_reference": "att_1"}}}}',
        b'{"type": "payment_intent.succeeded", "data": {"object": {"metadata": {"coverpay_reference": "att_1"}, '
        b'"id": "pi_1", "status": "succeeded", "currency": "usd", "amount_received": "1"}}}',
        b'{"type": "payment_intent.succeeded", "data": {"object": {"metadata": {"coverpay_reference": "att_1"}, '
        b'"id": "pi_1", "status": "succeeded", "currency": "xxx", "amount_received": 1}}}',
        b'{"type": "refund.updated", "data": {"object": {"metadata": {"coverpay_reference": "rfd_1"}}}}',
        b'{"type": "charge.dispute.created", "data": {"object": {"status": "odd"}}}',
        b'{"type": "charge.dispute.created", "data": {"object": {"status": "lost", "reason": "insufficient_funds"}}}',
    ]

    def __init__(self, folder: Path) -> None:
        mark = secrets.token_hex(6)
        self.keys = {merchant: f"sk_test_{merchant}_{mark}" for merchant in ("m1", "m2")}
        self._secret = f"whsec_{secrets.token_hex(16)}"
        processor()

    def at(self, merchant: str, **settings: Any) -> Gateway:
        known = {"base_url": processor().url, "read_seconds": 1, "connect_seconds": 1}
        return Stripe(Connection(merchant, {"secret_key": self.keys[merchant]}, known | settings))

    @property
    def secret(self) -> str:
        return self._secret

    def method_of(self, token: str) -> str:
        return "ach" if token.startswith("pm_usBankAccount") else "card"

    def take(self, charge: Charge) -> Outcome:
        if charge.token != AWAY:
            return super().take(charge)
        processor().ask("away")
        try:
            return super().take(charge)
        finally:
            processor().ask("back")

    def time_passes(self, merchant: str = "m1") -> None:
        processor().settle(self.keys[merchant])

    def night_falls(self, merchant: str = "m1", on: dt.date = dt.date(2026, 2, 2)) -> None:
        processor().ask("close_day", account=self.keys[merchant], on=on.isoformat())

    def totals(self, merchant: str = "m1") -> dict[str, Any]:
        told: dict[str, Any] = processor().ask("totals", account=self.keys[merchant])
        return told

    def taken_minor(self, merchant: str = "m1") -> int:
        return sum(row["taken"] for row in self.totals(merchant)["charges"])

    def charges(self, merchant: str = "m1") -> int:
        return len(self.totals(merchant)["charges"])

    def webhooks(self, merchant: str = "m1") -> list[tuple[dict[str, str], bytes]]:
        bodies = [body.encode() for body in processor().ask("events", account=self.keys[merchant])]
        return [(self.headers(body), body) for body in bodies]

    def body(self, event: str = "evt_1") -> bytes:
        return json.dumps({"id": event, "type": "account.updated", "data": {"object": {}}}).encode()

    def headers(
        self, body: bytes, *, event: str = "evt_1", secret: str = "", age: dt.timedelta = dt.timedelta()
    ) -> dict[str, str]:
        at = int((clock.now() - age).timestamp())
        return {"stripe-signature": events.signature(secret or self.secret, body, at)}

    def enter(self, setup: str, token: str) -> None:
        processor().ask("setup", account=self.keys["m1"], setup_intent=setup, payment_method=token)
