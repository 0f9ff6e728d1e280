"""Match lines of the bank with lines of the books: by the rules, by a person, and apart again.

Matching never posts: it compares statement lines with the lines of the account's cash account in the books and writes
matches and breaks. A match is a group of lines that ties to the cent. The bank account's row is the lock, so no line
can be matched twice. A run repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, copying, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid
from coverpay.kernel.money import Money
from reconciliation import findings, matching, open_lines
from reconciliation.findings import LISTED
from reconciliation.ledger.models import Line
from reconciliation.matching.rules import DEFAULT
from reconciliation.models import BankAccount, Break, Match, MatchBankLine, MatchBookLine, StatementLine

BY_HAND = "by_hand"
"""The stage of a match that a person made."""


class DoesNotTie(Invalid):
    """The chosen lines of the bank and of the books do not come to the same amount, or one side has none."""

    code = "does_not_tie"


class NotOpen(Conflict):
    """A chosen line is not of this account or stands in a match already."""

    code = "line_not_open"


@dataclass(frozen=True, slots=True)
class MatchingRun:
    """What one run changed, and how many lines it looked at."""

    bank_account_id: str
    rule_version: str
    bank_line_count: int
    book_line_count: int
    matched: list[Match] = field(default_factory=list)
    opened: list[Break] = field(default_factory=list)
    closed: list[Break] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.matched or self.opened or self.closed)


@command
def run_matching(*, bank_account_id: str, actor: Actor) -> MatchingRun:
    """Match the account's open bank lines with its open book lines, and bring its breaks up to date.

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
    findings.close_breaks_of(match)
    return match


@command
def undo(*, match_id: str, reason: str, actor: Actor) -> Match:
    """Take a match apart with the reason; its lines are looked at anew at once.

    The rules never match exactly these lines again; a person may.
    Raises: Forbidden, NotFound, BadText without a reason, IllegalTransition when it was undone before.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    account, found = _standing(match_id, actor)
    _undo(account, found, reason, actor)
    _settle(account)
    return found


@step
def locked(bank_account_id: str, actor: Actor) -> BankAccount:
    """Take the lock of matching: the bank account's row. Raises: Forbidden, NotFound."""
    rows = BankAccount.objects.select_for_update(no_key=True, of=("self",))
    return access.get_operable(
        actor, rows, bank_account_id, permission=Permission.RECONCILIATION_WRITE, field="bank_account"
    )


@step
def keep_locked(
    account: BankAccount,
    *,
    bank_lines: Sequence[StatementLine],
    book_lines: Sequence[Line],
    stage: str,
    score: int,
    reason: str,
    inputs: Mapping[str, Any],
    rule_version: str,
    matched_by: str = "",
) -> Match:
    """Keep one match of a locked account's lines, with an audit entry. It ties to the cent or is refused.

    Breaks about the lines stay as they are; `findings.close_breaks_of` closes them.
    Raises: DoesNotTie, NotOpen.
    """
    _check_ties(account, bank_lines, book_lines)
    _check_open(account, bank_lines, book_lines)
    match = Match(
        id=ids.new("mat"),
        bank_account=account,
        stage=stage,
        score=score,
        reason=reason,
        inputs=dict(inputs),
        rule_version=rule_version,
        matched_by=matched_by,
    )
    MatchBankLine.objects.bulk_create(MatchBankLine(match=match, statement_line=line) for line in bank_lines)
    MatchBookLine.objects.bulk_create(MatchBookLine(match=match, ledger_line=line) for line in book_lines)
    match.save(force_insert=True)
    audit.record(
        action="match.keep",
        object_id=match.id,
        organization_id=account.organization_id,
        after={"stage": stage, **_sides(match)},
        reason=reason,
    )
    return match


@step
def chosen_bank_lines(account: BankAccount, line_ids: Sequence[str]) -> list[StatementLine]:
    """The named lines by date. Raises: NotOpen naming `bank_lines` for one of another account."""
    found = StatementLine.objects.filter(statement__bank_account=account, pk__in=line_ids).order_by("posted_on", "id")
    lines = list(found)
    _check_all_found({line.id for line in lines}, set(line_ids), "bank_lines")
    return lines


@step
def chosen_book_lines(account: BankAccount, line_ids: Sequence[int]) -> list[Line]:
    """The named lines by date. Raises: NotOpen naming `book_lines` for one of another account."""
    rows = Line.objects.filter(account_id=account.ledger_account_id, pk__in=line_ids)
    lines = list(rows.order_by("posted_on", "id"))
    _check_all_found({str(line.pk) for line in lines}, {str(line_id) for line_id in line_ids}, "book_lines")
    return lines


def _check_all_found(found: set[str], asked: set[str], side: str) -> None:
    if missing := sorted(asked - found):
        raise NotOpen(f"This account has no line {missing[0][:40]}.", field=side)


def _check_ties(account: BankAccount, bank_lines: Sequence[StatementLine], book_lines: Sequence[Line]) -> None:
    for side, lines in (("bank_lines", bank_lines), ("book_lines", book_lines)):
        if not lines:
            raise DoesNotTie("Choose at least one line of each side.", field=side)
    bank, books = sum(line.amount_minor for line in bank_lines), sum(line.amount_minor for line in book_lines)
    if bank != books:
        currency = account.currency
        raise DoesNotTie(
            f"The bank lines come to {Money(bank, currency)}, the book lines to {Money(books, currency)}; "
            f"the difference is {Money(bank - books, currency)}.",
            field="book_lines",
        )


def _check_open(account: BankAccount, bank_lines: Sequence[StatementLine], book_lines: Sequence[Line]) -> None:
    bank = open_lines.open_bank_lines(account).filter(pk__in=[line.pk for line in bank_lines])
    books = open_lines.open_book_lines(account).filter(pk__in=[line.pk for line in book_lines])
    if bank.count() != len(bank_lines):
        raise NotOpen("A bank line is matched already or moves no money; look again.", field="bank_lines")
    if books.count() != len(book_lines):
        raise NotOpen("A book line is matched already; look again.", field="book_lines")


def _standing(match_id: str, actor: Actor) -> tuple[BankAccount, Match]:
    """Lock the account of a match that stands. Raises: Forbidden, NotFound, IllegalTransition."""
    found = access.get_operable(actor, Match.objects.all(), match_id, permission=Permission.RECONCILIATION_WRITE)
    account = locked(found.bank_account_id, actor)
    found = Match.objects.get(pk=found.pk)
    if found.undone_at is not None:
        raise IllegalTransition("The match is undone already.", field="match")
    return account, found


def _undo(account: BankAccount, found: Match, reason: str, actor: Actor) -> None:
    before = _sides(found)
    found.undone_at = clock.now()
    found.undone_reason = reason
    found.undone_by = actor.id
    found.save(update_fields=["undone_at", "undone_reason", "undone_by"])
    audit.record(
        action="match.undo",
        object_id=found.id,
        organization_id=account.organization_id,
        before=before,
        after={"undone": True},
        reason=reason,
    )


def _sides(match: Match) -> dict[str, Any]:
    bank = match.bank_lines.order_by("id").values_list("statement_line_id", flat=True)
    books = match.book_lines.order_by("id").values_list("ledger_line_id", flat=True)
    return {
        "bank_lines": list(bank[:LISTED]),
        "book_lines": list(books[:LISTED]),
        "bank_line_count": len(bank),
        "book_line_count": len(books),
    }


def _settle(account: BankAccount) -> MatchingRun:
    bank_lines, book_lines = open_lines.bank_side(account), open_lines.book_side(account)
    found = matching.match(
        bank_lines, book_lines, DEFAULT, cuts=open_lines.last_stated(account), refused=open_lines.refused(account)
    )
    run = MatchingRun(account.id, DEFAULT.version, len(bank_lines), len(book_lines))
    run.matched.extend(_keep_many(account, found.matches))
    match_of = {
        line_id: row.id
        for row, one in zip(run.matched, found.matches, strict=True)
        for line_id in (*one.bank_line_ids, *one.book_line_ids)
    }
    changed = findings.bring_up_to_date(account, found.breaks, match_of)
    run.opened.extend(changed.opened)
    run.closed.extend(changed.closed)
    if run.changed:
        _tell(account, run)
    return run


def _keep_many(account: BankAccount, found: Sequence[matching.Match]) -> list[Match]:
    """Write the matches of a run by COPY, lines before matches; the database checks each."""
    now = clock.now()
    rows = [
        Match(
            id=id,
            bank_account=account,
            stage=one.stage,
            score=one.score,
            reason=one.reason,
            inputs={what: {"bank": bank, "books": books} for what, bank, books in one.compared},
            rule_version=one.rule_version,
            matched_at=now,
        )
        for id, one in zip(ids.many("mat", len(found)), found, strict=True)
    ]
    both = list(zip(rows, found, strict=True))
    bank = ((row.id, line_id, True) for row, one in both for line_id in one.bank_line_ids)
    books = ((row.id, int(line_id), True) for row, one in both for line_id in one.book_line_ids)
    if rows:
        copying.insert(MatchBankLine, ("match_id", "statement_line_id", "live"), bank)
        copying.insert(MatchBookLine, ("match_id", "ledger_line_id", "live"), books)
        copying.insert(Match, _COLUMNS, ([getattr(row, name) for name in _COLUMNS] for row in rows))
    return rows


_COLUMNS = (
    "id", "bank_account_id", "stage", "score", "reason", "inputs", "rule_version", "matched_at", "matched_by",
    "undone_reason", "undone_by",
)  # fmt: skip


def _tell(account: BankAccount, run: MatchingRun) -> None:
    facts = {
        "rule_version": run.rule_version,
        "matched": len(run.matched),
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
