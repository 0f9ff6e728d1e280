"""The answers for one line: which lines of the other side add up to it, and whether that is proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciliation.matching import sums
from reconciliation.matching.evidence import party_named
from reconciliation.matching.lines import BankLine, BookLine
from reconciliation.matching.marks import Line, Whole, wholes
from reconciliation.matching.pool import Pool

FEW_LOOKS = 32
"""Where so few sums are looked at, one that fits needs no further reason."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines of both sides that come to the same sum, and what holds them together.

    One that is not sure is the only one, but so many sums were looked at that it may fit by accident.
    """

    banks: tuple[BankLine, ...]
    books: tuple[BookLine, ...]
    mark: str
    score: int
    sure: bool = True

    @property
    def lines(self) -> tuple[Line, ...]:
        return (*self.banks, *self.books)


@dataclass(frozen=True, slots=True)
class Finding:
    """The answers found for one line, or why none is proved."""

    answers: tuple[Answer, ...] = ()
    unproved: str = ""


NOTHING = Finding()


def find(pool: Pool, target: Line, parts: Sequence[Line], marks: Sequence[tuple[str, ...]]) -> Finding:
    """Find what adds up to a line among the lines near in time: first its own party's, then whole days, then any.

    Takes:  `parts` in the order of their days, each with its marks.
    """
    if not _reaches(target.amount_minor, parts):
        return NOTHING
    own = [part for part in parts if _same_party(pool, target, part)]
    if len(own) > 1:
        found = _among(pool, target, own, f"they are of the party {_party(target, own[0])}", 850)
        if found.answers:
            return found
    full = NOTHING if len(own) == len(parts) else _any(pool, target, parts)
    whole, looked_at = wholes(parts, marks, target.amount_minor)
    answers = [one for each in whole if (one := _of_whole(pool, target, each, parts, looked_at))]
    known = {frozenset(line.id for line in one.lines) for one in answers}
    answers += [one for one in full.answers if frozenset(line.id for line in one.lines) not in known]
    return Finding(tuple(answers), full.unproved)


def _reaches(target: int, parts: Sequence[Line]) -> bool:
    if len(parts) < 2:
        return False
    if target > 0:
        return sum(part.amount_minor for part in parts if part.amount_minor > 0) >= target
    return sum(part.amount_minor for part in parts if part.amount_minor < 0) <= target


def _any(pool: Pool, target: Line, parts: Sequence[Line]) -> Finding:
    """Any lines within the window: only where they are few can the answer be proved to be the only one."""
    days = pool.rules.date_window_days
    return _among(pool, target, parts, f"no other sum of the lines within {days} days fits", 750)


def _among(pool: Pool, target: Line, parts: Sequence[Line], mark: str, score: int) -> Finding:
    rules = pool.rules
    if len(parts) > rules.subset_max_candidates:
        return Finding(unproved=f"{len(parts)} lines are more than the bound of {rules.subset_max_candidates}")
    amounts = [part.amount_minor for part in parts]
    found = sums.find(amounts, target.amount_minor, most=rules.subset_max_lines, max_nodes=rules.subset_max_nodes)
    answers = []
    for places in found.answers:
        looked_at = sums.looks(amounts, target.amount_minor, len(places))
        sure = _rare(pool, looked_at, amounts, target.amount_minor)
        told = f"{mark}; {looked_at:,} sums were looked at."
        if one := _answer(pool, target, [parts[at] for at in places], told, score, sure=sure):
            answers.append(one)
    return Finding(tuple(answers), found.unproved)


def _of_whole(pool: Pool, target: Line, whole: Whole, parts: Sequence[Line], looked_at: int) -> Answer | None:
    if len(whole.lines) > pool.rules.subset_max_lines:
        return None
    sure = _rare(pool, looked_at, [part.amount_minor for part in parts], target.amount_minor)
    return _answer(pool, target, whole.lines, whole.mark, 820, sure=sure)


def _rare(pool: Pool, looked_at: int, amounts: Sequence[int], target: int) -> bool:
    if looked_at <= FEW_LOOKS:
        return True
    return sums.chance_ppm(looked_at, amounts, target) <= pool.rules.subset_max_chance_ppm


def _answer(pool: Pool, target: Line, parts: Sequence[Line], mark: str, score: int, *, sure: bool) -> Answer | None:
    """Set target and parts on their sides; nothing when a person took exactly these apart."""
    banks = tuple(line for line in (target, *parts) if isinstance(line, BankLine))
    books = tuple(line for line in (target, *parts) if isinstance(line, BookLine))
    return None if pool.is_refused(banks, books) else Answer(banks, books, mark, score, sure)


def _same_party(pool: Pool, target: Line, part: Line) -> bool:
    if isinstance(target, BankLine) and isinstance(part, BookLine):
        return party_named(pool.parties, target, part)
    if isinstance(target, BookLine) and isinstance(part, BankLine):
        return party_named(pool.parties, part, target)
    return False


def _party(target: Line, part: Line) -> str:
    return next(line.party for line in (target, part) if isinstance(line, BookLine))
