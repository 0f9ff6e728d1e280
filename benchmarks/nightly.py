"""A night on a large book of which 1/30 is due, beside one scan for what is due and plain COPY of the same output.

The same book young and old: what was billed before must not slow the night.
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import time
from dataclasses import dataclass

from benchmarks import book
from billing.models import BillingRun
from coverpay import nightly
from coverpay.kernel import actors, clock, ids

SIZE = 100_000
LARGE = 1_000_000
RUN_ON = dt.date(2026, 6, 15)
AGES = {"young": 60, "old": 270}
"""How many days before the night the first terms of a book began; they begin on thirty days in turn."""
_SCAN = """
SELECT i.policy_id, i.id, i.due_on, t.component, t.amount_minor
  FROM billing_installment i JOIN billing_installmentitem t ON t.installment_id = i.id
  JOIN policies_policy p ON p.id = i.policy_id
 WHERE i.invoice_id IS NULL AND i.replaced_by_id IS NULL AND i.bill_on <= %s AND p.operator_id = %s
"""


@dataclass(frozen=True, slots=True)
class Night:
    """One night: what it did, how long it took, and how long the scan and COPY of its output took."""

    age: str
    policies: int
    billed: int
    rows: int
    seconds: float
    plain: float
    rss_mb: int

    @property
    def ratio(self) -> float:
        return self.plain / self.seconds

    def cells(self) -> list[str]:
        return [
            f"{self.policies:,} policies, {self.age}",
            f"{self.billed:,}",
            f"{self.seconds / 60:.2f} min",
            f"{self.billed / self.seconds:,.0f}/s",
            f"{self.plain:.2f} s",
            f"{self.ratio:.2f}",
            f"{self.rss_mb} MB",
        ]


HEADINGS = ["Book", "Billed", "Night", "Policies", "Scan and COPY", "Ratio", "Memory"]


def run(*, large: bool = False) -> list[Night]:
    """Seed a young book and an old one, then run the night of each."""
    size = LARGE if large else SIZE
    houses = {}
    for number, (age, days) in enumerate(AGES.items()):
        houses[age] = book.open_house(f"bench-{age}")
        first = 10_000_000 * (number + 1)
        book.seed(
            houses[age],
            range(first, first + size),
            first_day=RUN_ON - dt.timedelta(days=days),
            days=30,
            billed_before=RUN_ON,
        )
    warm = _warm_up()
    book.settle()
    _night(warm, "", 0, None)
    mirror = book.Mirror("mirror_nightly")
    nights = [_night(house, age, size, mirror) for age, house in houses.items()]
    mirror.close()
    return nights


def _warm_up() -> book.House:
    """A small book of its own, so that connections, plans and caches are warm and every account is open."""
    house = book.open_house("bench-warm")
    book.seed(house, range(1_000, 4_000), first_day=RUN_ON, days=1, billed_before=RUN_ON)
    return house


def _night(house: book.House, age: str, size: int, mirror: book.Mirror | None) -> Night:
    print(f"running the night of {age or 'a small'} book ...", file=sys.stderr, flush=True)
    mark = ids.new("mrk").removeprefix("mrk_")
    began = time.perf_counter()
    with clock.frozen(dt.datetime.combine(RUN_ON, dt.time(12), dt.UTC)):
        done = nightly.run(organization_id=house.operator.id, run_on=RUN_ON, actor=actors.system("bench"))
    seconds = time.perf_counter() - began
    billed = done.progress["invoices"]["done"]
    if done.state != BillingRun.State.FINISHED or done.failures.exists() or not billed:
        raise RuntimeError(f"the night did not go through: {done.progress}")
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if mirror is None:
        return Night(age, size, billed, 0, seconds, seconds, rss_mb)
    count, taken = mirror.take(mark)
    began = time.perf_counter()
    mirror.scan(_SCAN, [RUN_ON, house.operator.id])
    mirror.write(taken)
    return Night(age, size, billed, count, seconds, time.perf_counter() - began, rss_mb)
