"""Pure: what return, change and dishonor codes mean, from the rules data: a code it does not know is not acted on."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compliance.rules import facts

TOPIC = "nacha"
RETRY_DESCRIPTION = "RETRY PYMT"
REVERSAL_DESCRIPTION = "REVERSAL"
MICRO_DESCRIPTION = "ACCTVERIFY"
_DISHONORED, _CONTESTED = "dishonored_return", "contested_dishonor"
_SIXTY_DAYS = "60 calendar days"


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """A return code: `category` nsf, administrative, unauthorized, dishonored_return, contested_dishonor, ...

    `retriable` says that the same entry may be presented again; `in_sixty_days` that the receiver had 60 days instead
    of two banking days; `counts_toward` names the rates it counts for.
    """

    code: str
    title: str
    category: str
    retriable: bool
    in_sixty_days: bool
    action: str
    counts_toward: frozenset[str]
    fact_id: str
    citation: str

    @property
    def dishonors(self) -> bool:
        return self.category == _DISHONORED

    @property
    def contests(self) -> bool:
        return self.category == _CONTESTED


@dataclass(frozen=True, slots=True)
class ChangeCode:
    """A notification of change: what it corrects."""

    code: str
    title: str
    corrects: tuple[str, ...]
    fact_id: str
    citation: str


@functools.cache
def returns() -> Mapping[str, ReturnCode]:
    """Every return code of the rules data, dishonored and contested ones among them."""
    found = (fact for fact in facts.of_topic(TOPIC) if fact.rule == "return_code")
    return {
        fact.value["code"]: ReturnCode(
            code=fact.value["code"],
            title=fact.value["title"],
            category=fact.value["category"],
            retriable=fact.value["retriable"] is True,
            in_sixty_days=fact.value["timeframe"] == _SIXTY_DAYS,
            action=fact.value["originator_action"] or "",
            counts_toward=frozenset(fact.value["counts_toward"] or ()),
            fact_id=fact.id,
            citation=fact.citation,
        )
        for fact in found
    }


@functools.cache
def changes() -> Mapping[str, ChangeCode]:
    """Every change code of the rules data."""
    found = (fact for fact in facts.of_topic(TOPIC) if fact.rule == "noc_code")
    return {
        fact.value["code"]: ChangeCode(
            fact.value["code"], fact.value["meaning"], tuple(fact.value["corrected_fields"]), fact.id, fact.citation
        )
        for fact in found
    }


@functools.cache
def refusals() -> frozenset[str]:
    """The codes that refuse a notification of change."""
    return frozenset(_one("noc_refused_codes"))


@functools.cache
def re_presentable() -> frozenset[str]:
    """The return codes after which the same entry may be presented again."""
    found = facts.find("reinitiation_max", facts.FEDERAL)
    return frozenset(found[0].conditions["codes"])


def most_re_presentments() -> int:
    """How often an entry may be presented again after it was returned."""
    return int(_one("reinitiation_max"))


def re_presentment_days() -> int:
    """Within how many days of the original settlement an entry may be presented again."""
    return int(_one("reinitiation_window"))


def reversal_banking_days() -> int:
    """Within how many banking days after settlement a wrong entry may be reversed."""
    return int(_one("reversal_window_days"))


def same_day_limit_minor() -> int:
    """The most that one same-day entry may move, in cents."""
    return int(_one("same_day_limit_per_entry")) * 100


def _one(rule: str) -> Any:
    return facts.find(rule, facts.FEDERAL)[0].value


def title(code: str) -> str:
    """What a code means, or nothing when the rules data does not know it."""
    known = returns().get(code) or changes().get(code)
    return known.title if known else ""
