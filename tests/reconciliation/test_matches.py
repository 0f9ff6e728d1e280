"""Matching in the database: what is kept, what a repeated run does, what undoing does."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.models import AuditEntry, EventRecord, Organization
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid, NotFound
from reconciliation import breaks, matches, queries
from reconciliation.imports import import_statement
from reconciliation.matches import MatchingRun
from reconciliation.matching.rules import DEFAULT
from reconciliation.models import BankAccount, Break, Match, StatementLine
from tests.support import bank, world

pytestmark = pytest.mark.django_db
SECOND = bank.FIRST + dt.timedelta(days=1)


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    return bank.account(mga)


@pytest.fixture
def finance(mga: Organization) -> Actor:
    return bank.acting(mga, "finance")


def _state(content: bytes, actor: Actor) -> None:
    assert import_statement(content=content, file_name="day.bai", actor=actor).problems == []


def _run(account: BankAccount, actor: Actor) -> MatchingRun:
    return matches.run_matching(bank_account_id=account.id, actor=actor)


def _open_breaks(account: BankAccount) -> dict[str, int]:
    return dict(Break.objects.filter(bank_account=account, state="open").values_list("kind", "difference_minor"))


def test_the_payout_of_the_main_job_is_matched_with_its_reason(account: BankAccount, finance: Actor) -> None:
    cash = bank.received(account, 535_900, "PAYOUT-0001")
    _state(bank.statement(bank.line(535_900, "PAYOUT-0001")), finance)
    run = _run(account, finance)
    match = Match.objects.get()
    assert run.matched == [match]
    assert (match.ledger_lines, match.amount_minor) == ([cash], 535_900)
    assert (match.stage, match.score, match.rule_version) == ("exact_reference", 1000, DEFAULT.version)
    assert match.reason == "Same reference PAYOUT0001, same amount 5,359.00 USD, on the same day."
    assert match.inputs["reference"] == {"bank": "PAYOUT-0001", "books": "PAYOUT-0001"}
    assert not Break.objects.exists()


def test_a_run_leaves_an_audit_entry_and_a_public_event(account: BankAccount, finance: Actor) -> None:
    bank.received(account, 100, "R1")
    _state(bank.statement(bank.line(100, "R1"), bank.line(7)), finance)
    _run(account, finance)
    entry = AuditEntry.objects.get(action="matching.run")
    event = EventRecord.objects.get(type="statement.matched")
    assert (entry.object_id, entry.after["matched"], entry.after["breaks_opened"]) == (account.id, 1, 1)
    assert event.object_id == account.id
    assert (event.data["matched"], event.data["breaks_open"]) == (1, 1)


def test_a_run_repeated_changes_nothing(account: BankAccount, finance: Actor) -> None:
    bank.received(account, 100, "R1")
    bank.received(account, 55, "LOST", bank.FIRST - dt.timedelta(days=9))
    _state(bank.statement(bank.line(100, "R1"), bank.line(7), bank.line(8, "R8"), bank.line(8, "R8")), finance)
    _run(account, finance)
    before = (list(Match.objects.values()), list(Break.objects.values()), AuditEntry.objects.count())
    again = _run(account, finance)
    assert not again.changed
    assert (list(Match.objects.values()), list(Break.objects.values()), AuditEntry.objects.count()) == before


def test_what_has_no_partner_is_a_break_with_a_signed_difference(account: BankAccount, finance: Actor) -> None:
    bank.received(account, 55, "LOST", bank.FIRST - dt.timedelta(days=9))
    bank.received(account, 300, "R3")
    _state(bank.statement(bank.line(-1_250, "", "MONTHLY FEE"), bank.line(299, "R3")), finance)
    _run(account, finance)
    assert _open_breaks(account) == {"bank_only": -1_250, "books_only": -55, "amount_differs": -1}


def test_a_break_is_closed_when_the_other_side_arrives(account: BankAccount, finance: Actor) -> None:
    _state(bank.statement(bank.line(100, "R1")), finance)
    _run(account, finance)
    assert _open_breaks(account) == {"bank_only": 100}
    bank.received(account, 100, "R1", SECOND)
    run = _run(account, finance)
    (closed,) = run.closed
    assert not _open_breaks(account)
    assert closed.closed_reason == f"Settled by matching: the line is matched ({run.matched[0].id})."


def test_an_answer_that_stops_being_unique_reopens_as_ambiguous(account: BankAccount, finance: Actor) -> None:
    _state(bank.statement(bank.line(100)), finance)
    _run(account, finance)
    one, other = bank.received(account, 100, "A"), bank.received(account, 100, "B")
    _run(account, finance)
    found = Break.objects.get(state="open")
    assert (found.kind, set(found.inputs["candidates"])) == ("ambiguous", {str(one.pk), str(other.pk)})
    assert not Match.objects.exists()
    (shown,) = queries.open_breaks(account)
    assert shown.bank_line == StatementLine.objects.get()
    assert set(shown.book_lines) == {one, other}


def test_a_break_a_person_closed_stays_closed(account: BankAccount, finance: Actor) -> None:
    _state(bank.statement(bank.line(-1_250, "", "MONTHLY FEE")), finance)
    _run(account, finance)
    breaks.close(break_id=Break.objects.get().id, reason="Bank fee, booked by hand next month.", actor=finance)
    assert not _run(account, finance).changed
    assert not _open_breaks(account)


def test_undoing_keeps_the_match_as_history_and_opens_both_lines(account: BankAccount, finance: Actor) -> None:
    bank.received(account, 100, "R1", bank.FIRST - dt.timedelta(days=1))
    _state(bank.statement(bank.line(100, "R1")), finance)
    (match,) = _run(account, finance).matched
    undone = matches.undo(match_id=match.id, reason="Another payor's money.", actor=finance)
    assert undone.undone_at is not None
    assert undone.undone_reason == "Another payor's money."
    assert _open_breaks(account) == {"bank_only": 100, "books_only": -100}
    assert AuditEntry.objects.get(action="match.undo").reason == "Another payor's money."
    assert not _run(account, finance).changed, "the pair must not be matched again"


def test_undoing_twice_or_without_a_reason_is_refused(account: BankAccount, finance: Actor) -> None:
    bank.received(account, 100, "R1")
    _state(bank.statement(bank.line(100, "R1")), finance)
    (match,) = _run(account, finance).matched
    with pytest.raises(Invalid):
        matches.undo(match_id=match.id, reason=" ", actor=finance)
    matches.undo(match_id=match.id, reason="Wrong.", actor=finance)
    with pytest.raises(IllegalTransition):
        matches.undo(match_id=match.id, reason="Wrong.", actor=finance)


def test_another_organization_or_a_viewer_can_neither_run_nor_undo(
    mga: Organization, account: BankAccount, finance: Actor
) -> None:
    bank.received(account, 100, "R1")
    _state(bank.statement(bank.line(100, "R1")), finance)
    stranger, viewer = bank.acting(world.organization(), "finance"), bank.acting(mga, "viewer")
    for actor, refusal in ((stranger, NotFound), (viewer, Forbidden)):
        with pytest.raises(refusal):
            _run(account, actor)
    (match,) = _run(account, finance).matched
    for actor, refusal in ((stranger, NotFound), (viewer, Forbidden)):
        with pytest.raises(refusal):
            matches.undo(match_id=match.id, reason="Mine now.", actor=actor)


def test_lines_of_another_account_are_never_matched(mga: Organization, account: BankAccount, finance: Actor) -> None:
    other = bank.account(mga, mark="4470002")
    bank.received(other, 100, "R1")
    _state(bank.statement(bank.line(100, "R1")), finance)
    _run(account, finance)
    assert _open_breaks(account) == {"bank_only": 100}
