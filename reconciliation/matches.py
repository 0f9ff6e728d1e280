"""Match lines of the bank with lines of the books: by the rules, by a person, and apart again.

Matching never posts: it compares statement lines with the lines of the account's cash account in the books and writes
matches, suggestions and breaks. A match is a group of lines that ties to the cent. The bank account's row is the lock,
so no line can be matched twice. A run repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition
from reconciliation import aliases, findings, match_rules, matching, open_lines, suggestions
from reconciliation.findings import LISTED
from reconciliation.match_rows import (
    DoesNotTie,
    NotOpen,
    chosen_bank_lines,
    chosen_book_lines,
    keep_locked,
    keep_many,
    locked,
    standing,
    take_apart,
)
from reconciliation.models import BankAccount, Break, IgnoredLine, Match, MatchSuggestion

__all__ = [
    "DoesNotTie", "MatchingRun", "NotOpen", "confirm", "ignore", "keep_locked", "locked", "run_matching", "split",
    "undo", "unignore",
]  # fmt: skip

BY_HAND, SPLIT = "by_hand", "split"
"""The stages of matches that a person made."""


@dataclass(frozen=True, slots=True)
class MatchingRun:
    """What one run changed, and how many lines it looked at."""

    bank_account_id: str
    rule_version: str
    bank_line_count: int
    book_line_count: int
    matched: list[Match] = field(default_factory=list)
    suggested: list[MatchSuggestion] = field(default_factory=list)
    lapsed: list[MatchSuggestion] = field(default_factory=list)
    opened: list[Break] = field(default_factory=list)
    closed: list[Break] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.matched or self.suggested or self.lapsed or self.opened or self.closed)


@command
def run_matching(*, bank_account_id: str, actor: Actor) -> MatchingRun:
    """Match the account's open bank lines with its open book lines, and bring its breaks and suggestions up to date.

    Gives:  what changed; nothing when nothing is new.
    Raises: Forbidden, NotFound, Busy while another run holds the account.
    """
    account = locked(bank_account_id, actor)
    run = _settle(account)
    if not run.changed:
        commands.unchanged()
    return run


@command
def confirm(
    *, bank_account_id: str, bank_line_ids: Sequence[str], book_line_ids: Sequence[int], reason: str, actor: Actor
) -> Match:
    """Match chosen lines by hand. What waited for them is settled; nothing else is looked at.

    Raises: Forbidden, NotFound, BadText without a reason, DoesNotTie, NotOpen.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    account = locked(bank_account_id, actor)
    match = keep_locked(
        account,
        bank_lines=chosen_bank_lines(account, bank_line_ids),
        book_lines=chosen_book_lines(account, book_line_ids),
        stage=BY_HAND,
        score=1000,
        reason=reason,
        inputs={},
        rule_version="",
        matched_by=actor.id,
    )
    suggestions.follow_match(match, actor)
    return match


@command
def undo(*, match_id: str, reason: str, actor: Actor) -> Match:
    """Take a match apart with the reason; its lines are looked at anew at once.

    The rules never match exactly these lines again; a person may. What was learnt from the match is forgotten.
    Raises: Forbidden, NotFound, BadText without a reason, IllegalTransition when it was undone before.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    account, found = standing(match_id, actor)
    take_apart(account, found, reason, actor)
    aliases.forget(found, actor)
    _settle(account)
    return found


@command
def split(
    *, match_id: str, bank_line_ids: Sequence[str], book_line_ids: Sequence[int], reason: str, actor: Actor
) -> tuple[Match, Match]:
    """Part a match in two: the named lines, and what is left. Each part ties to the cent.

    Gives:  the match of the named lines, and the match of the rest.
    Raises: Forbidden, NotFound, BadText without a reason, IllegalTransition when it is undone, DoesNotTie, NotOpen.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    account, found = standing(match_id, actor)
    bank, books = found.statement_lines, found.ledger_lines
    bank_ids, book_ids = set(bank_line_ids), set(book_line_ids)
    out_of_bank = [line for line in bank if line.id in bank_ids]
    out_of_books = [line for line in books if line.pk in book_ids]
    for side, taken, asked in (("bank_lines", out_of_bank, bank_ids), ("book_lines", out_of_books, book_ids)):
        if len(taken) != len(asked):
            raise NotOpen("A chosen line is not part of this match.", field=side)
    take_apart(account, found, reason, actor)
    parts = (
        (out_of_bank, out_of_books),
        ([line for line in bank if line.id not in bank_ids], [line for line in books if line.pk not in book_ids]),
    )
    one, rest = (
        keep_locked(
            account, bank_lines=bank_part, book_lines=book_part, stage=SPLIT, score=1000, reason=reason,
            inputs={"split_from": found.id}, rule_version="", matched_by=actor.id,
        )
        for bank_part, book_part in parts
    )  # fmt: skip
    return one, rest


@command
def ignore(*, bank_account_id: str, bank_line_ids: Sequence[str], reason: str, actor: Actor) -> list[IgnoredLine]:
    """Set statement lines aside that need no partner, with the reason. The balance proof goes on naming them.

    Raises: Forbidden, NotFound, BadText without a reason, NotOpen.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    account = locked(bank_account_id, actor)
    lines = chosen_bank_lines(account, bank_line_ids)
    if not lines or open_lines.open_bank_lines(account).filter(pk__in=bank_line_ids).count() != len(lines):
        raise NotOpen("Choose bank lines that are open; look again.", field="bank_lines")
    rows = IgnoredLine.objects.bulk_create(
        IgnoredLine(bank_account=account, statement_line=line, reason=reason, ignored_by=actor.id) for line in lines
    )
    for row in rows:
        audit.record(
            action="statement_line.ignore",
            object_id=row.id,
            organization_id=account.organization_id,
            after={"statement_line": row.statement_line_id},
            reason=reason,
        )
    ignored_as = {row.statement_line_id: row.id for row in rows}
    findings.close_breaks_of_lines(account, ignored_as, "is set aside")
    suggestions.lapse_of_lines(account, ignored_as)
    return rows


@command
def unignore(*, ignored_id: str, reason: str, actor: Actor) -> IgnoredLine:
    """Take a statement line up again; it is looked at anew at once.

    Raises: Forbidden, NotFound, BadText without a reason, IllegalTransition when it was taken up before.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    row = access.get_operable(actor, IgnoredLine.objects.all(), ignored_id, permission=Permission.RECONCILIATION_WRITE)
    account = locked(row.bank_account_id, actor)
    row = IgnoredLine.objects.get(pk=row.pk)
    if row.ended_at is not None:
        raise IllegalTransition("The line was taken up again already.", field="ignored_line")
    row.ended_at, row.ended_by, row.ended_reason = clock.now(), actor.id, reason
    row.save(update_fields=["ended_at", "ended_by", "ended_reason"])
    audit.record(
        action="statement_line.unignore",
        object_id=row.id,
        organization_id=account.organization_id,
        before={"statement_line": row.statement_line_id, "reason": row.reason},
        reason=reason,
    )
    _settle(account)
    return row


@step
def _settle(account: BankAccount) -> MatchingRun:
    rules = match_rules.in_force(account.organization_id)
    bank_lines, book_lines = open_lines.bank_side(account), open_lines.book_side(account)
    refused, voices = open_lines.refused(account), aliases.Voices(account.organization_id)
    found = matching.match(
        bank_lines, book_lines, rules, cuts=open_lines.last_stated(account), refused=refused,
        aliases=voices.for_lines(bank_lines),
    )  # fmt: skip
    run = MatchingRun(account.id, rules.version, len(bank_lines), len(book_lines))
    run.matched.extend(keep_many(account, found.matches, voices))
    match_of = {
        line_id: row.id
        for row, one in zip(run.matched, found.matches, strict=True)
        for line_id in (*one.bank_line_ids, *one.book_line_ids)
    }
    changed = findings.bring_up_to_date(account, found.breaks, match_of)
    run.opened.extend(changed.opened)
    run.closed.extend(changed.closed)
    lines = {line.id: line for side in (bank_lines, book_lines) for line in side} if found.suggestions else {}
    suggested, lapsed = suggestions.bring_up_to_date(account, found.suggestions, lines, refused, voices)
    run.suggested.extend(suggested)
    run.lapsed.extend(lapsed)
    if run.changed:
        _tell(account, run)
    return run


def _tell(account: BankAccount, run: MatchingRun) -> None:
    facts = {
        "rule_version": run.rule_version,
        "matched": len(run.matched),
        "suggested": len(run.suggested),
        "breaks_opened": len(run.opened),
        "breaks_closed": len(run.closed),
        "breaks_open": Break.objects.filter(bank_account=account, state=Break.State.OPEN).count(),
    }
    audit.record(
        action="matching.run",
        object_id=account.id,
        organization_id=account.organization_id,
        after={**facts, "matches": [match.id for match in run.matched[:LISTED]]},
    )
    events.record(
        type="statement.matched",
        organization_id=account.organization_id,
        object_id=account.id,
        data={"bank_account": account.id, **facts},
    )
