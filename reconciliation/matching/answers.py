"""The answers for one line: which lines of the other side add up to it, and whether that is proved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciliation.matching import sums, words
from reconciliation.matching.items import Item, Line, is_strong
from reconciliation.matching.lines import BankLine, BookLine, Tell
from reconciliation.matching.marks import Whole, count_wholes
from reconciliation.matching.pool import Pool

FEW_LOOKS = 32
"""Where so few sums are looked at, one that fits needs no further reason."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines of both sides that come to the same sum, and what holds them together.

    One that is not sure is the only one, but so many sums were looked at that it may fit by accident. One that is
    marked is held together by more than its days: the party, or all lines of a subject or series.
    """

    banks: tuple[BankLine, ...]
    books: tuple[BookLine, ...]
    mark: str
    score: int
    sure: bool = True
    marked: bool = False
    stage: str = "subset_sum"
    tell: Tell = words.by_sum

    @property
    def lines(self) -> tuple[Line, ...]:
        return (*self.banks, *self.books)

    @property
    def ids(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(line.id for line in self.banks), frozenset(line.id for line in self.books)


@dataclass(frozen=True, slots=True)
class Finding:
    """The answers found for one line, or why none is proved."""

    answers: tuple[Answer, ...] = ()
    unproved: str = ""


NOTHING = Finding()


def of_party(pool: Pool, target: Item, own: Sequence[Item]) -> Finding:
    """Find what adds up to a line among the lines of its own party near in time."""
    if not _reaches(target.amount, own):
        return NOTHING
    party = own[0].party_as_written or target.party_as_written
    mark = f"of the sums of lines of the party {party} near in time no other fits"
    return _among(pool, target, own, mark, 850, marked=True)


def of_any(pool: Pool, target: Item, parts: Sequence[Item]) -> Finding:
    """Find what adds up to a line among all lines near in time."""
    if not _reaches(target.amount, parts):
        return NOTHING
    days = pool.rules.date_window_days
    return _among(pool, target, parts, f"no other sum of the lines within {days} days fits", 750)


def of_wholes(pool: Pool, target: Item, parts: Sequence[Item], wholes: Iterable[Whole]) -> list[Answer]:
    """Turn the whole sets that come to a line into answers."""
    looked_at = count_wholes(parts)
    fit = sums.fitting([part.amount for part in parts], target.amount)
    sure = is_rare(pool, looked_at, fit, target.amount)
    found = []
    for whole in wholes:
        mark = f"{whole.spelled()} Such sets looked at: {looked_at:,}."
        one = _answer(pool, target, whole.items, mark, 820, sure=sure, marked=is_strong(whole.mark))
        if one and len(whole.items) <= pool.rules.subset_max_lines:
            found.append(one)
    return found


def _reaches(target: int, parts: Sequence[Item]) -> bool:
    if len(parts) < 2:
        return False
    if target > 0:
        return sum([part.amount for part in parts if part.amount > 0]) >= target
    return sum([part.amount for part in parts if part.amount < 0]) <= target


def _among(pool: Pool, target: Item, parts: Sequence[Item], mark: str, score: int, *, marked: bool = False) -> Finding:
    rules = pool.rules
    if len(parts) > rules.subset_max_candidates:
        return Finding(unproved=f"{len(parts)} lines are more than the bound of {rules.subset_max_candidates}")
    amounts = [part.amount for part in parts]
    found = sums.find(amounts, target.amount, most=rules.subset_max_lines, max_nodes=rules.subset_max_nodes)
    answers = []
    fit = sums.fitting(amounts, target.amount) if found.answers else []
    for places in found.answers:
        looked_at = sums.looks(len(fit), len(places))
        sure = is_rare(pool, looked_at, fit, target.amount)
        told = f"{mark}; sums looked at: {looked_at:,}."
        one = _answer(pool, target, [parts[at] for at in places], told, score, sure=sure, marked=marked)
        if one:
            answers.append(one)
    return Finding(tuple(answers), found.unproved)


def is_rare(pool: Pool, looked_at: int, fit: Sequence[int], target: int) -> bool:
    """Tell whether an answer found among so many sums is too rare to be an accident."""
    if looked_at <= FEW_LOOKS:
        return True
    return sums.chance_ppm(looked_at, fit, target) <= pool.rules.subset_max_chance_ppm


def _answer(
    pool: Pool, target: Item, parts: Sequence[Item], mark: str, score: int, *, sure: bool, marked: bool
) -> Answer | None:
    """Set target and parts on their sides; nothing when a person took exactly these apart."""
    lines = sorted((target.line, *(part.line for part in parts)), key=lambda line: line.id)
    banks = tuple(line for line in lines if isinstance(line, BankLine))
    books = tuple(line for line in lines if isinstance(line, BookLine))
    return None if pool.is_refused(banks, books) else Answer(banks, books, mark, score, sure, marked)
