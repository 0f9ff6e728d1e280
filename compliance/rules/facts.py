"""Read regulatory facts: value, citation, and whether the value may be used without a person's decision.

The files in `data/` are a research snapshot, each fact with its sources. A value that is null or marked `verify` blocks
automation until a person decides to use it, with a reason that is kept (`Fact.needs_decision`).
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from coverpay.kernel.errors import NotFound

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `value` is None where it was not established; numbers are exact decimals."""

    id: str
    jurisdiction: str
    rule: str
    value: Any
    unit: str
    citation: str
    verify: bool

    @property
    def needs_decision(self) -> bool:
        return self.verify or self.value is None


@functools.cache
def _all() -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for path in sorted(DATA.glob("*.json")):
        for row in json.loads(path.read_text(), parse_float=Decimal)["facts"]:
            facts[row["id"]] = Fact(
                id=row["id"],
                jurisdiction=row["jurisdiction"],
                rule=row["rule"],
                value=row["value"],
                unit=row["unit"],
                citation=row["citation"] or "",
                verify=row["verify"],
            )
    return facts


def fact(id: str) -> Fact:
    """One fact by its id. Raises: NotFound."""
    try:
        return _all()[id]
    except KeyError:
        raise NotFound(f"No rule fact {id!r}.", field="rule") from None


def find(rule: str, jurisdiction: str) -> list[Fact]:
    """Every fact of a rule for a jurisdiction, in the order of the data."""
    return [fact for fact in _all().values() if fact.rule == rule and fact.jurisdiction == jurisdiction]
