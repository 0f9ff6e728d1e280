"""The nacha gateway at a desk without a database: entries that settle, come back, or never get into a file."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from payments.gateways.base import Charge, Gateway, NotSent, PayoutLineReport, PayoutReport, RefundOrder, Status
from payments.gateways.nacha import Entry, Nacha
from tests.contracts.bench import Bench, Reply

DAY = dt.date(2026, 2, 2)


class Desk:
    """The port of the nacha gateway: what is staged for one merchant."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.tokens: dict[str, str] = {}

    def charge(self, charge: Charge) -> Entry:
        if charge.token == "busy":
            raise NotSent("the account is locked")
        if charge.token == "forbidden":
            return Entry("refused", code="no_mandate", message="no mandate allows it")
        self.tokens.setdefault(charge.reference, charge.token)
        return self.entries.setdefault(charge.reference, Entry("staged", charge.amount))

    def credit(self, order: RefundOrder) -> Entry:
        return self.entries.setdefault(order.reference, Entry("staged", order.amount, takes=False))

    def find(self, reference: str) -> Entry | None:
        return self.entries.get(reference)

    def withdraw(self, reference: str) -> Entry | None:
        known = self.entries.get(reference)
        if known is not None and known.state == "staged":
            self.entries[reference] = replace(known, state="withdrawn")
        return self.entries.get(reference)

    def payouts(self, since: dt.date) -> list[PayoutReport]:
        out = [(name, one) for name, one in self.entries.items() if one.state == "settled" and one.amount is not None]
        lines = tuple(PayoutLineReport("charge", name, one.trace, one.amount.amount_minor, 0) for name, one in out)
        net = sum((one.amount for _, one in out[1:]), out[0][1].amount) if out else None
        return [PayoutReport("file debits", net, DAY, lines)] if net is not None and since <= DAY else []


class NachaBench(Bench):
    """Nothing is taken at once; what a token says happens when the file has gone and its day has come."""

    tokens: ClassVar[dict[str, tuple[Reply, Status]]] = {
        "settles": (Status.PENDING, Status.SUCCEEDED),
        "comes back": (Status.PENDING, Status.RETURNED),
        "stays staged": (Status.PENDING, Status.PENDING),
        "withdrawn": (Status.PENDING, Status.VOIDED),
        "file rejected": (Status.PENDING, Status.DECLINED),
        "forbidden": (Status.DECLINED, Status.NOT_FOUND),
        "busy": (None, Status.NOT_FOUND),
    }
    method = "ach"
    pending = "settles"
    signs = False
    _ENDS: ClassVar[dict[str, tuple[str, str]]] = {
        "settles": ("settled", ""),
        "comes back": ("returned", "R01"),
        "withdrawn": ("withdrawn", ""),
        "file rejected": ("rejected", ""),
    }

    def __init__(self, folder: Path) -> None:
        self.desks = {"m1": Desk(), "m2": Desk()}

    def at(self, merchant: str) -> Gateway:
        return Nacha(self.desks[merchant])

    def time_passes(self, merchant: str = "m1") -> None:
        desk = self.desks[merchant]
        for reference, token in desk.tokens.items():
            if token in self._ENDS:
                state, code = self._ENDS[token]
                desk.entries[reference] = replace(desk.entries[reference], state=state, code=code, trace="1")

    def night_falls(self, merchant: str = "m1", on: dt.date = DAY) -> None:
        """Files have no nights of their own: what settled is at the bank."""

    def taken_minor(self, merchant: str = "m1") -> int:
        entries = self.desks[merchant].entries.values()
        return sum(one.amount.amount_minor for one in entries if one.state == "settled" and one.amount is not None)

    def charges(self, merchant: str = "m1") -> int:
        return len(self.desks[merchant].entries)
