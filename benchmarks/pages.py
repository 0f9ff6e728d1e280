"""The list of policies and the page of one, in a large book beside a small one, through the whole of Django."""

from __future__ import annotations

import datetime as dt
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import override_settings

from benchmarks import book
from benchmarks.measure import percentile
from compliance import identity
from compliance.models import User
from coverpay.kernel import actors

SMALL = 1_000
SIZE = 100_000
LARGE = 1_000_000
REQUESTS = 200
FIRST_DAY = dt.date(2025, 10, 1)
TODAY = dt.date(2026, 6, 15)


@dataclass(slots=True)
class Page:
    """What one kind of page took in a book of one size."""

    what: str
    policies: int
    seconds: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)

    def cells(self) -> list[str]:
        p50, p95 = (f"{percentile(self.seconds, share) * 1000:.1f} ms" for share in (0.5, 0.95))
        return [self.what, f"{self.policies:,}", p50, p95, f"{min(self.queries)} to {max(self.queries)}"]


HEADINGS = ["Page", "Policies", "p50", "p95", "Queries"]


def run(*, large: bool = False) -> list[Page]:
    """Measure the pages of a small book, then the same pages of a large one in the same database."""
    size = LARGE if large else SIZE
    found = []
    with override_settings(ALLOWED_HOSTS=["*"], SECURE_SSL_REDIRECT=False):
        for number, count in enumerate((SMALL, size)):
            first = 100_000_000 * (number + 1)
            house = book.open_house(f"bench-pages-{count}")
            numbers = range(first, first + count)
            book.seed(house, numbers, first_day=FIRST_DAY, days=30, billed_before=TODAY)
            book.settle()
            found += _measure(house, numbers)
    return found


def _measure(house: book.House, numbers: range) -> Iterator[Page]:
    print(f"measuring pages of {len(numbers):,} policies ...", file=sys.stderr, flush=True)
    client = Client()
    user = User.objects.create_user(f"pages-{len(numbers)}@example.org", "correct horse battery staple", name="Bench")
    identity.set_role(user_id=user.id, organization_id=house.operator.id, role="admin", actor=actors.system("bench"))
    client.force_login(user)
    spread = itertools.cycle(numbers[:: max(1, len(numbers) // REQUESTS)])
    asked: dict[str, Callable[[], str]] = {
        "list": lambda: "/policies/",
        "one policy": lambda: f"/policies/{book.policy_id(next(spread))}/",
    }
    for what, path in asked.items():
        page = Page(what, len(numbers))
        for number in range(REQUESTS + 10):
            with _counted() as queries:
                began = time.perf_counter()
                answer = client.get(path())
                seconds = time.perf_counter() - began
            if answer.status_code != 200:
                raise RuntimeError(f"{what} answered {answer.status_code}")
            if number >= 10:
                page.seconds.append(seconds)
                page.queries.append(len(queries))
        yield page


@contextmanager
def _counted() -> Iterator[list[str]]:
    """Collect the SQL of a block."""
    seen: list[str] = []

    def note(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        seen.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(note):
        yield seen
