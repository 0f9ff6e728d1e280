"""Suggestions of a run: kept, so that a person can accept or dismiss each once, and see later what was offered.

They are written by the run that found them, not worked out when they are looked at: a look over a large account would
cost a whole run, and what a person dismissed could come back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition
from reconciliation import aliases, findings, matching
from reconciliation.aliases import Voices
from reconciliation.match_rows import chosen_bank_lines, chosen_book_lines, keep_locked, locked, told
from reconciliation.matching import BankLine, BookLine
from reconciliation.models import BankAccount, Match, MatchSuggestion
from reconciliation.open_lines import Grouping

S = MatchSuggestion.State


@step
def bring_up_to_date(
    account: BankAccount,
    found: Iterable[matching.Suggestion],
    lines: Mapping[str, BankLine | BookLine],
    refused: Collection[Grouping],
    voices: Voices,
) -> tuple[list[MatchSuggestion], list[MatchSuggestion]]:
    """Keep what a run suggests that is new, and let lapse what it no longer finds.

    What a person dismissed or took apart is not suggested again.
    Takes:  `lines`, those the suggestions name, by id.
    Gives:  the new ones, and those that lapsed.
    """
    wanted = {_hash(one.bank_line_ids, one.book_line_ids): one for one in found if _asked(one) not in refused}
    standing = MatchSuggestion.objects.filter(bank_account=account, state=S.OPEN).order_by("id")
    lapsed = []
    for row in standing:
        if wanted.pop(row.grouping, None) is None:
            _move(row, "lapse")
            lapsed.append(row)
    said_no = MatchSuggestion.objects.filter(bank_account=account, state=S.DISMISSED, grouping__in=list(wanted))
    for grouping in said_no.values_list("grouping", flat=True):
        wanted.pop(grouping, None)
    rows = [_row(account, grouping, one, lines, voices) for grouping, one in wanted.items()]
    return MatchSuggestion.objects.bulk_create(rows, batch_size=2000), lapsed


@step
def lapse_of_lines(account: BankAccount, line_ids: Collection[str]) -> None:
    """Let lapse every open suggestion that names one of the lines."""
    lines = set(line_ids)
    for row in MatchSuggestion.objects.filter(bank_account=account, state=S.OPEN):
        if lines.intersection((*row.bank_lines, *row.book_lines)):
            _move(row, "lapse")


@step
def follow_match(match: Match, actor: Actor) -> None:
    """After a person matched lines: close what waited for them, drop other suggestions of them, learn the payor."""
    findings.close_breaks_of(match)
    lines = [line.id for line in match.statement_lines] + [str(line.pk) for line in match.ledger_lines]
    lapse_of_lines(match.bank_account, lines)
    aliases.learn(match, actor)


@command
def accept(*, suggestion_id: str, reason: str = "", actor: Actor) -> Match:
    """Match what was suggested, as a person's own decision; the reason is the suggestion's when none is given.

    Raises: Forbidden, NotFound, BadText, IllegalTransition when it is no longer open, DoesNotTie, NotOpen.
    """
    reason = texts.line(reason, field="reason", at_most=300, empty=True)
    account, row = _open(suggestion_id, actor)
    match = keep_locked(
        account,
        bank_lines=chosen_bank_lines(account, row.bank_lines),
        book_lines=chosen_book_lines(account, [int(line_id) for line_id in row.book_lines]),
        stage=row.stage,
        score=row.score,
        reason=reason or row.reason,
        inputs={**row.inputs, "suggestion": row.id},
        rule_version=row.rule_version,
        matched_by=actor.id,
    )
    row.match = match
    _decide(row, "accept", reason, actor)
    follow_match(match, actor)
    return match


@command
def dismiss(*, suggestion_id: str, reason: str, actor: Actor) -> MatchSuggestion:
    """Say that the suggested lines are not the same money; exactly these are not suggested again.

    Raises: Forbidden, NotFound, BadText without a reason, IllegalTransition when it is no longer open.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    _, row = _open(suggestion_id, actor)
    _decide(row, "dismiss", reason, actor)
    return row


def _open(suggestion_id: str, actor: Actor) -> tuple[BankAccount, MatchSuggestion]:
    rows = MatchSuggestion.objects.all()
    row = access.get_operable(actor, rows, suggestion_id, permission=Permission.RECONCILIATION_WRITE)
    account = locked(row.bank_account_id, actor)
    row = MatchSuggestion.objects.get(pk=row.pk)
    if row.state != S.OPEN:
        raise IllegalTransition(f"The suggestion is {row.get_state_display().lower()}.", field="suggestion")
    return account, row


def _decide(row: MatchSuggestion, verb: str, reason: str, actor: Actor) -> None:
    row.decided_by, row.decided_reason = actor.id, reason
    _move(row, verb)
    audit.record(
        action=f"suggestion.{verb}",
        object_id=row.id,
        organization_id=row.bank_account.organization_id,
        after={"bank_lines": row.bank_lines, "book_lines": row.book_lines, "match": row.match_id or ""},
        reason=reason,
    )


def _move(row: MatchSuggestion, verb: str) -> None:
    getattr(row, verb)()
    row.decided_at = clock.now()
    row.save(update_fields=["state", "decided_at", "decided_by", "decided_reason", "match"])


def _row(
    account: BankAccount,
    grouping: str,
    one: matching.Suggestion,
    lines: Mapping[str, BankLine | BookLine],
    voices: Voices,
) -> MatchSuggestion:
    banks = [line for line_id in one.bank_line_ids if isinstance(line := lines[line_id], BankLine)]
    books = [line for line_id in one.book_line_ids if isinstance(line := lines[line_id], BookLine)]
    return MatchSuggestion(
        bank_account=account,
        bank_lines=list(one.bank_line_ids),
        book_lines=list(one.book_line_ids),
        grouping=grouping,
        difference_minor=sum(line.amount_minor for line in banks) - sum(line.amount_minor for line in books),
        stage=one.stage,
        score=one.score,
        reason=one.reason,
        inputs={**told(one.compared), **voices.spoke(banks, books)},
        rule_version=one.rule_version,
    )


def _asked(one: matching.Suggestion) -> Grouping:
    return frozenset(one.bank_line_ids), frozenset(one.book_line_ids)


def _hash(bank_line_ids: Sequence[str], book_line_ids: Sequence[str]) -> str:
    spelled = "\n".join([*sorted(bank_line_ids), "=", *sorted(book_line_ids)])
    return hashlib.sha256(spelled.encode()).hexdigest()
