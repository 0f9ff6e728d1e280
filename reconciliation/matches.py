"""Run matching over a bank account and keep what it found; take a match apart again.

Matching never posts: it compares statement lines with the lines of the account's cash account in the books and writes
matches and breaks. The bank account's row is the lock, so no line can be matched twice. A run repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, ids, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import IllegalTransition
from coverpay.kernel.money import Money
from reconciliation import breaks, matching
from reconciliation.ledger.models import Line
from reconciliation.matching import BankLine, BookLine
from reconciliation.matching.rules import DEFAULT
from reconciliation.models import BankAccount, Break, Match, Statement, StatementLine

RULES = DEFAULT
KINDS = tuple(kind.value for kind in matching.BreakKind)
LISTED = 20
SETTLED = "Settled by matching: "
"""How matching begins the reason of a break it closes itself; any other reason is a person's and is final."""


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
    account = _locked(bank_account_id, actor)
    run = _settle(account)
    if not run.changed:
        commands.unchanged()
    return run


@command
def undo(*, match_id: str, reason: str, actor: Actor) -> Match:
    """Take a match apart with the reason. The pair is never matched again; both lines are looked at anew at once.

    Raises: Forbidden, NotFound, BadText without a reason, IllegalTransition when it was undone before.
    """
    reason = texts.line(reason, field="reason", at_most=300)
    found = access.get_operable(actor, Match.objects.all(), match_id, permission=Permission.RECONCILIATION_WRITE)
    account = _locked(found.bank_account_id, actor)
    found = Match.objects.get(pk=found.pk)
    if found.undone_at is not None:
        raise IllegalTransition("The match is undone already.", field="match")
    found.undone_at = clock.now()
    found.undone_reason = reason
    found.save(update_fields=["undone_at", "undone_reason"])
    audit.record(
        action="match.undo",
        object_id=found.id,
        organization_id=account.organization_id,
        before={"statement_line": found.statement_line_id, "ledger_line": found.ledger_line_id},
        after={"undone": True},
        reason=found.undone_reason,
    )
    _settle(account)
    return found


def open_bank_lines(account: BankAccount) -> QuerySet[StatementLine]:
    """The account's statement lines without a live match, those of zero left out."""
    live = Match.objects.filter(statement_line=OuterRef("pk"), undone_at=None)
    rows = StatementLine.objects.filter(statement__bank_account=account).exclude(amount_minor=0)
    return rows.filter(~Exists(live))


def open_book_lines(account: BankAccount) -> QuerySet[Line]:
    """The lines of the account's cash account in the books without a live match."""
    live = Match.objects.filter(ledger_line=OuterRef("pk"), undone_at=None)
    return Line.objects.filter(account_id=account.ledger_account_id).filter(~Exists(live))


def _locked(bank_account_id: str, actor: Actor) -> BankAccount:
    rows = BankAccount.objects.select_for_update(no_key=True, of=("self",))
    return access.get_operable(
        actor, rows, bank_account_id, permission=Permission.RECONCILIATION_WRITE, field="bank_account"
    )


@step
def _settle(account: BankAccount) -> MatchingRun:
    bank_lines = [_bank_line(account, line) for line in open_bank_lines(account)]
    book_lines = [_book_line(account, line) for line in open_book_lines(account).select_related("entry")]
    last = Statement.objects.filter(bank_account=account).order_by("-as_of").first()
    found = matching.match(
        bank_lines,
        book_lines,
        RULES,
        cuts={account.id: last.as_of} if last else {},
        refused=_refused(account),
    )
    run = MatchingRun(account.id, RULES.version, len(bank_lines), len(book_lines))
    run.matched.extend(_keep_matches(account, found.matches))
    _bring_up_to_date(account, found.breaks, run)
    if run.changed:
        _tell(account, run)
    return run


def _bank_line(account: BankAccount, line: StatementLine) -> BankLine:
    return BankLine(
        id=line.id,
        account_id=account.id,
        amount_minor=line.amount_minor,
        currency=line.currency,
        posted_on=line.posted_on,
        references=tuple(text for text in (line.bank_reference, line.customer_reference) if text),
        text=line.text,
    )


def _book_line(account: BankAccount, line: Line) -> BookLine:
    return BookLine(
        id=str(line.pk),
        account_id=account.id,
        amount_minor=line.amount_minor,
        currency=line.currency,
        posted_on=line.posted_on,
        reference=line.reference,
        subject=line.entry.subject_id,
    )


def _refused(account: BankAccount) -> set[tuple[frozenset[str], frozenset[str]]]:
    undone = Match.objects.filter(bank_account=account, undone_at__isnull=False)
    pairs = undone.values_list("statement_line_id", "ledger_line_id")
    return {(frozenset((bank,)), frozenset((str(book),))) for bank, book in pairs}


def _keep_matches(account: BankAccount, found: Iterable[matching.Match]) -> list[Match]:
    return Match.objects.bulk_create(
        (
            Match(
                id=ids.new("mat"),
                bank_account=account,
                statement_line_id=match.bank_line_ids[0],
                ledger_line_id=int(match.book_line_ids[0]),
                stage=match.stage,
                score=match.score,
                reason=match.reason,
                inputs={what: {"bank": bank, "books": books} for what, bank, books in match.compared},
                rule_version=match.rule_version,
            )
            for match in found
        ),
        batch_size=2000,
    )


def _bring_up_to_date(account: BankAccount, found: Iterable[matching.Break], run: MatchingRun) -> None:
    """Open the breaks that are new, close those that are settled, leave alone what says the same as before.

    A break that a person closed is not opened again while it says the same.
    """
    wanted = {_facts_of_found(one): one for one in found}
    matched = {line: match.id for match in run.matched for line in (match.statement_line_id, str(match.ledger_line_id))}
    rows = Break.objects.filter(bank_account=account, kind__in=KINDS)
    for open_break in rows.filter(state=Break.State.OPEN).order_by("id"):
        if wanted.pop(_facts(open_break), None) is None:
            match_id = matched.get(open_break.subject_id)
            became = f"the line is matched ({match_id})." if match_id else "it no longer stands as it was described."
            breaks.close_break(open_break, reason=SETTLED + became)
            run.closed.append(open_break)
    subjects = [one.line_id for one in wanted.values()]
    decided = rows.filter(state=Break.State.CLOSED, subject_id__in=subjects).exclude(closed_reason__startswith=SETTLED)
    for known in decided:
        wanted.pop(_facts(known), None)
    run.opened.extend(_open(account, wanted.values()))


def _open(account: BankAccount, found: Iterable[matching.Break]) -> Iterator[Break]:
    for one in found:
        opened = breaks.open_break(
            organization_id=account.organization_id,
            bank_account_id=account.id,
            kind=one.kind,
            subject_id=one.line_id,
            difference=Money(one.difference_minor, one.currency),
            reason=one.reason,
            inputs=_inputs(one),
        )
        if opened is not None:
            yield opened


def _inputs(found: matching.Break) -> dict[str, Any]:
    return {
        "candidates": list(found.candidates[:LISTED]),
        "candidate_count": len(found.candidates),
        "claimants": list(found.claimants[:LISTED]),
        "claimant_count": len(found.claimants),
        "rule_version": found.rule_version,
    }


Facts = tuple[str, str, int, str]


def _facts_of_found(found: matching.Break) -> Facts:
    return found.line_id, found.kind.value, found.difference_minor, _spelled(_inputs(found))


def _facts(row: Break) -> Facts:
    return row.subject_id, row.kind, row.difference_minor, _spelled(row.inputs)


def _spelled(inputs: dict[str, Any]) -> str:
    names = ("candidates", "candidate_count", "claimants", "claimant_count")
    return repr([inputs.get(name) for name in names])


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
