"""What the contract needs to hold a gateway to it: a counterpart to talk to, its tokens, its way of sending webhooks.

A gateway joins by a subclass of `Bench` and its line in `tests.contracts.gateways.BENCHES`. What its capabilities do
not declare is not asked of it: without `authorizes` nothing is held, without `signs` it has no webhooks of its own
(and `verify` must refuse whatever comes), and so on. A test whose token a bench leaves empty is not for it.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, ClassVar

from coverpay.kernel.money import Money
from payments.gateways.base import CaptureOrder, Charge, Gateway, Outcome, RefundOrder, Status

Reply = Status | None
"""None: the gateway is not reached, and says so by `NotSent`."""


class Bench:
    """A fresh counterpart for one test, with two merchants, `m1` and `m2`."""

    tokens: ClassVar[dict[str, tuple[Reply, Status]]] = {}
    """Every token with what the reply says, and what is true of the charge once time has passed."""
    method = "card"
    ok = ""
    """A token that is taken at once."""
    declined: ClassVar[tuple[str, str]] = ("", "")
    """A token that is declined, and the code that says why."""
    lost = ""
    """A token whose first request is lost on the way, and whose second is taken."""
    returned = ""
    """A token that is taken, and that the payor's bank takes back later."""
    pending = ""
    """A token that is taken when time has passed, and not at once."""
    disputed = ""
    """A token that the payor disputes when time has passed."""
    wrong: ClassVar[tuple[str, int]] = ("", 0)
    """A token that is taken with another amount than asked, and by how much it is more."""
    kept: ClassVar[tuple[str, str]] = ("", "")
    """What a payor enters on the processor's element to be kept: a card, and a bank account."""
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Tokens whose last webhook does not tell how it ended."""
    signs = True
    dated = True
    """Whether a signature says when it was made, so that an old one is refused."""
    wrong_secrets: ClassVar[list[str]] = ["", "whsec_", "whsec_" + "A" * 43 + "="]
    tampered: ClassVar[list[dict[str, str]]] = []
    """Changes of the headers, each of which has to be refused."""
    unreadable: ClassVar[list[bytes]] = [b"", b"null", b"[]", b"\xff", b"{}"]
    """Verified bodies that cannot be read."""

    def __init__(self, folder: Path) -> None:
        raise NotImplementedError

    def at(self, merchant: str) -> Gateway:
        """The gateway, connected for a merchant."""
        raise NotImplementedError

    @property
    def gateway(self) -> Gateway:
        """The gateway of the first merchant."""
        return self.at("m1")

    def charge(self, token: str = "", minor: int = 535_900, merchant: str = "m1", **changes: Any) -> Charge:
        token = token or self.ok
        reference = changes.pop("reference", f"att_{token}_{minor}_{merchant}")
        return Charge(reference, merchant, Money(minor), self.method_of(token), token, **changes)

    def method_of(self, token: str) -> str:
        """How a token pays."""
        return self.method

    def take(self, charge: Charge) -> Outcome:
        """Send a charge, whatever has to be arranged for its token. Raises: NotSent."""
        return self.at(charge.merchant).charge(charge)

    def refund(self, charge: Charge, reference: str = "rfd_1", **changes: Any) -> RefundOrder:
        order = {"merchant": charge.merchant, "charge_reference": charge.reference, "amount": charge.amount}
        return RefundOrder(reference=reference, **{**order, **changes})

    def capture(self, charge: Charge, amount: Money) -> CaptureOrder:
        return CaptureOrder(charge.merchant, charge.reference, amount)

    def time_passes(self, merchant: str = "m1") -> None:
        """Let whatever is pending end, and whatever will be taken back be taken back."""
        raise NotImplementedError

    def night_falls(self, merchant: str = "m1", on: dt.date = dt.date(2026, 2, 2)) -> None:
        """Pay out what is not paid out yet."""
        raise NotImplementedError

    def taken_minor(self, merchant: str = "m1") -> int:
        """What the processor took and holds, by its own books; refunds are not taken off."""
        raise NotImplementedError

    def charges(self, merchant: str = "m1") -> int:
        """How many charges the processor has on its books, whatever became of them."""
        raise NotImplementedError

    def webhooks(self, merchant: str = "m1") -> list[tuple[dict[str, str], bytes]]:
        """What it has to tell, in order, each as headers and body."""
        return []

    def body(self, event: str = "evt_1") -> bytes:
        """The body of a webhook with this identity; it need not tell anything."""
        return b"{}"

    def headers(
        self, body: bytes, *, event: str = "evt_1", secret: str = "", age: dt.timedelta = dt.timedelta()
    ) -> dict[str, str]:
        """The signed headers of a body that was sent `age` ago; `secret` is the bench's own unless given."""
        return {}

    @property
    def secret(self) -> str:
        """The secret its webhooks are signed with."""
        return ""

    def enter(self, setup: str, token: str) -> None:
        """What the payor does on the processor's own element (only for gateways that keep methods)."""
        raise NotImplementedError
