"""The last stage: lines whose words are alike, as suggestions for a person. It never matches."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from reconciliation.matching.evidence import party_named
from reconciliation.matching.lines import BankLine, BookLine, Suggestion, compared
from reconciliation.matching.names import is_name, normal, normal_name
from reconciliation.matching.pool import Pool, in_order
from reconciliation.matching.words import apart, days_between, money_of

STAGE = "fuzzy_text"
REACH_DAYS = 31
"""How far apart lines of one amount may stand to be suggested."""
CLOSE_PERCENT = 10
"""How much two amounts may differ, of the larger one, to be suggested within the window."""
OF_EACH = 3
"""How many suggestions a bank line gets."""
MOST = 200
"""How many book lines are compared with one bank line."""
LEARNT = 100
"""How much an alias learnt from confirmed pairs raises a score."""
_MIN_REFERENCE = 5


@dataclass(frozen=True, slots=True)
class _Likeness:
    """How alike the words of two lines are, from 0 to 1000, and by what."""

    score: int
    by: str
    learnt: bool = False


def fuzzy_text(pool: Pool) -> None:
    """Suggest pairs among what is left, and within what nobody can tell apart."""
    books = in_order(pool.books)
    days = [book.posted_on.toordinal() for book in books]
    by_amount: dict[int, list[BookLine]] = {}
    for book in books:
        by_amount.setdefault(book.amount_minor, []).append(book)
    days_of = {amount: [book.posted_on.toordinal() for book in some] for amount, some in by_amount.items()}
    window = pool.rules.date_window_days
    for bank in in_order(pool.bank):
        day = bank.posted_on.toordinal()
        same = _within(by_amount.get(bank.amount_minor, []), days_of.get(bank.amount_minor, []), day, REACH_DAYS)
        close = _within(books, days, day, window)
        _suggest(pool, bank, [*same, *(book for book in close if _is_close(bank, book))])
    for banks, some in pool.contested:
        if len(banks) * len(some) <= MOST:
            for bank in banks:
                _suggest(pool, bank, [book for book in some if book.amount_minor == bank.amount_minor])


def _within(books: Sequence[BookLine], days: Sequence[int], day: int, reach: int) -> Sequence[BookLine]:
    first, last = bisect_left(days, day - reach), bisect_right(days, day + reach)
    return books[first:last] if last - first <= MOST else ()


def _is_close(bank: BankLine, book: BookLine) -> bool:
    apart = abs(bank.amount_minor - book.amount_minor)
    larger = max(abs(bank.amount_minor), abs(book.amount_minor))
    return 0 < apart * 100 <= larger * CLOSE_PERCENT


def _suggest(pool: Pool, bank: BankLine, books: Sequence[BookLine]) -> None:
    found = []
    for book in books:
        if pool.is_refused((bank,), (book,)):
            continue
        likeness = _likeness(pool, bank, book)
        if likeness.score >= pool.rules.fuzzy_threshold:
            found.append((_score(bank, book, likeness), book, likeness))
    found.sort(key=lambda one: (-one[0], one[1].id))
    for score, book, likeness in found[:OF_EACH]:
        reason = _reason(bank, book, likeness)
        told = compared((bank,), (book,))
        pool.suggestions.append(Suggestion((bank.id,), (book.id,), STAGE, score, reason, told, pool.rules.version))


def _likeness(pool: Pool, bank: BankLine, book: BookLine) -> _Likeness:
    """Compare references with the bank's references and text, and the party with who the bank names."""
    party = normal_name(book.party)
    if party and pool.parties.learnt(bank) == party:
        return _Likeness(1000, f"the bank's words were learnt to mean {book.party}", learnt=True)
    best = _Likeness(0, "")
    if len(spelled := normal(book.reference)) >= _MIN_REFERENCE:
        for text in _spellings(bank):
            score = (
                int(fuzz.partial_ratio(spelled, text) if len(text) > len(spelled) else fuzz.ratio(spelled, text)) * 10
            )
            if score > best.score:
                best = _Likeness(score, f"the reference {book.reference} is nearly in the bank's words")
    if party and is_name(book.party):
        words = " ".join(sorted(pool.parties.said(bank)))
        score = 1000 if party_named(pool.parties, bank, book) else int(fuzz.token_set_ratio(party, words)) * 10
        if score > best.score:
            best = _Likeness(score, f"the bank's words are like the party {book.party}")
    return best


def _spellings(bank: BankLine) -> Iterable[str]:
    return (spelled for text in (*bank.references, bank.text) if (spelled := normal(text)))


def _score(bank: BankLine, book: BookLine, likeness: _Likeness) -> int:
    """Weigh words by 7, the amount by 2, the days by 1; what was learnt counts on top."""
    larger = max(abs(bank.amount_minor), abs(book.amount_minor))
    off = min(abs(bank.amount_minor - book.amount_minor), larger)
    amount = 1000 - off * 1000 // larger
    days = 1000 - min(days_between((bank,), (book,)), REACH_DAYS) * 1000 // REACH_DAYS
    return min((likeness.score * 7 + amount * 2 + days) // 10 + LEARNT * likeness.learnt, 1000)


def _reason(bank: BankLine, book: BookLine, likeness: _Likeness) -> str:
    difference = bank.amount_minor - book.amount_minor
    amount = "the amount is the same" if not difference else f"the bank has {money_of(difference, bank)} more"
    if difference < 0:
        amount = f"the bank has {money_of(-difference, bank)} less"
    when = apart(days_between((bank,), (book,)))
    learnt = ", which raises the score" if likeness.learnt else f" (likeness {likeness.score} of 1000)"
    return f"{likeness.by[0].upper()}{likeness.by[1:]}{learnt}; {amount}, {when}."
