"""Wake-ups leave after the commit, never after a rollback, and losing one is no error."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.db import transaction

from coverpay.kernel import jobs

pytestmark = pytest.mark.django_db(transaction=True)
Sent = list[tuple[str, ...]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    carried: Sent = []
    before = (jobs._transport, jobs._transport_errors)
    jobs.use(lambda task, *args: carried.append((task, *args)))
    yield carried
    jobs.use(*before)


def wake_and_fail(task: str) -> None:
    with transaction.atomic():
        jobs.wake(task)
        raise ZeroDivisionError


def away(task: str, *args: str) -> None:
    raise ConnectionRefusedError("no broker")


def test_a_wake_up_leaves_after_the_commit_and_not_before(sent: Sent) -> None:
    with transaction.atomic():
        jobs.wake("payments.submit", "att_1")
        assert sent == []
    assert sent == [("payments.submit", "att_1")]


def test_nothing_is_sent_when_the_transaction_is_rolled_back(sent: Sent) -> None:
    with pytest.raises(ZeroDivisionError):
        wake_and_fail("payments.submit")
    assert sent == []


def test_nothing_is_sent_for_the_part_that_was_undone(sent: Sent) -> None:
    with transaction.atomic():
        jobs.wake("kept")
        with pytest.raises(ZeroDivisionError):
            wake_and_fail("undone")
    assert sent == [("kept",)]


def test_a_broker_that_is_away_is_logged_and_no_error(sent: Sent, caplog: pytest.LogCaptureFixture) -> None:
    jobs.use(away)
    with caplog.at_level(logging.WARNING), transaction.atomic():
        jobs.wake("payments.submit", "att_1")
    assert "wake-up lost" in caplog.text


def test_an_error_the_transport_did_not_name_undoes_nothing_either(
    sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(task: str, *args: str) -> None:
        raise ZeroDivisionError

    jobs.use(broken)
    with transaction.atomic():
        jobs.wake("first")
        transaction.on_commit(lambda: sent.append(("after",)))
    assert sent == [("after",)]
    assert "ZeroDivisionError" in caplog.text


def test_without_a_transport_wake_ups_are_dropped(sent: Sent) -> None:
    jobs.use(None)
    with transaction.atomic():
        jobs.wake("payments.submit", "att_1")
    assert sent == []
