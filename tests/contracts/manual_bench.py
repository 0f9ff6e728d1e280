"""The manual gateway at a desk where checks come, never come, or come back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import ClassVar

from payments.gateways.base import Charge, Gateway, Outcome, PayoutLineReport, PayoutReport, Status
from payments.gateways.manual import Announced, Manual
from tests.contracts.bench import Bench, Reply


class Desk:
    """The port of the manual gateway, without a database: what was announced, and what came for it."""

    def __init__(self) -> None:
        self.announced: dict[tuple[str, str], Charge] = {}
        self.known: dict[tuple[str, str], Announced] = {}

    def find(self, merchant: str, reference: str) -> Announced | None:
        return self.known.get((merchant, reference))

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        lines = tuple(
            PayoutLineReport("charge", reference, known.item, known.amount.amount_minor, 0)
            for (whose, reference), known in self.known.items()
            if whose == merchant and known.amount is not None
        )
        day = dt.date(2026, 2, 2)
        amounts = [known.amount for known in self.known.values() if known.amount is not None]
        return [PayoutReport("dpt_1", sum(amounts[1:], amounts[0]), day, lines)] if lines and since <= day else []


class ManualBench(Bench):
    """Nothing is taken at once; what a token says happens when time passes."""

    tokens: ClassVar[dict[str, tuple[Reply, Status]]] = {
        "comes": (Status.PENDING, Status.SUCCEEDED),
        "comes back": (Status.PENDING, Status.RETURNED),
        "never comes": (Status.PENDING, Status.PENDING),
        "withdrawn": (Status.PENDING, Status.VOIDED),
    }
    method = "check"
    pending = "comes"
    signs = False

    def __init__(self, folder: Path) -> None:
        self.desk = Desk()

    def at(self, merchant: str) -> Gateway:
        return Manual(self.desk)

    def take(self, charge: Charge) -> Outcome:
        place = (charge.merchant, charge.reference)
        self.desk.announced[place] = charge
        self.desk.known.setdefault(place, Announced())
        return super().take(charge)

    def time_passes(self, merchant: str = "m1") -> None:
        for place, charge in self.desk.announced.items():
            ends = {
                "comes": Announced(item="dpi_1", amount=charge.amount),
                "comes back": Announced(item="dpi_1", amount=charge.amount, went_back=True, why="NSF"),
                "withdrawn": Announced(withdrawn=True),
            }
            self.desk.known[place] = ends.get(charge.token, Announced())

    def night_falls(self, merchant: str = "m1", on: dt.date = dt.date(2026, 2, 2)) -> None:
        """The desk has no nights: what came is at the bank."""

    def taken_minor(self, merchant: str = "m1") -> int:
        return sum(known.amount.amount_minor for known in self.desk.known.values() if known.amount is not None)

    def charges(self, merchant: str = "m1") -> int:
        return len(self.desk.announced)
