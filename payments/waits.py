"""Growing waits after tries that failed: kept in the database's cache, counted one at a time.

A key's first tries cost nothing; each further failure doubles the wait. Whoever waits is refused without being heard,
so that a right answer and a wrong one look the same.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection

from coverpay.kernel import clock
from coverpay.kernel.commands import step
from coverpay.kernel.errors import DomainError

FORGOTTEN_AFTER = dt.timedelta(hours=24)
MOST = dt.timedelta(hours=12)


class TooManyTries(DomainError):
    """Too many tries failed; wait as long as is said, then try again."""

    status = 429
    code = "too_many_tries"


@dataclass(frozen=True, slots=True)
class Watched:
    """What is counted (never kept in clear), how many failures are free, and how long the first wait is."""

    kind: str
    what: str
    free: int
    first: dt.timedelta = dt.timedelta(minutes=1)

    @property
    def key(self) -> str:
        return f"wait:{self.kind}:{hashlib.sha256(self.what.encode('utf-8', 'surrogatepass')).hexdigest()}"


@step
def refuse_waiting(watched: Sequence[Watched]) -> None:
    """Take what is watched for this command alone, and refuse it while any of it waits. Raises: TooManyTries."""
    for key in sorted(each.key for each in watched):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
    until = max((_until(each) for each in watched), default=None)
    if until is None or until <= clock.now():
        return
    seconds = int((until - clock.now()).total_seconds()) + 1
    minutes = -(-seconds // 60)
    words = "a minute" if minutes == 1 else f"{minutes} minutes"
    raise TooManyTries(f"Too many tries. Please wait {words}, then try again.", headers={"Retry-After": str(seconds)})


@step
def failed(watched: Sequence[Watched]) -> None:
    """Count a failure of everything that is watched."""
    for each in watched:
        count, _ = _kept(each)
        over = count + 1 - each.free
        wait = min(each.first * 2 ** min(over - 1, 20), MOST) if over > 0 else dt.timedelta(0)
        until = (clock.now() + wait).timestamp()
        cache.set(each.key, [count + 1, until], timeout=int(FORGOTTEN_AFTER.total_seconds()))


@step
def succeeded(watched: Watched) -> None:
    """Forget the failures of one key."""
    cache.delete(watched.key)


def _until(watched: Watched) -> dt.datetime:
    return dt.datetime.fromtimestamp(_kept(watched)[1], dt.UTC)


def _kept(watched: Watched) -> tuple[int, float]:
    count, until = cache.get(watched.key) or (0, 0)
    return count, until
