"""Pure: whose money it may be. Every suggestion says how sure it is and why; a person decides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from rapidfuzz import fuzz, utils

AT_LEAST = 20
_NUMBER, _NAME, _AMOUNT = 50, 30, 20
"""The most that each likeness counts for, of 100: what was written as policy number, the payor's name, the amount."""
_CLOSE = 80
"""From this likeness on, a name or a number is worth pointing out."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9/-]{2,}")


@dataclass(frozen=True, slots=True)
class Deposit:
    """What is known of the money."""

    payor: str
    reference: str
    memo: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy it may be for; `asked_minor` are its open invoices, and what is open in all."""

    policy_id: str
    number: str
    insured: str
    asked_minor: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A policy with a score of 100 and the reasons in words; `tied` when another is as likely."""

    policy_id: str
    number: str
    insured: str
    score: int
    reasons: tuple[str, ...]
    tied: bool = False


def suggest(deposit: Deposit, candidates: Iterable[Candidate], *, at_most: int = 10) -> list[Suggestion]:
    """Say which policies the money may be for, the likeliest first.

    Gives:  suggestions of at least AT_LEAST of 100. Equal scores are marked as tied, never decided. What was written
            is not taken for a slip of one policy's number where it is the very number of another.
    """
    known = list(candidates)
    numbers = frozenset(_bare(candidate.number) for candidate in known)
    scored = [_scored(deposit, candidate, numbers) for candidate in known]
    likely = sorted((row for row in scored if row.score >= AT_LEAST), key=lambda row: (-row.score, row.number))
    scores = [row.score for row in likely]
    return [
        Suggestion(row.policy_id, row.number, row.insured, row.score, row.reasons, scores.count(row.score) > 1)
        for row in likely[:at_most]
    ]


def _scored(deposit: Deposit, candidate: Candidate, numbers: frozenset[str]) -> Suggestion:
    parts = (_number(deposit, candidate, numbers), _name(deposit, candidate), _amount(deposit, candidate))
    return Suggestion(
        candidate.policy_id,
        candidate.number,
        candidate.insured,
        sum(points for points, _ in parts),
        tuple(reason for _, reason in parts if reason),
    )


def _number(deposit: Deposit, candidate: Candidate, numbers: frozenset[str]) -> tuple[int, str]:
    """How like the policy's number is to what was written as one, or to a word of the memo."""
    others = numbers - {_bare(candidate.number)}
    written = [text for text in (deposit.reference, *_WORD.findall(deposit.memo)) if _bare(text) not in others]
    best, word = max(((_alike(text, candidate.number), text) for text in written if text), default=(0, ""))
    if best < _CLOSE:
        return 0, ""
    same = "is" if best == 100 else "is like"
    return _share(_NUMBER, best), f"{word!r} {same} the policy number {candidate.number} ({best}%)"


def _name(deposit: Deposit, candidate: Candidate) -> tuple[int, str]:
    best = 0
    if deposit.payor and candidate.insured:
        ratio = fuzz.token_sort_ratio(deposit.payor, candidate.insured, processor=utils.default_process)
        best = round(ratio)
    if best < _CLOSE:
        return 0, ""
    same = "is" if best == 100 else "is like"
    return _share(_NAME, best), f"{deposit.payor!r} {same} the insured {candidate.insured} ({best}%)"


def _amount(deposit: Deposit, candidate: Candidate) -> tuple[int, str]:
    if deposit.amount_minor not in candidate.asked_minor:
        return 0, ""
    return _AMOUNT, "the amount is exactly what is open"


def _alike(text: str, number: str) -> int:
    return round(fuzz.ratio(_bare(text), _bare(number)))


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _share(most: int, percent: int) -> int:
    return int((Decimal(most) * percent / 100).to_integral_value())
