"""What holds lines of one side together, and the whole sets of such lines that come to an amount."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciliation.matching.lines import BankLine, BookLine
from reconciliation.matching.names import normal, normal_name
from reconciliation.matching.words import many

Line = BankLine | BookLine
_SERIES = re.compile(r"([A-Z]{2,})[0-9]+")
_WITH_DIGIT = re.compile(r"\S*\d\S*")

ALL = ""
"""The mark of every line: only the days hold them together."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All lines of a mark over some days in a row."""

    lines: tuple[Line, ...]
    mark: str


def marks(line: Line) -> tuple[str, ...]:
    """Tell what a line has in common with others of its side, in words."""
    found = [ALL]
    party = line.payer if isinstance(line, BankLine) else line.party
    if spelled := normal_name(party):
        found.append(f"party {spelled}")
    if isinstance(line, BookLine):
        if line.subject:
            found.append(f"subject {line.subject}")
        if series := _SERIES.fullmatch(normal(line.reference)):
            found.append(f"series {series[1]}")
    elif spelled := " ".join(_WITH_DIGIT.sub("", line.text.upper()).split()):
        found.append(f"text {spelled}")
    return tuple(found)


def wholes(parts: Sequence[Line], marks_of: Sequence[tuple[str, ...]], target: int) -> tuple[list[Whole], int]:
    """Find the sets of all lines of a mark, or all of them that move the target's way, over some days in a row.

    Takes:  the lines in order of their days, and each one's marks.
    Gives:  the sets of two lines and more that come to the target, and how many sums were looked at.
    """
    by_mark: dict[str, list[Line]] = {}
    for line, own in zip(parts, marks_of, strict=True):
        for mark in own:
            by_mark.setdefault(mark, []).append(line)
    found: dict[frozenset[str], Whole] = {}
    looks = 0
    for mark, lines in by_mark.items():
        one_way = [line for line in lines if (line.amount_minor > 0) == (target > 0)]
        for some in (lines, one_way) if len(one_way) < len(lines) else (lines,):
            if len(some) > 1:
                looks += _runs(some, mark, target, found)
    return list(found.values()), looks


def _runs(lines: Sequence[Line], mark: str, target: int, found: dict[frozenset[str], Whole]) -> int:
    """Try the runs of days of these lines; give how many were tried."""
    days = _by_day(lines)
    looks = 0
    for start in range(len(days)):
        total = count = 0
        for end in range(start, len(days)):
            total += days[end][1]
            count += len(days[end][0])
            if count > 1:
                looks += 1
                if total == target:
                    run = tuple(line for day in days[start : end + 1] for line in day[0])
                    found.setdefault(frozenset(line.id for line in run), Whole(run, _spelled(mark, run)))
    return looks


def _by_day(lines: Iterable[Line]) -> list[tuple[list[Line], int]]:
    days: dict[dt.date, list[Line]] = {}
    for line in lines:
        days.setdefault(line.posted_on, []).append(line)
    return [(some, sum(line.amount_minor for line in some)) for some in days.values()]


def _spelled(mark: str, run: Sequence[Line]) -> str:
    first, last = run[0].posted_on, run[-1].posted_on
    when = f"of {first}" if first == last else f"from {first} to {last}"
    held = f" with the {mark}" if mark else ""
    return f"they are all {many(len(run), 'open line')} {when}{held}."
