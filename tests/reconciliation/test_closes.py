"""Closing a period: checked, sealed, hashed and chained; opened again only with another's leave, last one first."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from compliance import approvals
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.errors import ApprovalRequired, Forbidden, IllegalTransition, NotFound
from payments import attempts
from reconciliation import closes
from reconciliation.closes import NotClear, NotTheLast, ReasonNeeded
from reconciliation.ledger import balances
from reconciliation.ledger.balances import AlreadySealed
from reconciliation.ledger.models import Entry
from reconciliation.models import Close
from tests.support import books, world
from tests.support.books import House
from tests.support.ledger import raw_entry

pytestmark = pytest.mark.django_db
JANUARY, FEBRUARY = dt.date(2026, 1, 31), dt.date(2026, 2, 28)
REASON = "The bank sends its statement on Monday."


@pytest.fixture
def january(house: House) -> House:
    """An invoice of January, and a clock that stands in March."""
    with clock.frozen(dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)):
        books.billed(house)
    return house


def march() -> Any:
    return clock.frozen(dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC))


def closed(house: House, to_on: dt.date = JANUARY, **more: Any) -> Close:
    """Close a period; what was posted before is committed by then, and its checks are over."""
    connection.check_constraints()
    return closes.close(book_id=house.book_id, to_on=to_on, accepted_reason=REASON, actor=house.me, **more)


def allowed(house: House, made: Close) -> None:
    permit = approvals.request(action="book.reopen", object_id=made.id, amount=None, reason="Late.", actor=house.me)
    approvals.approve(permit_id=permit.id, actor=world.actor(house.operator, "finance"))


def test_a_close_keeps_its_checklist_its_trial_balance_and_a_hash_chained_to_the_one_before(january: House) -> None:
    with march():
        first = closed(january)
        second = closed(january, FEBRUARY)
    assert (first.from_on, first.to_on) == (JANUARY, JANUARY)
    assert (second.from_on, second.to_on, second.hash_before) == (dt.date(2026, 2, 1), FEBRUARY, first.hash)
    assert {item["name"] for item in first.checklist} >= {"trial_balance", "suspense", "attempts", "statements"}
    assert [row[0] for row in first.trial_balance] == ["billed_uncollected", "premium_receivable"]
    assert closes.verify(first)
    assert closes.verify(second)


def test_nothing_is_posted_into_a_closed_period_and_what_comes_late_lands_in_the_open_one(january: House) -> None:
    with march():
        closed(january)
        books.billed(january)
    days = set(Entry.objects.values_list("posted_on", flat=True))
    assert days == {JANUARY, dt.date(2026, 3, 2)}
    with pytest.raises(DatabaseError, match="sealed"), transaction.atomic():
        raw_entry(january.book_id, JANUARY)
        connection.check_constraints()


def test_a_charge_nobody_knows_the_end_of_has_to_be_cleared_first(january: House) -> None:
    with clock.frozen(dt.datetime(2026, 1, 31, 13, tzinfo=dt.UTC)):
        attempt = books.collecting(january, books.billed(january), "tok_timeout_taken")
        attempts.submit(attempt.id)
    with march():
        with pytest.raises(NotClear) as refused:
            closed(january)
        assert refused.value.extra["items"] == ["attempts"]
        attempts.resolve(attempt_id=attempt.id, taken=True, reason="Seen there.", actor=january.me)
        assert closed(january).state == "closed"


def test_what_may_stay_open_needs_a_reason_that_is_kept(january: House) -> None:
    with march():
        with pytest.raises(ReasonNeeded) as refused:
            closes.close(book_id=january.book_id, to_on=JANUARY, actor=january.me)
        assert refused.value.extra["items"] == ["statements"]
        assert closed(january).accepted_reason == REASON


def test_opening_again_takes_anothers_leave_and_only_the_last_period(january: House) -> None:
    with march():
        first, second = closed(january), closed(january, FEBRUARY)
        with pytest.raises(NotTheLast):
            closes.reopen(close_id=first.id, reason="Late.", actor=january.me)
        with pytest.raises(ApprovalRequired):
            closes.reopen(close_id=second.id, reason="Late.", actor=january.me)
        allowed(january, second)
        assert closes.reopen(close_id=second.id, reason="Late.", actor=january.me).state == "reopened"
        with pytest.raises(IllegalTransition):
            closes.reopen(close_id=second.id, reason="Again.", actor=january.me)
        again = closed(january, FEBRUARY)
    assert (again.hash_before, again.from_on) == (first.hash, dt.date(2026, 2, 1))
    assert not proof.check(january.operator.id)


def test_after_opening_again_balances_count_every_line_and_late_entries_show_in_the_next_close(january: House) -> None:
    with march():
        made = closed(january)
        allowed(january, made)
        closes.reopen(close_id=made.id, reason="An invoice was missing.", actor=january.me)
    with clock.frozen(dt.datetime(2026, 1, 31, 18, tzinfo=dt.UTC)):
        books.billed(january)
    with march():
        again = closed(january)
    owed = {row[0]: row[3] for row in again.trial_balance}
    assert owed["premium_receivable"] == 2 * 535_900
    assert balances.trial_balance(january.book_id, JANUARY)
    assert not closes.verify(made)
    assert closes.verify(again)
    assert not proof.check(january.operator.id)


def test_a_day_that_is_not_over_or_sealed_before_is_refused_and_strangers_close_nothing(january: House) -> None:
    with march():
        closed(january, FEBRUARY)
        with pytest.raises(AlreadySealed):
            closed(january)
        with pytest.raises(Forbidden):
            closes.close(book_id=january.book_id, to_on=FEBRUARY, actor=world.actor(january.operator, "billing"))
        with pytest.raises(NotFound):
            closes.close(book_id=january.book_id, to_on=FEBRUARY, actor=world.actor(world.organization("mga"), "admin"))


def test_the_database_lets_a_seal_be_lifted_once_and_changed_in_no_other_way(january: House) -> None:
    with march():
        closed(january)
    for change in ("as_of = '2026-01-01'", "lifted_at = now(), as_of = '2026-01-01'"):
        with pytest.raises(DatabaseError, match="kept as written"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE reconciliation_snapshot SET {change}")
