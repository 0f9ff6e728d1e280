"""Several people and workers at once: a file is imported once, no line is matched twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.db import connection

from compliance.models import EventRecord
from coverpay.kernel.errors import Busy, IllegalTransition
from reconciliation import matches
from reconciliation.imports import import_statement
from reconciliation.models import Match, Statement, StatementLine
from tests.support import bank, world

pytestmark = pytest.mark.usefixtures("committed")
T = TypeVar("T")


def _at_once(work: Callable[[], T], threads: int = 8) -> list[T]:
    def run(_: int) -> T:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def test_a_file_sent_by_eight_at_once_is_imported_once() -> None:
    mga = world.organization()
    bank.account(mga)
    content, sender = bank.statement(bank.line(100)), bank.acting(mga, "finance")
    found = _at_once(lambda: import_statement(content=content, file_name="day.bai", actor=sender).id)
    assert len(set(found)) == 1
    assert Statement.objects.count() == StatementLine.objects.count() == 1
    assert EventRecord.objects.filter(type="statement.imported").count() == 1


def test_eight_runs_at_once_match_each_line_once() -> None:
    mga = world.organization()
    account, runner = bank.account(mga), bank.acting(mga, "finance")
    for number in range(20):
        bank.received(account, 100 + number, f"R{number}")
    lines = [bank.line(100 + number, f"R{number}") for number in range(20)]
    import_statement(content=bank.statement(*lines), file_name="day.bai", actor=runner)

    def run() -> int:
        try:
            return len(matches.run_matching(bank_account_id=account.id, actor=runner).matched)
        except Busy:
            return 0

    assert sorted(_at_once(run)) == [0] * 7 + [20]
    assert Match.objects.count() == 20


def test_a_match_undone_by_eight_at_once_is_undone_once() -> None:
    mga = world.organization()
    account, runner = bank.account(mga), bank.acting(mga, "finance")
    bank.received(account, 100, "R1")
    import_statement(content=bank.statement(bank.line(100, "R1")), file_name="day.bai", actor=runner)
    (match,) = matches.run_matching(bank_account_id=account.id, actor=runner).matched

    def undo() -> int:
        try:
            matches.undo(match_id=match.id, reason="Not the same.", actor=runner)
        except (IllegalTransition, Busy):
            return 0
        return 1

    assert sum(_at_once(undo)) == 1
