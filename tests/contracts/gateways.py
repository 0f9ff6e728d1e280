"""Each gateway's bench for the contract."""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
from pathlib import Path
from typing import ClassVar

import pytest

from coverpay.kernel import clock
from payments.gateways import sandbox
from payments.gateways.base import Gateway, Status
from payments.gateways.sandbox import Sandbox
from tests.contracts.authorizenet_bench import AuthorizeNetBench
from tests.contracts.bench import Bench, Reply
from tests.contracts.manual_bench import ManualBench
from tests.contracts.nacha_bench import NachaBench
from tests.contracts.stripe_bench import StripeBench


class SandboxBench(Bench):
    """The sandbox with books in a folder of the test."""

    tokens: ClassVar[dict[str, tuple[Reply, Status]]] = {
        "tok_ok": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_decline_insufficient_funds": (Status.DECLINED, Status.DECLINED),
        "tok_decline_expired_card": (Status.DECLINED, Status.DECLINED),
        "tok_decline_do_not_honor": (Status.DECLINED, Status.DECLINED),
        "tok_pending_ok": (Status.PENDING, Status.SUCCEEDED),
        "tok_pending_fail": (Status.PENDING, Status.DECLINED),
        "tok_timeout_taken": (Status.UNKNOWN, Status.SUCCEEDED),
        "tok_timeout_lost": (Status.UNKNOWN, Status.NOT_FOUND),
        "tok_wrong_amount": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_duplicate_webhook": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_out_of_order": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_slow": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_not_sent": (None, Status.NOT_FOUND),
        "tok_return": (Status.SUCCEEDED, Status.RETURNED),
        "tok_capture_declined": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_capture_timeout": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_hold_dropped": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_void_late": (Status.PENDING, Status.SUCCEEDED),
        "tok_refund_declined": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_refund_timeout": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_dispute_won": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_dispute_lost": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_inquiry": (Status.SUCCEEDED, Status.SUCCEEDED),
        "tok_nobody_knows": (Status.DECLINED, Status.DECLINED),
    }
    ok = "tok_ok"
    declined = ("tok_decline_expired_card", "expired_card")
    lost = "tok_timeout_lost"
    returned = "tok_return"
    pending = "tok_pending_ok"
    wrong = ("tok_wrong_amount", sandbox.WRONG_BY_MINOR)
    unordered = frozenset({"tok_out_of_order"})
    wrong_secrets: ClassVar[list[str]] = [*Bench.wrong_secrets, "whsec_not base64!"]
    tampered: ClassVar[list[dict[str, str]]] = [
        {"webhook-id": "evt_2"}, {"webhook-id": ""}, {"webhook-id": "\ud800"},
        {"webhook-timestamp": "1770000000"}, {"webhook-timestamp": ""}, {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 30}, {"webhook-timestamp": "-1"}, {"webhook-timestamp": "²"},
        {"webhook-signature": ""}, {"webhook-signature": "v1"}, {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,AAAA"}, {"webhook-signature": ",,,"}, {"webhook-signature": "v1,\u00e9"},
    ]  # fmt: skip
    unreadable: ClassVar[list[bytes]] = [
        *Bench.unreadable, b'{"charge": []}', b'{"charge": {"reference": ["x"]}}',
        b'{"charge": {"reference": "a", "status": "odd", "gateway_reference": "", "code": "", "amount": 1, '
        b'"currency": "USD"}}',
        b'{"charge": {"reference": "a", "status": "succeeded", "gateway_reference": "", "code": "", "amount": "1", '
        b'"currency": "USD"}}',
        b'{"charge": {"reference": "a", "status": "succeeded", "gateway_reference": "", "code": "", "amount": 1, '
        b'"currency": "XXX"}}',
    ]  # fmt: skip

    def __init__(self, folder: Path) -> None:
        self.sandbox = Sandbox(folder / "sandbox.sqlite3")
        self._secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()

    def at(self, merchant: str) -> Gateway:
        return self.sandbox

    @property
    def secret(self) -> str:
        return self._secret

    def time_passes(self, merchant: str = "m1") -> None:
        self.sandbox.finish_pending(merchant)

    def night_falls(self, merchant: str = "m1", on: dt.date = dt.date(2026, 2, 2)) -> None:
        self.sandbox.close_day(merchant, on)

    def taken_minor(self, merchant: str = "m1") -> int:
        return sum(row["amount"] for row in self.sandbox.books.charges(merchant) if row["status"] == "succeeded")

    def charges(self, merchant: str = "m1") -> int:
        return len(self.sandbox.books.charges(merchant))

    def webhooks(self, merchant: str = "m1") -> list[tuple[dict[str, str], bytes]]:
        return [
            (self.headers(body := json.dumps(json.loads(row["body"])).encode(), event=row["event"]), body)
            for row in self.sandbox.books.untold(merchant)
        ]

    def headers(
        self, body: bytes, *, event: str = "evt_1", secret: str = "", age: dt.timedelta = dt.timedelta()
    ) -> dict[str, str]:
        at = clock.now() - age
        return {
            "webhook-id": event,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": sandbox.sign(secret or self.secret, event, at, body).decode(),
        }


BENCHES: dict[str, type[Bench]] = {
    "sandbox": SandboxBench,
    "authorizenet": AuthorizeNetBench,
    "manual": ManualBench,
    "nacha": NachaBench,
    "stripe": StripeBench,
}


def having(field: str) -> pytest.MarkDecorator:
    """Run a test for every gateway whose bench has something under this name."""
    return pytest.mark.parametrize("name", [name for name, bench in BENCHES.items() if any(getattr(bench, field))])
