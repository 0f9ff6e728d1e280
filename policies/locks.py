"""One lock per policy, shared by billing, payments, lifecycle and delinquency."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

from coverpay.kernel.commands import step
from coverpay.kernel.errors import NotFound
from policies.models import Policy

LOCK_TIMEOUT_MS = 3000


@step
def lock(policy_id: str) -> Policy:
    """Lock one policy row (FOR NO KEY UPDATE) until the command ends.

    Raises: NotFound; Busy (by the command) after 3 s.
    """
    return lock_many([policy_id])[0]


@step
def lock_many(policy_ids: Collection[str]) -> list[Policy]:
    """Lock several policies in ascending id, so that no two commands can wait for each other in a ring."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_MS}ms'")
    wanted = sorted(set(policy_ids))
    rows = list(Policy.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk"))
    if len(rows) != len(wanted):
        missing = sorted(set(wanted) - {row.id for row in rows})
        raise NotFound(f"No policy {missing[0]}.", field="policy")
    return rows
