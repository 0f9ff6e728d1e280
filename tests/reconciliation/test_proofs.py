"""The proof of every day: by running sums it says what the proof of each single day says, and names missing days."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from coverpay.kernel.actors import Actor
from reconciliation import matches, proofs, queries
from reconciliation.imports import import_statement
from reconciliation.models import BankAccount, Statement
from tests.support import bank, world

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
SECOND, THIRD = bank.FIRST + DAY, bank.FIRST + 2 * DAY
EVER = (dt.date(2025, 1, 1), dt.date(2027, 1, 1))


def _world() -> tuple[BankAccount, Actor]:
    mga = world.organization()
    return bank.account(mga), bank.acting(mga, "finance")


def _three_days() -> BankAccount:
    """700 in the books on the first day and at the bank on the third; a fee on the second; 40 in the books only."""
    account, finance = _world()
    bank.received(account, 700, "R7")
    bank.received(account, 40, "LOST", SECOND)
    content = bank.days([bank.line(100, "X")], [bank.line(-5, "", "FEE")], [bank.line(700, "R7")], opening=1_000)
    assert not import_statement(content=content, file_name="d.bai", actor=finance).problems
    matches.run_matching(bank_account_id=account.id, actor=finance)
    return account


def _said(proof: proofs.DayProof) -> dict[str, int]:
    return {item.label: item.amount_minor for item in proof.items}


def test_each_day_adds_up_and_is_explained_to_the_cent() -> None:
    first, second, third = proofs.daily(_three_days(), *EVER)
    assert (first.opening_minor, first.lines_minor, first.closing_minor, first.ledger_minor) == (1_000, 100, 1_100, 700)
    assert _said(first) == {proofs.BEFORE: 1_000, proofs.BANK_ONLY: 100, proofs.LATER_AT_BANK: -700}
    assert (second.opening_minor, second.lines_minor, second.closing_minor) == (1_100, -5, 1_095)
    assert _said(second) == {
        proofs.BEFORE: 1_000, proofs.BANK_ONLY: 95, proofs.BOOKS_ONLY: -40, proofs.LATER_AT_BANK: -700,
    }  # fmt: skip
    assert (third.closing_minor, third.ledger_minor) == (1_795, 740)
    assert _said(third) == {proofs.BEFORE: 1_000, proofs.BANK_ONLY: 95, proofs.BOOKS_ONLY: -40}
    assert all(each.ties and each.unexplained_minor == 0 for each in (first, second, third))


def test_a_range_that_begins_later_says_the_same_of_its_days() -> None:
    account = _three_days()
    assert proofs.daily(account, SECOND, THIRD) == [*proofs.daily(account, *EVER)][1:]


def test_a_day_lists_the_lines_behind_each_item() -> None:
    account = _three_days()
    proof = proofs.of_day(account, SECOND)
    assert proof is not None
    behind = {item.label: item for item in proof.items}
    assert [line.amount_minor for line in behind[proofs.BANK_ONLY].bank_lines] == [100, -5]
    assert [line.reference for line in behind[proofs.BOOKS_ONLY].book_lines] == ["LOST"]
    assert [line.amount_minor for line in behind[proofs.LATER_AT_BANK].bank_lines] == [700]
    for item in proof.items:
        if item.label != proofs.BEFORE:
            assert item.count == len(item.bank_lines) + len(item.book_lines)
    assert proofs.of_day(account, bank.FIRST - DAY) is None


@pytest.mark.parametrize("wrong", [7, -7])
def test_what_has_no_explanation_is_said_with_its_sign_whichever_way_it_is(wrong: int) -> None:
    account = _three_days()
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE reconciliation_statement SET closing_minor = closing_minor + %s WHERE as_of = %s", [wrong, THIRD]
        )
        cursor.execute("SET session_replication_role = origin")
    *_, third = proofs.daily(account, *EVER)
    assert (third.unexplained_minor, third.adds_up, third.ties) == (wrong, False, False)


def test_business_days_without_a_statement_are_named() -> None:
    account, finance = _world()
    friday, wednesday = dt.date(2026, 1, 9), dt.date(2026, 1, 14)
    for on in (friday, wednesday):
        import_statement(content=bank.statement(on=on), file_name=f"{on}.bai", actor=finance)
    first, second = proofs.daily(account, *EVER)
    assert (first.gaps, second.gaps) == ([], [dt.date(2026, 1, 12), dt.date(2026, 1, 13)])
    (alone,) = proofs.daily(account, wednesday, wednesday)
    assert alone.gaps == second.gaps, "the statement before counts though the range leaves it out"
    # Martin Luther King's day, the 19th, is no business day.
    assert proofs.gaps_since_last(account, dt.date(2026, 1, 21)) == [
        dt.date(2026, 1, 15), dt.date(2026, 1, 16), dt.date(2026, 1, 20),
    ]  # fmt: skip


def test_a_range_takes_as_many_queries_as_one_day() -> None:
    account = _three_days()

    def queries_of(from_on: dt.date, to_on: dt.date) -> int:
        with CaptureQueriesContext(connection) as ran:
            proofs.daily(account, from_on, to_on)
        return len(ran)

    assert queries_of(*EVER) == queries_of(bank.FIRST, bank.FIRST) <= 12


moves = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([-3, 2, 7, 11])), max_size=7)


class EveryDay(TestCase):
    @given(both=moves, bank_only=moves, books_only=moves)
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_running_sums_say_of_every_day_what_its_own_proof_says(
        self,
        both: list[tuple[int, int, int]],
        bank_only: list[tuple[int, int, int]],
        books_only: list[tuple[int, int, int]],
    ) -> None:
        account, finance = _world()
        stated: list[list[object]] = [[] for _ in range(5)]
        for number, (here, there, minor) in enumerate(both):
            bank.received(account, minor, f"B{number}", bank.FIRST + here * DAY)
            stated[there].append(bank.line(minor, f"B{number}"))
        for number, (here, _, minor) in enumerate(books_only):
            bank.received(account, minor, f"O{number}", bank.FIRST + here * DAY)
        for there, _, minor in bank_only:
            stated[there].append(bank.line(minor, "", "?"))
        import_statement(content=bank.days(*stated), file_name="d.bai", actor=finance)  # type: ignore[arg-type]
        matches.run_matching(bank_account_id=account.id, actor=finance)
        found = proofs.daily(account, *EVER)
        assert [each.on for each in found] == list(Statement.objects.order_by("as_of").values_list("as_of", flat=True))
        for each in found:
            alone = queries.balance_proof(account, each.on)
            assert alone is not None
            assert {item.label: (item.amount_minor, item.count) for item in alone.items} == {
                item.label: (item.amount_minor, item.count) for item in each.items
            }
            assert (alone.ledger_minor, alone.closing_minor) == (each.ledger_minor, each.closing_minor)
            assert each.ties
