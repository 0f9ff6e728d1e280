"""Read regulatory facts: value, citation, and whether the value may be used without a person's decision.

The files in `data/` are a research snapshot, each fact with its sources. A value that is null or marked `verify` blocks
automation until a person decides to use it, with a reason that is kept (`Fact.needs_decision`).
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from coverpay.kernel.errors import NotFound

DATA = Path(__file__).parent / "data"

STATES = (
    *("AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS"),
    *("KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC"),
    *("ND", "OH", "OK", "OR", "PA", "PR", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY"),
)
FEDERAL = "US"

_FILES = {
    "noc": "01_notice_of_cancellation_nonpayment.json",
    "refund": "02_cancellation_refunds.json",
    "sl_tax": "03_surplus_lines_tax.json",
    "fees": "04_fees_grace.json",
    "surcharge": "05_card_surcharge_premium.json",
    "trust": "06_premium_trust.json",
    "nacha": "07_nacha_ach.json",
    "card": "08_card_network.json",
    "pf": "09_premium_finance.json",
    "unclaimed": "10_unclaimed_property.json",
    "ofac": "11_ofac.json",
    "records": "12_recordkeeping_security.json",
    "fed_calendar": "13_fed_calendar_fedach.json",
}
"""Each topic and its file. The ids of its facts begin with the topic."""

TOPICS = tuple(_FILES)


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
    line: str = "all_pc"
    admitted_status: str = "any"
    conditions: Mapping[str, Any] = field(default_factory=dict)
    effective_from: dt.date | None = None
    effective_to: dt.date | None = None
    verify_reason: tuple[str, ...] = ()
    note: str = ""
    sources: tuple[str, ...] = ()

    @property
    def needs_decision(self) -> bool:
        return self.verify or self.value is None


@functools.cache
def of_topic(topic: str) -> tuple[Fact, ...]:
    """Every fact of one topic, in the order of the data; its file is read once. Raises: NotFound."""
    if topic not in _FILES:
        raise NotFound(f"No rule topic {topic!r}; the topics are {', '.join(TOPICS)}.", field="topic")
    rows = json.loads((DATA / _FILES[topic]).read_text(encoding="utf-8"), parse_float=Decimal)["facts"]
    return tuple(_fact(row) for row in rows)


def _fact(row: Mapping[str, Any]) -> Fact:
    return Fact(
        id=row["id"],
        jurisdiction=row["jurisdiction"],
        rule=row["rule"],
        value=row["value"],
        unit=row["unit"] or "",
        citation=row["citation"] or "",
        verify=row["verify"],
        line=row["line"],
        admitted_status=row["admitted_status"],
        conditions=row["conditions"] or {},
        effective_from=_day(row["effective_from"]),
        effective_to=_day(row["effective_to"]),
        verify_reason=tuple(row["verify_reason"]),
        note=row["note"] or "",
        sources=tuple(source["url"] for source in row["sources"]),
    )


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


@functools.cache
def _by_id(topic: str) -> Mapping[str, Fact]:
    return {fact.id: fact for fact in of_topic(topic)}


@functools.cache
def _by_rule() -> Mapping[tuple[str, str], tuple[Fact, ...]]:
    found: dict[tuple[str, str], list[Fact]] = {}
    for topic in TOPICS:
        for fact in of_topic(topic):
            found.setdefault((fact.rule, fact.jurisdiction), []).append(fact)
    return {key: tuple(facts) for key, facts in found.items()}


@functools.cache
def rules() -> tuple[str, ...]:
    """The names of all rules, in alphabetical order."""
    return tuple(sorted({rule for rule, _ in _by_rule()}))


@functools.cache
def units() -> Mapping[str, str]:
    """The unit most used for each rule, for a decision where no fact says one."""
    return {fact.rule: fact.unit for topic in TOPICS for fact in reversed(of_topic(topic))}


def fact(id: str) -> Fact:
    """One fact by its id. Raises: NotFound."""
    topic = id.rpartition("-")[0]
    found = _by_id(topic).get(id) if topic in _FILES else None
    if found is None:
        raise NotFound(f"No rule fact {id!r}.", field="rule")
    return found


def find(rule: str, jurisdiction: str) -> list[Fact]:
    """Every fact of a rule for a jurisdiction, in the order of the data."""
    return list(_by_rule().get((rule, jurisdiction), ()))


def search(*, rule: str = "", jurisdiction: str = "", topic: str = "") -> list[Fact]:
    """Facts by rule, jurisdiction and topic, in the order of the data; without any of them, every fact."""
    topics = (topic,) if topic else TOPICS
    return [
        fact
        for one in topics
        for fact in of_topic(one)
        if (not rule or fact.rule == rule) and (not jurisdiction or fact.jurisdiction == jurisdiction)
    ]
