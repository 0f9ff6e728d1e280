"""What tests of committed work need: nothing wrapped around them, and empty tables afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

OURS = ("compliance", "policies", "billing", "payments", "reconciliation")


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let a test commit, from several threads if it likes; then empty our tables, their guards looking away."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            _empty()


def _empty() -> None:
    tables = [model._meta.db_table for label in OURS for model in apps.get_app_config(label).get_models()]
    names = ", ".join(connection.ops.quote_name(table) for table in tables)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"TRUNCATE {names} CASCADE")
        cursor.execute("SET session_replication_role = origin")
