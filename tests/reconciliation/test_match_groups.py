"""Matches of several lines: made by a person, parted, undone; and what the database itself refuses."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from compliance.models import AuditEntry, Organization
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid, NotFound
from reconciliation import matches, queries
from reconciliation.imports import import_statement
from reconciliation.ledger.models import Line
from reconciliation.matches import DoesNotTie, NotOpen
from reconciliation.models import BankAccount, Break, Match, MatchBankLine, MatchBookLine, StatementLine
from tests.support import bank, world

pytestmark = pytest.mark.django_db
LATER = bank.FIRST + dt.timedelta(days=20)


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    return bank.account(mga)


@pytest.fixture
def finance(mga: Organization) -> Actor:
    return bank.acting(mga, "finance")


def _stated(finance: Actor, *amounts: int) -> list[StatementLine]:
    """Import a statement of lines that carry nothing to match them by; the books' lines stand 20 days later."""
    content = bank.statement(*[bank.line(amount) for amount in amounts])
    assert import_statement(content=content, file_name="day.bai", actor=finance).problems == []
    return list(StatementLine.objects.order_by("position"))


def _booked(account: BankAccount, *amounts: int) -> list[Line]:
    return [bank.received(account, amount, "", LATER) for amount in amounts]


def _confirm(account: BankAccount, bank_lines: list[StatementLine], book_lines: list[Line], actor: Actor) -> Match:
    return matches.confirm(
        bank_account_id=account.id,
        bank_line_ids=[line.id for line in bank_lines],
        book_line_ids=[line.pk for line in book_lines],
        reason="Looked at the deposit slip.",
        actor=actor,
    )


def test_a_person_matches_two_bank_lines_with_three_book_lines(account: BankAccount, finance: Actor) -> None:
    stated, booked = _stated(finance, 700, 300), _booked(account, 200, 350, 450)
    match = _confirm(account, stated, booked, finance)
    match = Match.objects.get(pk=match.pk)
    assert (match.statement_lines, match.ledger_lines, match.amount_minor) == (stated, booked, 1_000)
    assert (match.stage, match.score, match.matched_by, match.rule_version) == ("by_hand", 1000, finance.id, "")
    entry = AuditEntry.objects.get(action="match.keep")
    assert (entry.reason, entry.after["bank_line_count"], entry.after["book_line_count"]) == (match.reason, 2, 3)


def test_a_deposit_less_fee_matches_a_positive_and_a_negative_book_line(account: BankAccount, finance: Actor) -> None:
    stated, booked = _stated(finance, 9_710), _booked(account, 10_000, -290)
    assert _confirm(account, stated, booked, finance).amount_minor == 9_710


def test_confirming_closes_the_breaks_about_its_lines_only(account: BankAccount, finance: Actor) -> None:
    stated, booked = _stated(finance, 700, 300), _booked(account, 700)
    matches.run_matching(bank_account_id=account.id, actor=finance)
    match = _confirm(account, stated[:1], booked, finance)
    closed, still_open = Break.objects.get(state="closed"), Break.objects.get(state="open")
    assert closed.subject_id == stated[0].id
    assert closed.closed_reason == f"Settled by matching: the line is matched ({match.id})."
    assert still_open.subject_id == stated[1].id
    assert not matches.run_matching(bank_account_id=account.id, actor=finance).changed


def test_what_does_not_tie_is_refused_with_the_difference(account: BankAccount, finance: Actor) -> None:
    stated, booked = _stated(finance, 700, 300), _booked(account, 999)
    with pytest.raises(DoesNotTie) as refused:
        _confirm(account, stated, booked, finance)
    assert refused.value.field == "book_lines"
    assert refused.value.message == (
        "The bank lines come to 10.00 USD, the book lines to 9.99 USD; the difference is 0.01 USD."
    )
    with pytest.raises(DoesNotTie) as refused:
        _confirm(account, stated, [], finance)
    assert refused.value.field == "book_lines"
    assert not Match.objects.exists()


def test_a_line_that_is_matched_or_of_another_account_is_not_open(
    mga: Organization, account: BankAccount, finance: Actor
) -> None:
    stated, booked = _stated(finance, 700, 700), _booked(account, 700, 700)
    elsewhere = _booked(bank.account(mga, mark="4470002"), 700)
    _confirm(account, stated[:1], booked[:1], finance)
    for bank_lines, book_lines, side in (
        (stated[:1], booked[1:], "bank_lines"),
        (stated[1:], booked[:1], "book_lines"),
        (stated[1:], elsewhere, "book_lines"),
    ):
        with pytest.raises(NotOpen) as refused:
            _confirm(account, bank_lines, book_lines, finance)
        assert refused.value.field == side


def test_others_and_viewers_confirm_nothing(mga: Organization, account: BankAccount, finance: Actor) -> None:
    stated, booked = _stated(finance, 700), _booked(account, 700)
    for actor, refusal in ((bank.acting(world.organization()), NotFound), (bank.acting(mga, "viewer"), Forbidden)):
        with pytest.raises(refusal):
            _confirm(account, stated, booked, actor)
    with pytest.raises(Invalid):
        matches.confirm(bank_account_id=account.id, bank_line_ids=[], book_line_ids=[], reason=" ", actor=finance)


def test_an_undone_grouping_is_never_matched_again_by_rules_but_its_lines_are(
    account: BankAccount, finance: Actor
) -> None:
    _stated(finance, 700)
    bank.received(account, 700)
    (match,) = matches.run_matching(bank_account_id=account.id, actor=finance).matched
    matches.undo(match_id=match.id, reason="Another payor's money.", actor=finance)
    assert not MatchBankLine.objects.filter(live=True).exists()
    assert not matches.run_matching(bank_account_id=account.id, actor=finance).changed
    again = _confirm(account, match.statement_lines[:], match.ledger_lines[:], finance)
    assert again.matched_by == finance.id, "a person may match them again"


def test_splitting_leaves_two_matches_that_each_tie(account: BankAccount, finance: Actor) -> None:
    stated, booked = _stated(finance, 700, 300), _booked(account, 200, 500, 300)
    whole = _confirm(account, stated, booked, finance)
    one, rest = matches.split(
        match_id=whole.id,
        bank_line_ids=[stated[0].id],
        book_line_ids=[booked[0].pk, booked[1].pk],
        reason="Two deposits.",
        actor=finance,
    )
    assert (one.statement_lines, one.ledger_lines, one.amount_minor) == (stated[:1], booked[:2], 700)
    assert (rest.statement_lines, rest.ledger_lines, rest.amount_minor) == (stated[1:], booked[2:], 300)
    assert one.inputs == {"split_from": whole.id}
    whole.refresh_from_db()
    assert (whole.undone_reason, whole.undone_by) == ("Two deposits.", finance.id)


@pytest.mark.parametrize(("bank_at", "books_at"), [((0,), (0,)), ((0, 1), (0, 1, 2)), ((), (0,))])
def test_a_split_that_does_not_tie_or_leaves_nothing_changes_nothing(
    account: BankAccount, finance: Actor, bank_at: tuple[int, ...], books_at: tuple[int, ...]
) -> None:
    stated, booked = _stated(finance, 700, 300), _booked(account, 200, 500, 300)
    whole = _confirm(account, stated, booked, finance)
    with pytest.raises(DoesNotTie):
        matches.split(
            match_id=whole.id,
            bank_line_ids=[stated[at].id for at in bank_at],
            book_line_ids=[booked[at].pk for at in books_at],
            reason="x",
            actor=finance,
        )
    with pytest.raises(NotOpen):
        matches.split(match_id=whole.id, bank_line_ids=["stl_x"], book_line_ids=[], reason="x", actor=finance)
    whole.refresh_from_db()
    assert whole.undone_at is None
    assert MatchBookLine.objects.filter(live=True).count() == 3


def test_a_match_that_is_undone_is_not_split(account: BankAccount, finance: Actor) -> None:
    stated, booked = _stated(finance, 700), _booked(account, 700)
    whole = _confirm(account, stated, booked, finance)
    matches.undo(match_id=whole.id, reason="x", actor=finance)
    with pytest.raises(IllegalTransition):
        matches.split(match_id=whole.id, bank_line_ids=[], book_line_ids=[], reason="x", actor=finance)


def test_the_proof_ties_over_groups_across_days(account: BankAccount, finance: Actor) -> None:
    """Bank 700 + 300 on two days, books 600 on the first and 400 much later: the first day is 100 apart."""
    content = bank.days([bank.line(700)], [bank.line(300)])
    import_statement(content=content, file_name="days.bai", actor=finance)
    booked = [bank.received(account, 600), *_booked(account, 400)]
    _confirm(account, list(StatementLine.objects.order_by("posted_on")), booked, finance)
    first = queries.balance_proof(BankAccount.objects.get(), bank.FIRST)
    last = queries.balance_proof(BankAccount.objects.get())
    assert first is not None
    assert last is not None
    assert (first.closing_minor, first.ledger_minor, first.unexplained_minor) == (700, 600, 0)
    assert [(item.label, item.amount_minor) for item in first.items] == [
        ("Matched, but in the books on a later day", 400),
        ("Matched, but at the bank on a later day", -300),
    ]
    assert [(item.amount_minor, item.count) for item in last.items] == [(400, 1)]
    assert last.ties


class TestWhatTheDatabaseRefuses:
    """Rows written past the commands, as raw SQL or a careless program would."""

    @staticmethod
    def _write(account: BankAccount, bank_lines: list[StatementLine], book_lines: list[Line]) -> Match:
        match = Match(bank_account=account, stage="x", score=1, reason="x", rule_version="x")
        MatchBankLine.objects.bulk_create(MatchBankLine(match=match, statement_line=line) for line in bank_lines)
        MatchBookLine.objects.bulk_create(MatchBookLine(match=match, ledger_line=line) for line in book_lines)
        match.save(force_insert=True)
        return match

    def test_a_match_whose_sides_differ_or_are_empty(self, account: BankAccount, finance: Actor) -> None:
        stated, booked = _stated(finance, 700), _booked(account, 700, 1)
        for bank_lines, book_lines in ((stated, booked), (stated, []), ([], booked), ([], [])):
            with pytest.raises(DatabaseError, match="come to the same amount"), transaction.atomic():
                self._write(account, bank_lines, book_lines)
        self._write(account, stated, booked[:1])

    def test_a_match_with_lines_of_another_account(
        self, mga: Organization, account: BankAccount, finance: Actor
    ) -> None:
        stated, booked = _stated(finance, 700), _booked(account, 700)
        other = bank.account(mga, mark="4470002")
        for of, book_lines in ((other, booked), (account, _booked(other, 700)), (other, _booked(other, 700))):
            with pytest.raises(DatabaseError, match="of its own account"), transaction.atomic():
                self._write(of, stated, book_lines)

    def test_a_line_in_two_standing_matches(self, account: BankAccount, finance: Actor) -> None:
        stated, booked = _stated(finance, 700, 700), _booked(account, 700, 700)
        self._write(account, stated[:1], booked[:1])
        for bank_lines, book_lines in ((stated[:1], booked[1:]), (stated[1:], booked[:1])):
            with pytest.raises(IntegrityError, match="matched_once"), transaction.atomic():
                self._write(account, bank_lines, book_lines)

    def test_a_line_that_joins_or_leaves_later(self, account: BankAccount, finance: Actor) -> None:
        stated, booked = _stated(finance, 700, 5), _booked(account, 700, 5)
        match = self._write(account, stated[:1], booked[:1])
        for join in (
            lambda: MatchBankLine.objects.create(match=match, statement_line=stated[1]),
            lambda: MatchBookLine.objects.create(match=match, ledger_line=booked[1]),
        ):
            with pytest.raises(DatabaseError, match="none joins it later"), transaction.atomic():
                join()
        for rows in (MatchBankLine.objects.all(), MatchBookLine.objects.all()):
            with pytest.raises(DatabaseError, match="only when the match is undone"), transaction.atomic():
                rows.update(live=False)
            with pytest.raises(DatabaseError, match="refused"), transaction.atomic():
                rows.delete()

    def test_bringing_an_undone_match_back(self, account: BankAccount, finance: Actor) -> None:
        match = self._write(account, _stated(finance, 700), _booked(account, 700))
        matches.undo(match_id=match.id, reason="x", actor=finance)
        assert not MatchBookLine.objects.filter(live=True).exists()
        with pytest.raises(DatabaseError, match="undone match is kept"), transaction.atomic():
            Match.objects.update(undone_at=None)
        for rows in (MatchBankLine.objects.all(), MatchBookLine.objects.all()):
            with pytest.raises(DatabaseError, match="only when the match is undone"), transaction.atomic():
                rows.update(live=True)
