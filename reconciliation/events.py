"""What reconciliation asks of the layers above it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from coverpay.kernel.bus import Question


@dataclass(frozen=True, slots=True)
class OpenItem:
    """One line of a closing checklist. `must` says that a period is not closed while it is open."""

    name: str
    title: str
    count: int
    amount_minor: int
    must: bool
    where: str = ""


@dataclass(frozen=True, slots=True)
class OpenAbove(Question[tuple[OpenItem, ...]]):
    """What of an organization's money is undecided at the end of a day: suspense, attempts nobody knows, and so on?"""

    organization_id: str
    as_of: dt.date


@dataclass(frozen=True, slots=True)
class PartiesBehind(Question[Mapping[str, str]]):
    """Who paid or was paid by what postings came from? Answered by source: a name; those unknown are left out."""

    organization_id: str
    source_ids: tuple[str, ...]
