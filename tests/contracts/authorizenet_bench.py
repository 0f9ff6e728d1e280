"""Authorize.Net against a second card processor: one process for all tests, an account of its own for each."""

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

from coverpay.kernel import clock
from payments.gateways import authorizenet_webhooks
from payments.gateways.authorizenet import AuthorizeNet
from payments.gateways.base import Charge, Connection, Gateway, Outcome, RefundOrder, Status
from tests.contracts.bench import Bench, Reply
from tests.support.card_gateway.client import CardGateway

AWAY = "nonce_ok_while_away"


@functools.cache
def processor() -> CardGateway:
    """The processor of this test run; it answers a hanging request after five seconds at most."""
    folder = Path(tempfile.mkdtemp(prefix="coverpay-card-gateway-"))
    started = CardGateway(folder / "books.sqlite3")
    started.start()
    started.ask("settings", hang_seconds=5, slow_seconds=0.5)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(started.kill)
    return started


def _with(faults: list[str], truth: Status, reply: Reply = Status.UNKNOWN) -> dict[str, tuple[Reply, Status]]:
    return {f"nonce_ok__{fault}": (reply, truth) for fault in faults}


class AuthorizeNetBench(Bench):
    """An account at the processor. A card is given back once it has settled, so that refunds wait for a night."""

    tokens: ClassVar[dict[str, tuple[Reply, Status]]] = {
        "nonce_ok": (Status.SUCCEEDED, Status.SUCCEEDED),
        "nonce_mastercard": (Status.SUCCEEDED, Status.SUCCEEDED),
        "nonce_prepaid": (Status.SUCCEEDED, Status.SUCCEEDED),
        "nonce_declined": (Status.DECLINED, Status.DECLINED),
        "nonce_call": (Status.DECLINED, Status.DECLINED),
        "nonce_pickup": (Status.DECLINED, Status.DECLINED),
        "nonce_expired": (Status.DECLINED, Status.DECLINED),
        "nonce_error": (Status.DECLINED, Status.DECLINED),
        "nonce_held": (Status.PENDING, Status.SUCCEEDED),
        "nonce_held_declined": (Status.PENDING, Status.DECLINED),
        "nonce_nobody_knows": (Status.DECLINED, Status.NOT_FOUND),
        AWAY: (None, Status.NOT_FOUND),
        **_with(["busy"], Status.NOT_FOUND, reply=None),
        **_with(["unavailable", "timeout_before", "reset_before", "error_before"], Status.NOT_FOUND),
        **_with(["timeout_after", "reset_after", "error_after", "truncated", "odd"], Status.SUCCEEDED),
        **_with(["slow"], Status.SUCCEEDED, reply=Status.SUCCEEDED),
    }
    ok = "nonce_ok"
    declined = ("nonce_expired", "8")
    lost = "nonce_ok__reset_before"
    pending = "nonce_held"
    wrong = ("nonce_prepaid", -100)
    dated = False
    tampered: ClassVar[list[dict[str, str]]] = [
        {"X-ANET-Signature": header}
        for header in ("", "sha512=", "sha512", "=", "sha512=AAAA", "sha256=" + "A" * 128, "\ud800=\u00e9", ",,,")
    ]
    unreadable: ClassVar[list[bytes]] = [
        *Bench.unreadable,
        b'{"eventType": 1}',
        b'{"eventType": "net.authorize.payment.authcapture.created"}',
        b'{"eventType": "net.authorize.payment.authcapture.created", "payload": []}',
        b'{"eventType": "net.authorize.payment.authcapture.created", "payload": {"responseCode": 1, "id": "1"}}',
        b'{"eventType": "net.authorize.payment.authcapture.created", "payload": {"responseCode": 9, "id": "1", '
        b'"authAmount": 1}}',
        b'{"eventType": "net.authorize.payment.authcapture.created", "payload": {"responseCode": 1, "id": "1", '
        b'"authAmount": "x"}}',
        b'{"eventType": "net.authorize.payment.authcapture.created", "payload": {"responseCode": 1, "id": "1", '
        b'"authAmount": 1.001}}',
    ]

    def __init__(self, folder: Path) -> None:
        mark = secrets.token_hex(6)
        self.logins = {merchant: f"{merchant}-{mark}" for merchant in ("m1", "m2")}
        self._secret = secrets.token_hex(64).upper()
        processor()

    def at(self, merchant: str, **settings: Any) -> Gateway:
        login = self.logins[merchant]
        known = {"base_url": processor().url, "read_seconds": 1, "connect_seconds": 1}
        keys = {"login_id": login, "transaction_key": f"key of {login}"}
        return AuthorizeNet(Connection(merchant, keys, known | settings))

    @property
    def secret(self) -> str:
        return self._secret

    def take(self, charge: Charge) -> Outcome:
        if charge.token != AWAY:
            return super().take(charge)
        processor().ask("away")
        try:
            return super().take(charge)
        finally:
            processor().ask("back")

    def refund(self, charge: Charge, reference: str = "rfd_1", **changes: Any) -> RefundOrder:
        self.night_falls(charge.merchant, clock.today())
        return super().refund(charge, reference, **changes)

    def time_passes(self, merchant: str = "m1") -> None:
        processor().ask("finish", account=self.logins[merchant])

    def night_falls(self, merchant: str = "m1", on: dt.date = dt.date(2026, 2, 2)) -> None:
        processor().ask("close_day", account=self.logins[merchant], on=on.isoformat())

    def taken_minor(self, merchant: str = "m1") -> int:
        return sum(row["taken"] for row in self._totals(merchant))

    def charges(self, merchant: str = "m1") -> int:
        return len(self._totals(merchant))

    def _totals(self, merchant: str) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = processor().ask("totals", account=self.logins[merchant])["charges"]
        return told

    def webhooks(self, merchant: str = "m1") -> list[tuple[dict[str, str], bytes]]:
        bodies = [body.encode() for body in processor().ask("events", account=self.logins[merchant])]
        return [(self.headers(body), body) for body in bodies]

    def body(self, event: str = "evt_1") -> bytes:
        return json.dumps({"notificationId": event, "eventType": "net.authorize.customer.created"}).encode()

    def headers(
        self, body: bytes, *, event: str = "evt_1", secret: str = "", age: dt.timedelta = dt.timedelta()
    ) -> dict[str, str]:
        return {"X-ANET-Signature": authorizenet_webhooks.sign(secret or self.secret, body)}
