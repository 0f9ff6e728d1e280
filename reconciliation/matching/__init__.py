"""Match bank lines with book lines, each with its reason. Pure: no Django, no clock, no chance.

The stages run in order over what is left, for each account and currency by itself; a stage takes lines out only as a
match or as a break. A match ties to the cent: a difference is a break that proposes how to post it. Two equally good
answers are never decided here: they become a break that lists them. The result does not depend on the order of the
input, and no line is used twice.
"""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from reconciliation.matching.lines import (
    Alias,
    BankLine,
    BookLine,
    Break,
    BreakKind,
    FeeTerm,
    Match,
    MatchResult,
    MatchRules,
    Suggestion,
)
from reconciliation.matching.names import Parties, normal_name
from reconciliation.matching.pool import Grouping, L, Pool, in_order
from reconciliation.matching.stages import STAGES

Scope = tuple[str, str]
"""An account and a currency."""


def match(
    bank_lines: Iterable[BankLine],
    book_lines: Iterable[BookLine],
    rules: MatchRules,
    cuts: Mapping[str, dt.date] | None = None,
    refused: Collection[Grouping] = (),
    aliases: Iterable[Alias] = (),
) -> MatchResult:
    """Match what can be matched for sure; everything else becomes a break.

    Takes:  lines without a live match; `cuts` is the last day each account's statements cover. Without it the
            account's latest bank line stands in. Bank lines of zero move no money and need no partner. `refused`
            are groupings of (bank lines, book lines) that a person took apart: exactly these are never matched again.
            `aliases` are spellings of parties learnt from confirmed pairs.
    Gives:  matches, breaks and suggestions, each in the order of their line ids. A book line posted on or after the
            cut (less the days in transit) may still be on its way: neither match nor break.
    Raises: ValueError when an id comes twice.
    """
    with _collector_paused():
        return _match(_by_scope(bank_lines), _by_scope(book_lines), rules, cuts, frozenset(refused), Parties(aliases))


def _match(
    bank: dict[Scope, dict[str, BankLine]],
    books: dict[Scope, dict[str, BookLine]],
    rules: MatchRules,
    cuts: Mapping[str, dt.date] | None,
    apart: frozenset[Grouping],
    parties: Parties,
) -> MatchResult:
    last = _cuts(bank) if cuts is None else cuts
    matches: list[Match] = []
    breaks: list[Break] = []
    suggestions: list[Suggestion] = []
    for scope in sorted(bank.keys() | books.keys()):
        moved = bank.pop(scope, {})
        for key in [key for key, line in moved.items() if not line.amount_minor]:
            del moved[key]
        pool = Pool(rules, moved, books.pop(scope, {}), apart, parties, matches, breaks, suggestions)
        for name, stage in STAGES.items():
            if name in rules.stages:
                stage(pool)
        _leave_over(pool, last)
    matches.sort(key=lambda found: found.banks[0].id)
    breaks.sort(key=lambda found: (found.line_id, found.kind))
    suggestions.sort(key=lambda one: (one.bank_line_ids, -one.score, one.book_line_ids))
    return MatchResult(tuple(matches), tuple(breaks), tuple(suggestions))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the collector of cycles from looking again and again at millions of small objects that have none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _leave_over(pool: Pool, cuts: Mapping[str, dt.date]) -> None:
    for bank in in_order(pool.bank):
        pool.bank_only(bank)
    transit = dt.timedelta(days=pool.rules.transit_days)
    for book in in_order(pool.books):
        cut = cuts.get(book.account_id)
        if cut is not None and book.posted_on + transit < cut:
            pool.books_only(book, cut)


def _cuts(bank: Mapping[Scope, Mapping[str, BankLine]]) -> dict[str, dt.date]:
    latest: dict[str, dt.date] = {}
    for (account_id, _), lines in bank.items():
        last = max(line.posted_on for line in lines.values())
        latest[account_id] = max(last, latest.get(account_id, last))
    return latest


def _by_scope(lines: Iterable[L]) -> dict[Scope, dict[str, L]]:
    found: dict[Scope, dict[str, L]] = {}
    for line in lines:
        scope = line.account_id, line.currency
        if (own := found.get(scope)) is None:
            own = found[scope] = {}
        if own.setdefault(line.id, line) is not line:
            raise ValueError(f"line {line.id} was given twice")
    if len(found) > 1:
        ids: set[str] = set()
        for own in found.values():
            if not ids.isdisjoint(own):
                raise ValueError(f"line {min(ids & own.keys())} was given twice")
            ids.update(own)
    return found


__all__ = [
    "Alias",
    "BankLine",
    "BookLine",
    "Break",
    "BreakKind",
    "FeeTerm",
    "Match",
    "MatchResult",
    "MatchRules",
    "Suggestion",
    "match",
    "normal_name",
]
