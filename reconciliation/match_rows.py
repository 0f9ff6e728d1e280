"""Write matches of a locked bank account: one that is asked for, or all that a run found, each tied to the cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compliance import access, audit
from compliance.permissions import Permission
from coverpay.kernel import clock, copying, ids
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import step
from coverpay.kernel.errors import Conflict, IllegalTransition, Invalid
from coverpay.kernel.money import Money
from reconciliation import matching, open_lines
from reconciliation.aliases import Voices
from reconciliation.findings import LISTED
from reconciliation.ledger.models import Line
from reconciliation.matching.lines import Compared
from reconciliation.models import BankAccount, Match, MatchBankLine, MatchBookLine, StatementLine


class DoesNotTie(Invalid):
    """The chosen lines of the bank and of the books do not come to the same amount, or one side has none."""

    code = "does_not_tie"


class NotOpen(Conflict):
    """A chosen line is not of this account, is matched or set aside already, or moves no money."""

    code = "line_not_open"


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


@step
def standing(match_id: str, actor: Actor) -> tuple[BankAccount, Match]:
    """Lock the account of a match that stands. Raises: Forbidden, NotFound, IllegalTransition."""
    found = access.get_operable(actor, Match.objects.all(), match_id, permission=Permission.RECONCILIATION_WRITE)
    account = locked(found.bank_account_id, actor)
    found = Match.objects.get(pk=found.pk)
    if found.undone_at is not None:
        raise IllegalTransition("The match is undone already.", field="match")
    return account, found


@step
def take_apart(account: BankAccount, found: Match, reason: str, actor: Actor) -> None:
    """Undo a standing match of a locked account; its lines are free."""
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


@step
def keep_many(account: BankAccount, found: Sequence[matching.Match], voices: Voices) -> list[Match]:
    """Write the matches of a run by COPY, lines before matches; the database checks each."""
    now = clock.now()
    rows = [
        Match(
            id=id,
            bank_account=account,
            stage=one.stage,
            score=one.score,
            reason=one.reason,
            inputs={**told(one.compared), **voices.spoke(one.banks, one.books)},
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


def told(compared: Compared) -> dict[str, dict[str, str]]:
    """What was compared, as it is kept."""
    return {what: {"bank": bank, "books": books} for what, bank, books in compared}


_COLUMNS = (
    "id", "bank_account_id", "stage", "score", "reason", "inputs", "rule_version", "matched_at", "matched_by",
    "undone_reason", "undone_by",
)  # fmt: skip
