"""The stage that adds up: several lines of one side for one of the other, or for several.

An answer counts only if it is the only one: two for one line, or two that share a line, are set aside for a person.
What cannot be proved within the bounds, or may fit by accident, is left open and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciliation.matching import answers, words
from reconciliation.matching.answers import Answer, Finding
from reconciliation.matching.crowds import of_few, of_parties
from reconciliation.matching.groups import Joined, Key
from reconciliation.matching.items import Item, Line
from reconciliation.matching.lines import BankLine, BookLine, Suggestion, compared
from reconciliation.matching.marks import items_of, wholes
from reconciliation.matching.nearness import Near
from reconciliation.matching.pool import Pool
from reconciliation.matching.words import added

Known = dict[Key, tuple[tuple[str, ...], Finding]]
"""What was found for a line, and among which lines: it holds as long as these are open."""


def subset_sum(pool: Pool) -> None:
    """Stage 5: sums, one-to-many, many-to-one and many-to-many, in rounds until a round finds nothing sure.

    What a mark holds together goes first: a sum of any lines that fits as well does not stand against it.
    """
    known: Known = {}
    notes: dict[str, str] = {}
    while True:
        banks, books = items_of(pool)
        found = [*_marked(pool, banks, books), *_marked(pool, books, banks), *of_parties(pool), *_pairs(pool)]
        if not _take(pool, found, marked=True):
            notes = {}
            found = [*_any(pool, banks, books, known, notes), *_any(pool, books, banks, known, {}), *found]
            if not _take(pool, found):
                found += of_few(pool)
                if not _take(pool, found):
                    break
    pool.notes.update(notes)
    _set_aside(pool, _components(found))


def _marked(pool: Pool, targets: Sequence[Item], others: Sequence[Item]) -> list[Answer]:
    """Look for the answers of each target that a mark holds together: its party, or all lines of something."""
    window = pool.rules.date_window_days
    whole = wholes(others, {target.amount for target in targets}, 2 * window, marked=True)
    near = Near(others, window, pool.rules.subset_max_candidates)
    found: list[Answer] = []
    for target in targets:
        found.extend(answers.of_party(pool, target, near.own(target)).answers)
        if sets := near.within(target, whole.get(target.amount, ())):
            found.extend(answers.of_wholes(pool, target, near.all(target)[0] or sets[0].items, sets))
    return found


def _any(
    pool: Pool, targets: Sequence[Item], others: Sequence[Item], known: Known, notes: dict[str, str]
) -> list[Answer]:
    """Look for the answers of each target among all lines near in time; note where none is proved."""
    window = pool.rules.date_window_days
    whole = wholes(others, {target.amount for target in targets}, 2 * window)
    near = Near(others, window, pool.rules.subset_max_candidates)
    found: list[Answer] = []
    for target in targets:
        parts, too_many = near.all(target)
        own = answers.of_party(pool, target, near.own(target))
        finding = own if own.answers or too_many else _known(pool, target, parts, known)
        some = list(finding.answers)
        if sets := near.within(target, whole.get(target.amount, ())):
            some.extend(answers.of_wholes(pool, target, parts or sets[0].items, sets))
        unproved = too_many or finding.unproved
        if unproved and not some:
            notes[target.line.id] = f"whether book lines near in time add up to it is not proved: {unproved}."
        found.extend(some)
    return found


def _pairs(pool: Pool) -> list[Answer]:
    """The pairs of one amount that a sum speaks against: they count as answers beside it."""
    return [
        Answer(one.banks, one.books, one.fact, one.score, stage=one.stage, tell=one.tell)
        for one in pool.doubtful
        if one.banks[0].id in pool.bank and one.books[0].id in pool.books
    ]


def _known(pool: Pool, target: Item, parts: Sequence[Item], known: Known) -> Finding:
    key, ids = _key(target.line), tuple([part.line.id for part in parts])
    before = known.get(key)
    if before is None or before[0] != ids:
        before = known[key] = (ids, answers.of_any(pool, target, parts))
    return before[1]


def _components(found: Iterable[Answer]) -> list[list[Answer]]:
    """Gather answers that share a line; the same lines found from both sides are one answer."""
    distinct = {one.ids: one for one in sorted(found, key=lambda one: (one.sure, one.marked, one.score))}
    joined = Joined()
    for one in distinct.values():
        first, *rest = one.lines
        for line in rest:
            joined.join(_key(first), _key(line))
    groups: dict[Key, list[Answer]] = {}
    for one in distinct.values():
        groups.setdefault(joined.leader(_key(one.lines[0])), []).append(one)
    return list(groups.values())


def _key(line: Line) -> Key:
    return ("bank" if isinstance(line, BankLine) else "book", line.id)


def _take(pool: Pool, found: Sequence[Answer], *, marked: bool = False) -> bool:
    """Match the sure answers that share no line with another one; tell whether there was any."""
    alone = [group[0] for group in _components(found) if len(group) == 1]
    done = [
        pool.match(one.banks, one.books, one.stage, one.score, one.tell, one.mark)
        for one in alone
        if one.sure and (one.marked or not marked)
    ]
    return any(done)


def _set_aside(pool: Pool, groups: Iterable[Sequence[Answer]]) -> None:
    """Break what has two answers; suggest what has one that may be an accident, and leave its lines open."""
    for group in groups:
        first = group[0]
        if len(group) == 1:
            if len(first.banks) == 1:
                pool.notes[first.banks[0].id] = f"one sum of book lines fits, but by accident too easily: {first.mark}"
            reason = words.by_sum(first.banks, first.books, first.mark)
            ids = tuple(line.id for line in first.banks), tuple(line.id for line in first.books)
            told = compared(first.banks, first.books)
            pool.suggestions.append(Suggestion(*ids, first.stage, first.score - 150, reason, told, pool.rules.version))
            continue
        banks: dict[str, BankLine] = {line.id: line for one in group for line in one.banks}
        books: dict[str, BookLine] = {line.id: line for one in group for line in one.books}
        pool.contest(banks.values(), books.values(), f"add up in {len(group)} ways, {_two(group)}")


def _two(group: Sequence[Answer]) -> str:
    spelled = sorted(
        f"{added([line.id for line in one.banks])} = {added([line.id for line in one.books])}" for one in group
    )
    return " or ".join(spelled[:2])
