"""What story tests do to a running CoverPay, and how they look at what came of it."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

from coverpay.demo.client import Client, wait_for
from coverpay.demo.receiver import Receiver
from coverpay.local.programs import PROJECT
from coverpay.local.stack import Stack
from payments.gateways.sandbox_books import Books

HEADER = "policy_number,program,insured_reference,insured_name,state,effective_on,expires_on,premium,plan,bind\n"


class Story:
    """A running stack, its API, and the sandbox processor's own books."""

    def __init__(self, stack: Stack, api: Client) -> None:
        self.stack = stack
        self.api = api
        self.books = Books(stack.var / "sandbox.sqlite3")

    def invoice(self, number: str) -> dict[str, Any]:
        """Import, bind and bill one Hawaii policy of 10,000.00 paid in full: an invoice of 10,718.00."""
        row = f"{number},hi-commercial,{number},Insured {number},HI,2026-01-31,2027-01-31,10000.00,full,yes\n"
        file = ("story.csv", io.BytesIO((HEADER + row).encode()), "text/csv")
        imported = self.api.post("policy-imports", f"import {number}", files={"file": file})
        assert imported["state"] == "imported", imported["problems"]
        policy = self.api.rows("policies", number=number)[0]
        return dict(self.api.post("invoices", f"invoice {number}", {"policy": policy["id"]}))

    def pay(self, invoice: dict[str, Any], token: str) -> dict[str, Any]:
        """Ask for the whole invoice by card."""
        body = {"invoice": invoice["id"], "method": "card", "token": token}
        return dict(self.api.post("payments", f"pay {invoice['id']}", body))

    def taken(self, payment: dict[str, Any]) -> list[dict[str, Any]]:
        """The charges at the processor for a payment, as the processor counts them."""
        references = {attempt["id"] for attempt in payment["attempts"]}
        return [charge for charge in self.books.charges() if charge["reference"] in references]

    def settled(self, payment: dict[str, Any]) -> dict[str, Any]:
        """Wait until the payment is decided."""

        def look() -> dict[str, Any] | None:
            now: dict[str, Any] = self.api.get(f"payments/{payment['id']}")
            return None if now["state"] == "processing" else now

        return dict(wait_for("the payment's outcome", look))

    def listen(self, receiver: Receiver) -> None:
        """Tell the receiver everything from now on."""
        made = self.api.post("webhook-endpoints", f"endpoint {receiver.url}", {"url": receiver.url})
        receiver.secret = made["secret"]

    def check_books(self) -> subprocess.CompletedProcess[str]:
        """Run `manage.py check_books` beside the stack."""
        return subprocess.run(
            [sys.executable, "manage.py", "check_books"],
            cwd=PROJECT,
            env=self.stack.environment,
            text=True,
            capture_output=True,
            check=False,
        )
