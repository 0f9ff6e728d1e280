"""Lines with what is worked out of them once: their day, their marks, and the parties they are of or speak of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from reconciliation.matching.lines import BankLine, BookLine
from reconciliation.matching.names import MIN_NAME, Parties, is_name, normal, normal_name

Line = BankLine | BookLine
_SERIES = re.compile(r"([A-Z]{2,})[0-9]+")
_WITH_DIGIT = re.compile(r"\S*\d\S*")

ALL = ""
"""The mark of every line: only the days hold them together."""
TEXT, PARTY = "text ", "party "
"""How the mark of a bank's words begins, and that of a party."""


class Item(NamedTuple):
    """A line with what is worked out once: its day, its marks, and the party it is of or the parties it speaks of."""

    line: Line
    amount: int
    day: int
    marks: tuple[str, ...]
    party: str
    named: frozenset[str] = frozenset()

    @property
    def party_as_written(self) -> str:
        """The party for people to read, as the line spells it; its normal form where the line does not name it."""
        spelled = self.line.party if isinstance(self.line, BookLine) else self.line.payer
        return spelled or self.party


def is_strong(mark: str) -> bool:
    """Tell whether a mark holds lines together by more than their days, or words that every deposit carries."""
    return mark != ALL and not mark.startswith(TEXT)


def items_of_books(books: Iterable[BookLine]) -> list[Item]:
    """Work out book lines, in the given order."""
    found = []
    for line in books:
        party = normal_name(line.party)
        marks = [ALL]
        if party:
            marks.append(PARTY + party)
        if line.subject:
            marks.append(f"subject {line.subject}")
        if series := _SERIES.fullmatch(normal(line.reference)):
            marks.append(f"series {series[1]}")
        found.append(Item(line, line.amount_minor, line.posted_on.toordinal(), tuple(marks), party))
    return found


def items_of_banks(banks: Iterable[BankLine], books: Iterable[BookLine], parties: Parties) -> list[Item]:
    """Work out bank lines, in the given order; `books` are those whose parties they may speak of."""
    names = {normal_name(party) for party in {line.party for line in books} if is_name(party)}
    by_word: dict[str, list[str]] = {}
    for name in names:
        if len(name) >= MIN_NAME:
            by_word.setdefault(name.split()[0], []).append(name)
    found = []
    for line in banks:
        marks = [ALL]
        if payer := parties.written(line):
            marks.append(PARTY + payer)
        if text := " ".join(_WITH_DIGIT.sub("", line.text.upper()).split()):
            marks.append(TEXT + text)
        party = parties.of(line)
        named = {party} - {""}
        if by_word and not parties.learnt(line):
            said = parties.said(line)
            named |= {name for word in said for name in by_word.get(word, ()) if said.issuperset(name.split())}
        day = line.posted_on.toordinal()
        found.append(Item(line, line.amount_minor, day, tuple(marks), party, frozenset(named)))
    return found
