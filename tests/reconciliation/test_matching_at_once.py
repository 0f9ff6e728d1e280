"""People and rules matching one account at once: whoever comes second sees what the first did."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import pytest
from django.db.models import Count

from compliance.models import Organization
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Busy, DomainError
from reconciliation import matches, queries
from reconciliation.imports import import_statement
from reconciliation.ledger.models import Line
from reconciliation.models import (
    BankAccount,
    IgnoredLine,
    Match,
    MatchBankLine,
    MatchBookLine,
    StatementLine,
)
from tests.support import bank, world
from tests.support.database import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6


@pytest.fixture
def mga() -> Organization:
    return world.organization()


@pytest.fixture
def account(mga: Organization) -> BankAccount:
    return bank.account(mga)


@pytest.fixture
def finance(mga: Organization) -> Actor:
    return bank.acting(mga, "finance")


def _together(*works: Callable[[], object]) -> list[object]:
    """Do all at the same moment. Gives: what each gave, or its refusal; one that found the account busy tries again."""

    def patient(work: Callable[[], object]) -> Callable[[], object]:
        def run() -> object:
            for _ in range(20):
                with contextlib.suppress(Busy):
                    return work()
            raise AssertionError("the account stayed busy")

        return run

    return at_once(*[patient(work) for work in works])


def _stated(finance: Actor, *amounts: int, reference: str = "") -> list[StatementLine]:
    content = bank.statement(*[bank.line(amount, reference) for amount in amounts])
    assert import_statement(content=content, file_name="day.bai", actor=finance).problems == []
    return list(StatementLine.objects.order_by("position"))


def _confirming(
    account: BankAccount, actor: Actor, bank_lines: Sequence[StatementLine], book_lines: Sequence[Line]
) -> Callable[[], Match]:
    return lambda: matches.confirm(
        bank_account_id=account.id,
        bank_line_ids=[line.id for line in bank_lines],
        book_line_ids=[line.pk for line in book_lines],
        reason="Slip.",
        actor=actor,
    )


def _no_line_twice(account: BankAccount) -> None:
    for rows, column in ((MatchBankLine.objects, "statement_line"), (MatchBookLine.objects, "ledger_line")):
        twice = rows.filter(live=True).values(column).annotate(times=Count("id")).filter(times__gt=1)
        assert not twice.exists()
    proof = queries.balance_proof(account)
    assert proof is not None
    assert proof.ties


def _refusals(found: Sequence[object]) -> list[str]:
    return sorted(each.code for each in found if isinstance(each, DomainError))


def test_two_people_confirming_overlapping_lines_match_one_of_them(account: BankAccount, finance: Actor) -> None:
    """Bank 10 and 20; books 10, 20, 30: one takes 10 + 20 with 30, the other 10 with 10."""
    stated = _stated(finance, 10, 20)
    booked = [bank.received(account, amount, "", bank.FIRST) for amount in (10, 20, 30)]
    found = _together(
        _confirming(account, finance, stated, booked[2:]), _confirming(account, finance, stated[:1], booked[:1])
    )
    assert _refusals(found) == ["line_not_open"]
    assert Match.objects.count() == 1
    _no_line_twice(account)


def test_a_person_and_the_rules_never_take_one_line_twice(account: BankAccount, finance: Actor) -> None:
    stated = _stated(finance, *[100 + number for number in range(ROUNDS)], reference="R")
    booked = [bank.received(account, 100 + number, "R") for number in range(ROUNDS)]
    works: Iterator[Callable[[], object]] = (
        _confirming(account, finance, [line], [book]) for line, book in zip(stated, booked, strict=True)
    )
    found = _together(*works, lambda: matches.run_matching(bank_account_id=account.id, actor=finance))
    assert set(_refusals(found)) <= {"line_not_open"}
    assert MatchBankLine.objects.filter(live=True).count() == ROUNDS
    _no_line_twice(account)


def test_what_is_undone_while_the_rules_run_stays_undone(account: BankAccount, finance: Actor) -> None:
    _stated(finance, 100, 200, reference="R")
    for amount in (100, 200):
        bank.received(account, amount, "R")
    run = matches.run_matching(bank_account_id=account.id, actor=finance)
    undone = run.matched[0]
    works = [lambda: matches.run_matching(bank_account_id=account.id, actor=finance)] * 3
    found = _together(*works, lambda: matches.undo(match_id=undone.id, reason="No.", actor=finance))
    assert _refusals(found) == []
    assert not Match.objects.get(pk=undone.pk).bank_lines.filter(live=True).exists()
    assert Match.objects.filter(undone_at=None).count() == 1
    _no_line_twice(account)


def test_a_match_split_and_undone_at_once_is_one_of_both(account: BankAccount, finance: Actor) -> None:
    stated = _stated(finance, 10, 20)
    booked = [bank.received(account, amount, "", bank.FIRST) for amount in (10, 20)]
    whole = _confirming(account, finance, stated, booked)()
    found = _together(
        lambda: matches.undo(match_id=whole.id, reason="No.", actor=finance),
        lambda: matches.split(
            match_id=whole.id, bank_line_ids=[stated[0].id], book_line_ids=[booked[0].pk], reason="Two.", actor=finance
        ),
    )
    assert _refusals(found) == ["illegal_transition"]
    _no_line_twice(account)


def test_a_line_is_either_matched_or_set_aside(account: BankAccount, finance: Actor) -> None:
    (line,) = _stated(finance, 10)
    book = bank.received(account, 10)
    found = _together(
        _confirming(account, finance, [line], [book]),
        lambda: matches.ignore(bank_account_id=account.id, bank_line_ids=[line.id], reason="Noise.", actor=finance),
        lambda: matches.run_matching(bank_account_id=account.id, actor=finance),
    )
    aside, matched = IgnoredLine.objects.count(), MatchBankLine.objects.filter(live=True).count()
    assert aside + matched == 1
    assert set(_refusals(found)) == {"line_not_open"}
    _no_line_twice(account)
