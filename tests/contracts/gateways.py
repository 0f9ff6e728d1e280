"""How the contract reaches each gateway: a counterpart to talk to, its tokens, and its way of sending webhooks."""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
from pathlib import Path
from typing import Any

from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments.gateways import sandbox
from payments.gateways.base import Charge, RefundOrder, Status
from payments.gateways.sandbox import Sandbox


class SandboxBench:
    """The sandbox with books in a folder of the test."""

    # token -> (what the reply says, what is true of it afterwards)
    tokens = {
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
        "tok_nobody_knows": (Status.DECLINED, Status.DECLINED),
    }
    known_tokens = sandbox.TOKENS

    def __init__(self, folder: Path) -> None:
        self.gateway = Sandbox(folder / "sandbox.sqlite3")
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()

    def charge(self, token: str = "tok_ok", minor: int = 535_900, merchant: str = "m1", **changes: Any) -> Charge:
        reference = changes.pop("reference", f"att_{token}_{minor}_{merchant}")
        return Charge(reference, merchant, Money(minor), "card", token)

    def refund(self, charge: Charge, reference: str = "rfd_1", **changes: Any) -> RefundOrder:
        order = {"merchant": charge.merchant, "charge_reference": charge.reference, "amount": charge.amount}
        return RefundOrder(reference=reference, **{**order, **changes})

    def time_passes(self, merchant: str = "m1") -> None:
        self.gateway.finish_pending(merchant)

    def night_falls(self, merchant: str = "m1", on: dt.date = dt.date(2026, 2, 2)) -> None:
        self.gateway.close_day(merchant, on)

    def taken_minor(self, merchant: str = "m1") -> int:
        """What the processor holds of what it took, by its own books."""
        return sum(row["amount"] for row in self.gateway.books.charges(merchant) if row["status"] == "succeeded")

    def webhooks(self, merchant: str = "m1") -> list[tuple[dict[str, str], bytes]]:
        """What it has to tell, each as headers and body."""
        return [
            (self.headers(body := json.dumps(json.loads(row["body"])).encode(), event=row["event"]), body)
            for row in self.gateway.books.untold(merchant)
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


BENCHES = {"sandbox": SandboxBench}
