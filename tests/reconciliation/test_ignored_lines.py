"""Statement lines set aside: never silently gone, never matched, and taken up again."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from compliance.models import AuditEntry, Organization
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid, NotFound
from reconciliation import checklists, matches, queries
from reconciliation.imports import import_statement
from reconciliation.ledger.models import Book
from reconciliation.matches import NotOpen
from reconciliation.models import BankAccount, Break, IgnoredLine, Match, MatchBankLine, StatementLine
from tests.support import bank, world

pytestmark = pytest.mark.django_db


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    return bank.account(mga)


@pytest.fixture
def finance(mga: Organization) -> Actor:
    return bank.acting(mga, "finance")


@pytest.fixture
def line(account: BankAccount, finance: Actor) -> StatementLine:
    """A transfer of 50.00 out and, the same day, back in: noise, of which the outgoing half is given."""
    content = bank.statement(bank.line(-5_000, "", "SWEEP OUT"), bank.line(5_000, "", "SWEEP BACK"))
    import_statement(content=content, file_name="day.bai", actor=finance)
    matches.run_matching(bank_account_id=account.id, actor=finance)
    return StatementLine.objects.get(amount_minor=-5_000)


def _ignore(account: BankAccount, lines: list[StatementLine], actor: Actor) -> list[IgnoredLine]:
    ids = [line.id for line in lines]
    return matches.ignore(bank_account_id=account.id, bank_line_ids=ids, reason="Sweep, nets to zero.", actor=actor)


def test_a_line_set_aside_is_an_explained_item_of_the_proof(
    account: BankAccount, finance: Actor, line: StatementLine
) -> None:
    (row,) = _ignore(account, [line], finance)
    proof = queries.balance_proof(account)
    assert proof is not None
    assert [(item.label, item.amount_minor, item.count) for item in proof.items] == [
        ("On the statements only", 5_000, 1),
        ("On the statements only, set aside with a reason", -5_000, 1),
    ]
    assert proof.ties
    assert (row.ignored_by, AuditEntry.objects.get(action="statement_line.ignore").reason) == (finance.id, row.reason)


def test_its_break_is_closed_and_no_run_opens_it_again(
    account: BankAccount, finance: Actor, line: StatementLine
) -> None:
    (row,) = _ignore(account, [line], finance)
    closed = Break.objects.get(subject_id=line.id)
    assert closed.closed_reason == f"Settled by matching: the line is set aside ({row.id})."
    bank.received(account, -5_000)
    assert not matches.run_matching(bank_account_id=account.id, actor=finance).matched
    (shown,) = [shown for shown in queries.lines_of(line.statement) if shown.line == line]
    assert (shown.match, shown.found, shown.ignored) == (None, None, row)


def test_the_checklist_counts_only_lines_that_wait(account: BankAccount, finance: Actor, line: StatementLine) -> None:
    _ignore(account, [line], finance)
    book = Book.objects.get(organization=account.organization)
    waiting = {item.name: item for item in checklists.items(book, bank.FIRST)}["bank_lines"]
    assert (waiting.count, waiting.amount_minor) == (1, 5_000)


def test_a_line_taken_up_again_is_looked_at_at_once(account: BankAccount, finance: Actor, line: StatementLine) -> None:
    (row,) = _ignore(account, [line], finance)
    booked = bank.received(account, -5_000)
    ended = matches.unignore(ignored_id=row.id, reason="It was booked after all.", actor=finance)
    assert (ended.ended_by, ended.ended_reason) == (finance.id, "It was booked after all.")
    assert Match.objects.get().ledger_lines == [booked]
    with pytest.raises(IllegalTransition):
        matches.unignore(ignored_id=row.id, reason="Again.", actor=finance)


def test_only_open_lines_are_set_aside_and_only_with_a_reason(
    mga: Organization, account: BankAccount, finance: Actor, line: StatementLine
) -> None:
    _ignore(account, [line], finance)
    for lines in ([line], []):
        with pytest.raises(NotOpen):
            _ignore(account, lines, finance)
    with pytest.raises(Invalid):
        matches.ignore(bank_account_id=account.id, bank_line_ids=[line.id], reason="", actor=finance)
    for actor, refusal in ((bank.acting(world.organization()), NotFound), (bank.acting(mga, "viewer"), Forbidden)):
        with pytest.raises(refusal):
            _ignore(account, [line], actor)
        with pytest.raises(refusal):
            matches.unignore(ignored_id=IgnoredLine.objects.get().id, reason="x", actor=actor)


def test_a_line_set_aside_is_not_matched_by_hand(account: BankAccount, finance: Actor, line: StatementLine) -> None:
    _ignore(account, [line], finance)
    booked = bank.received(account, -5_000)
    with pytest.raises(NotOpen):
        matches.confirm(
            bank_account_id=account.id, bank_line_ids=[line.id], book_line_ids=[booked.pk], reason="x", actor=finance
        )


def test_the_database_lets_no_line_be_both_matched_and_set_aside(
    account: BankAccount, finance: Actor, line: StatementLine
) -> None:
    (row,) = _ignore(account, [line], finance)
    with pytest.raises(DatabaseError, match="set aside is not matched"), transaction.atomic():
        MatchBankLine.objects.create(match=Match(bank_account=account), statement_line=line)
    other = StatementLine.objects.get(amount_minor=5_000)
    bank.received(account, 5_000)
    matches.run_matching(bank_account_id=account.id, actor=finance)
    with pytest.raises(DatabaseError, match="matched is not set aside"), transaction.atomic():
        IgnoredLine.objects.create(bank_account=account, statement_line=other, reason="x", ignored_by="x")
    matches.unignore(ignored_id=row.id, reason="x", actor=finance)
    with pytest.raises(DatabaseError, match="kept as it is"), transaction.atomic():
        IgnoredLine.objects.update(ended_at=None)
