"""Reads for the workbench of a bank account: what is open on both sides, and what is suggested."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from coverpay.kernel import bus
from reconciliation import open_lines
from reconciliation.events import PartiesBehind
from reconciliation.ledger.models import Line
from reconciliation.models import BankAccount, Break, IgnoredLine, Match, MatchSuggestion, PayorAlias, StatementLine

SHOWN = 150
"""Lines of one side on one page; the filters reach the others."""
SUGGESTED = 25


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which open lines to show: all when nothing is said."""

    words: str = ""
    amount_minor: int | None = None
    from_on: dt.date | None = None
    to_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An open line with the break that waits for it, the lines it might be, and who is behind it."""

    line: StatementLine | Line
    found: Break | None
    party: str = ""

    @property
    def key(self) -> str:
        return str(self.line.pk)

    @property
    def claimants(self) -> Sequence[str]:
        """Bank lines to tick for a look at the break."""
        return [*(self.found.inputs.get("claimants") or [self.found.subject_id])] if self.found else []

    @property
    def candidates(self) -> Sequence[str]:
        """Book lines to tick for a look at the break."""
        return list(self.found.inputs.get("candidates", [])) if self.found else []


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the bench: the oldest lines that fit, and how many there are."""

    lines: Sequence[OpenLine]
    count: int

    @property
    def hidden(self) -> int:
        return self.count - len(self.lines)


@dataclass(frozen=True, slots=True)
class SuggestionShown:
    """A suggestion with its lines, and the aliases that spoke for it."""

    row: MatchSuggestion
    bank_lines: Sequence[StatementLine]
    book_lines: Sequence[Line]
    aliases: Sequence[PayorAlias] = field(default_factory=list)


def bank_side(account: BankAccount, wanted: Wanted, ticked: Iterable[str] = ()) -> Side:
    """The open bank lines that fit, oldest first; ticked ones are always among them."""
    rows = open_lines.open_bank_lines(account).select_related("statement")
    said = ("text", "bank_reference", "customer_reference")
    found, count = _page(rows, wanted, said, list(ticked))
    break_of = _breaks(account, [line.id for line in found])
    return Side([OpenLine(line, break_of.get(line.id)) for line in found], count)


def book_side(account: BankAccount, wanted: Wanted, ticked: Iterable[str] = ()) -> Side:
    """The open book lines that fit, oldest first; ticked ones are always among them."""
    rows = open_lines.open_book_lines(account).select_related("entry")
    keys = [int(key) for key in ticked if key.isdecimal() and len(key) < 19]
    found, count = _page(rows, wanted, ("reference", "entry__memo", "entry__source_id"), keys)
    break_of = _breaks(account, [str(line.pk) for line in found])
    party_of = parties(account, found)
    return Side([OpenLine(line, break_of.get(str(line.pk)), party_of.get(line.pk, "")) for line in found], count)


def parties(account: BankAccount, lines: Iterable[Line]) -> dict[int, str]:
    """Who is behind book lines, as far as the layers above know."""
    source_of = {line.pk: line.entry.source_id for line in lines}
    named = bus.ask(PartiesBehind(account.organization_id, tuple(source_of.values())))
    return {key: named[source] for key, source in source_of.items() if source in named}


def suggestions(account: BankAccount) -> list[SuggestionShown]:
    """The best open suggestions with their lines, the surest first."""
    rows = list(account.suggestions.filter(state=MatchSuggestion.State.OPEN).order_by("-score", "id")[:SUGGESTED])
    bank = StatementLine.objects.in_bulk([key for row in rows for key in row.bank_lines])
    books = Line.objects.select_related("entry").in_bulk([int(key) for row in rows for key in row.book_lines])
    return [
        SuggestionShown(
            row=row,
            bank_lines=[bank[key] for key in row.bank_lines],
            book_lines=[books[int(key)] for key in row.book_lines],
            aliases=aliases_in(account, row.inputs),
        )
        for row in rows
    ]


def aliases_in(account: BankAccount, inputs: dict[str, dict[str, str]]) -> list[PayorAlias]:
    """The alias that spoke for a grouping, so that nobody takes it for the bank's own words."""
    said = inputs.get("alias", {})
    return list(PayorAlias.objects.filter(organization_id=account.organization_id, pk=said.get("id", "")))


def ignored(account: BankAccount) -> QuerySet[IgnoredLine]:
    """The account's lines that are set aside now."""
    return account.ignored_lines.filter(ended_at=None).select_related("statement_line")


def sides_of(match: Match) -> tuple[list[OpenLine], list[OpenLine]]:
    """Both sides of a match, the book lines with who is behind them."""
    party_of = parties(match.bank_account, match.ledger_lines)
    bank = [OpenLine(line, None) for line in match.statement_lines]
    return bank, [OpenLine(line, None, party_of.get(line.pk, "")) for line in match.ledger_lines]


def taught(match: Match) -> QuerySet[PayorAlias]:
    """What was learnt from a match."""
    return match.aliases.order_by("id")


def _page(
    rows: QuerySet[Any], wanted: Wanted, said: Sequence[str], ticked: Sequence[str | int]
) -> tuple[list[Any], int]:
    fits = Q()
    if wanted.words:
        for word in wanted.words.split():
            either = Q()
            for column in said:
                either |= Q(**{f"{column}__icontains": word})
            fits &= either
    if wanted.amount_minor is not None:
        fits &= Q(amount_minor__in=[wanted.amount_minor, -wanted.amount_minor])
    if wanted.from_on:
        fits &= Q(posted_on__gte=wanted.from_on)
    if wanted.to_on:
        fits &= Q(posted_on__lte=wanted.to_on)
    fitting = rows.filter(fits)
    oldest = list(fitting.order_by("posted_on", "id")[:SHOWN])
    known = {line.pk for line in oldest}
    kept = list(rows.filter(pk__in=[key for key in ticked if key not in known]))
    return sorted([*kept, *oldest], key=lambda line: (line.posted_on, line.pk)), fitting.count()


def _breaks(account: BankAccount, subjects: Sequence[str]) -> dict[str, Break]:
    rows = account.breaks.filter(state=Break.State.OPEN, subject_id__in=subjects)
    return {found.subject_id: found for found in rows}
