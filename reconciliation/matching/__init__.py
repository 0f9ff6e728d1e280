"""Match bank lines with book lines, one to one, each with its reason. Pure: no Django, no clock, no chance.

The stages run in order over what is left; a stage takes lines out only as a match or as a break. Two equally good
answers are never decided here: they become a break that lists them. The result does not depend on the order of the
input, and no line is used twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

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
from reconciliation.matching.names import normal_name
from reconciliation.matching.stages import STAGES, Grouping, L, Pool, in_order


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
    bank, books = _by_id(bank_lines), _by_id(book_lines)
    pool = Pool(
        rules, {key: line for key, line in bank.items() if line.amount_minor}, books, frozenset(refused), tuple(aliases)
    )
    for stage in STAGES:
        stage(pool)
    _leave_over(pool, _cuts(bank.values()) if cuts is None else cuts)
    return MatchResult(
        tuple(sorted(pool.matches, key=lambda match: match.bank_line_ids)),
        tuple(sorted(pool.breaks, key=lambda found: (found.line_id, found.kind))),
        tuple(sorted(pool.suggestions, key=lambda one: (one.bank_line_ids, -one.score, one.book_line_ids))),
    )


def _leave_over(pool: Pool, cuts: Mapping[str, dt.date]) -> None:
    for bank in in_order(pool.bank):
        pool.bank_only(bank)
    transit = dt.timedelta(days=pool.rules.transit_days)
    for book in in_order(pool.books):
        cut = cuts.get(book.account_id)
        if cut is not None and book.posted_on + transit < cut:
            pool.books_only(book, cut)


def _cuts(bank_lines: Iterable[BankLine]) -> dict[str, dt.date]:
    latest: dict[str, dt.date] = {}
    for line in bank_lines:
        latest[line.account_id] = max(line.posted_on, latest.get(line.account_id, line.posted_on))
    return latest


def _by_id(lines: Iterable[L]) -> dict[str, L]:
    found: dict[str, L] = {}
    for line in lines:
        if line.id in found:
            raise ValueError(f"line {line.id} was given twice")
        found[line.id] = line
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
