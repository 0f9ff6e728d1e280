"""Suggestions of the rules, kept by the run: new, the same, lapsed, accepted, dismissed."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.models import AuditEntry, Organization
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid, NotFound
from reconciliation import matches, suggestions
from reconciliation.imports import import_statement
from reconciliation.matches import DoesNotTie, MatchingRun
from reconciliation.models import BankAccount, Match, MatchSuggestion, StatementLine
from tests.support import bank, world

pytestmark = pytest.mark.django_db
LATER = bank.FIRST + dt.timedelta(days=25)


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    """A payout whose reference the bank mistypes, too far apart in time to be matched by its amount."""
    account = bank.account(mga)
    bank.received(account, 812_33, "INV-2026-004411", LATER)
    content = bank.statement(bank.line(812_33, "INV-2026-004417", "ACH CREDIT"))
    import_statement(content=content, file_name="day.bai", actor=bank.acting(mga))
    return account


@pytest.fixture
def finance(mga: Organization) -> Actor:
    return bank.acting(mga, "finance")


def _run(account: BankAccount, actor: Actor) -> MatchingRun:
    return matches.run_matching(bank_account_id=account.id, actor=actor)


def test_a_run_keeps_what_is_likely_and_leaves_the_lines_open(account: BankAccount, finance: Actor) -> None:
    run = _run(account, finance)
    (row,) = run.suggested
    assert (row.state, row.difference_minor, row.stage) == ("open", 0, "fuzzy_text")
    assert row.bank_lines == [StatementLine.objects.get().id]
    assert not Match.objects.exists()
    assert not _run(account, finance).changed, "the same is not suggested twice"


def test_an_accepted_suggestion_is_a_match_of_the_person(account: BankAccount, finance: Actor) -> None:
    (row,) = _run(account, finance).suggested
    match = suggestions.accept(suggestion_id=row.id, actor=finance)
    row.refresh_from_db()
    assert (row.state, row.match, row.decided_by) == ("accepted", match, finance.id)
    assert (match.matched_by, match.score, match.rule_version) == (finance.id, row.score, row.rule_version)
    assert match.inputs["suggestion"] == row.id
    assert AuditEntry.objects.filter(action="suggestion.accept").count() == 1
    assert not _run(account, finance).changed


def test_what_was_dismissed_is_not_suggested_again(account: BankAccount, finance: Actor) -> None:
    (row,) = _run(account, finance).suggested
    suggestions.dismiss(suggestion_id=row.id, reason="Two invoices.", actor=finance)
    assert not _run(account, finance).suggested
    for decide in (suggestions.accept, suggestions.dismiss):
        with pytest.raises(IllegalTransition):
            decide(suggestion_id=row.id, reason="x", actor=finance)


def test_what_was_undone_is_not_suggested_again(account: BankAccount, finance: Actor) -> None:
    (row,) = _run(account, finance).suggested
    match = suggestions.accept(suggestion_id=row.id, actor=finance)
    matches.undo(match_id=match.id, reason="Two invoices after all.", actor=finance)
    assert not MatchSuggestion.objects.filter(state="open").exists()
    assert not _run(account, finance).suggested


def test_it_lapses_when_its_line_is_matched_otherwise_or_set_aside(account: BankAccount, finance: Actor) -> None:
    (row,) = _run(account, finance).suggested
    matches.ignore(bank_account_id=account.id, bank_line_ids=row.bank_lines, reason="Noise.", actor=finance)
    row.refresh_from_db()
    assert row.state == "lapsed"
    assert row.decided_by == "", "nobody decided it"


def test_a_suggestion_that_does_not_tie_is_not_accepted(account: BankAccount, finance: Actor) -> None:
    line, book = StatementLine.objects.get(), bank.received(account, 1, "", LATER)
    row = MatchSuggestion.objects.create(
        bank_account=account, bank_lines=[line.id], book_lines=[str(book.pk)], grouping="x",
        difference_minor=812_32, stage="fuzzy_text", score=850, reason="Alike.", rule_version="x",
    )  # fmt: skip
    with pytest.raises(DoesNotTie):
        suggestions.accept(suggestion_id=row.id, actor=finance)
    row.refresh_from_db()
    assert row.state == "open"


def test_others_decide_nothing_and_no_without_a_reason_is_none(
    mga: Organization, account: BankAccount, finance: Actor
) -> None:
    (row,) = _run(account, finance).suggested
    for actor, refusal in ((bank.acting(world.organization()), NotFound), (bank.acting(mga, "viewer"), Forbidden)):
        with pytest.raises(refusal):
            suggestions.accept(suggestion_id=row.id, actor=actor)
    with pytest.raises(Invalid):
        suggestions.dismiss(suggestion_id=row.id, reason=" ", actor=finance)
