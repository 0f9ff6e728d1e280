"""Pure: journals to export, what a mapping makes of ledger accounts, and how detail becomes a summary."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money


class MappingUnreadable(Invalid):
    """An account mapping says something that cannot be done; `field` is `spec`."""

    code = "mapping_unreadable"


@dataclass(frozen=True, slots=True)
class Target:
    """An account of the accounting system: its number, its name there, and dimensions such as location or class."""

    number: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One side of a journal, minor units, debit positive. `entity` is the payee or party it is about, if any."""

    target: Target
    amount_minor: int
    memo: str = ""
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Journal:
    """A balanced journal of one day and currency. `number` is ours, unique, and the same in every file it is in."""

    number: str
    on: dt.date
    currency: str
    memo: str
    lines: tuple[JournalLine, ...]

    def debit(self, line: JournalLine) -> Decimal | None:
        return self._side(line.amount_minor)

    def credit(self, line: JournalLine) -> Decimal | None:
        return self._side(-line.amount_minor)

    def signed(self, line: JournalLine) -> Decimal:
        return Money(line.amount_minor, self.currency).decimal

    def _side(self, amount_minor: int) -> Decimal | None:
        return Money(amount_minor, self.currency).decimal if amount_minor > 0 else None


@dataclass(frozen=True, slots=True)
class LedgerSide:
    """One line of our ledger, as an export takes it."""

    entry_id: str
    posted_on: dt.date
    kind: str
    memo: str
    code: str
    owner: str
    currency: str
    amount_minor: int
    subject: str = ""


def check(spec: Any, codes: Iterable[str]) -> None:
    """Check the shape of a mapping against the chart's codes. Raises: MappingUnreadable, naming the key.

    A spec is {"accounts": {"<code>" or "<code>:<owner>": {"number", "name", "dimensions"}}, "journal": "GJ"}.
    """
    accounts = spec.get("accounts") if isinstance(spec, Mapping) else None
    if not isinstance(accounts, Mapping) or not accounts or set(spec) - {"accounts", "journal", "tax_rate"}:
        raise MappingUnreadable("A mapping says `accounts`, and maybe `journal` and `tax_rate`.", field="spec")
    known = set(codes)
    for key, said in accounts.items():
        if not isinstance(key, str) or key.partition(":")[0] not in known:
            raise MappingUnreadable(f"{key!r} is no account of the chart.", field="spec")
        _check_target(key, said)
    for key in ("journal", "tax_rate"):
        if not isinstance(spec.get(key, ""), str):
            raise MappingUnreadable(f"`{key}` is a text.", field="spec")


def _check_target(key: str, said: Any) -> None:
    fits = isinstance(said, Mapping) and set(said) <= {"number", "name", "dimensions"}
    texts = [said.get("number"), said.get("name")] if fits else [None]
    if not all(isinstance(text, str) and text.strip() and "\n" not in text for text in texts):
        raise MappingUnreadable(f"{key!r} needs a `number` and a `name`.", field="spec")
    dimensions = said.get("dimensions", {})
    named = isinstance(dimensions, Mapping) and all(
        isinstance(each, str) for pair in dimensions.items() for each in pair
    )
    if not named:
        raise MappingUnreadable(f"The `dimensions` of {key!r} are names and values.", field="spec")


def target(spec: Mapping[str, Any], code: str, owner: str) -> Target | None:
    """The account a ledger account goes to: that of its owner, else that of its code, else none."""
    accounts = spec["accounts"]
    said = accounts.get(f"{code}:{owner}") or accounts.get(code)
    return None if said is None else Target(said["number"], said["name"], dict(said.get("dimensions", {})))


def in_detail(sides: Sequence[LedgerSide], spec: Mapping[str, Any]) -> list[Journal]:
    """One journal an entry and currency, in the order of the entries."""
    grouped: dict[tuple[str, str], list[LedgerSide]] = defaultdict(list)
    for side in sides:
        grouped[side.entry_id, side.currency].append(side)
    return [_journal(entry_id, group, spec) for (entry_id, _), group in grouped.items()]


def in_summary(sides: Sequence[LedgerSide], spec: Mapping[str, Any], *, prefix: str) -> list[Journal]:
    """One journal a day and currency: the net of each account of the accounting system; what nets to zero is left out.

    Takes:  `prefix`, the batch's own mark; the number of a journal is the prefix and its day.
    """
    days: dict[tuple[dt.date, str], list[LedgerSide]] = defaultdict(list)
    for side in sides:
        days[side.posted_on, side.currency].append(side)
    made = []
    for (day, currency), group in sorted(days.items()):
        net: dict[tuple[str, str], int] = defaultdict(int)
        targets: dict[tuple[str, str], Target] = {}
        for side in group:
            to = _known(spec, side)
            net[to.number, to.name] += side.amount_minor
            targets[to.number, to.name] = to
        lines = tuple(JournalLine(targets[key], amount) for key, amount in sorted(net.items()) if amount)
        if lines:
            number = f"{prefix}-{day:%Y%m%d}" + ("" if currency == "USD" else f"-{currency}")
            made.append(Journal(number, day, currency, f"CoverPay {day.isoformat()}", lines))
    return made


def _journal(entry_id: str, group: Sequence[LedgerSide], spec: Mapping[str, Any]) -> Journal:
    first = group[0]
    lines = tuple(
        JournalLine(_known(spec, side), side.amount_minor, side.memo or side.kind, side.owner) for side in group
    )
    return Journal(entry_id, first.posted_on, first.currency, first.memo or first.kind, lines)


def _known(spec: Mapping[str, Any], side: LedgerSide) -> Target:
    found = target(spec, side.code, side.owner)
    if found is None:
        raise MappingUnreadable(f"The mapping has no account for {side.code} {side.owner}".strip() + ".", field="spec")
    return found
