"""The database in tests: what the flush may do, examples that undo themselves, and real threads.

Every `db` test ends with Django checking all deferred constraints before it rolls back, so an entry that does not
balance fails the test that wrote it (tests/kernel/test_database_in_tests.py shows it).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def flush_may_truncate() -> Iterator[None]:
    """Let the flush that ends each transactional test empty append-only tables; inside tests they stay guarded."""
    from django.db import connection
    from django.test import TransactionTestCase

    flush = TransactionTestCase._fixture_teardown

    def unguarded(case: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
        try:
            flush(case)
        finally:
            connection.close()  # and with it the permission

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", unguarded)
        yield


@contextmanager
def undone() -> Iterator[None]:
    """Run one example in a `db` test: at its end every constraint is checked, then everything is rolled back."""
    from django.db import connection, transaction

    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # commands inside are durable
    with block:
        yield
        connection.check_constraints()
        transaction.set_rollback(True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls in threads that start together, each on its own connection. Gives results or exceptions, in order."""
    from django.db import connections

    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait(timeout=10)
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
