"""Aging: what is open by how long it has been due, on any day, in one query. Its total is the ledger's receivable."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Case, F, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from billing.models import Application, Invoice, LineCredit
from compliance import access
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money

BUCKETS = (
    ("current", None, 0),
    ("days_1_30", 1, 30),
    ("days_31_60", 31, 60),
    ("days_61_90", 61, 90),
    ("over_90", 91, None),
)
"""Name, first and last day after the due date."""
LABELS = {
    "current": "Not yet due",
    "days_1_30": "1 to 30 days",
    "days_31_60": "31 to 60 days",
    "days_61_90": "61 to 90 days",
    "over_90": "Over 90 days",
}
# What rows are grouped by -> the columns of the key, and of the words that name it.
GROUPS = {
    "policy": ("policy_id", ("policy__number", "policy__insured__name")),
    "account": ("account_id", ("account__number", "account__payor__name")),
    "program": ("policy__program_id", ("policy__program__code", "policy__program__name")),
}


class GroupUnknown(Invalid):
    """Aging is grouped by policy, account or program."""

    code = "group_unknown"


@dataclass(frozen=True, slots=True)
class Aged:
    """What is open of one group in one currency, minor units; `key` is empty for invoices of no billing account."""

    key: str
    number: str
    name: str
    currency: str
    current: int
    days_1_30: int
    days_31_60: int
    days_61_90: int
    over_90: int

    @property
    def total(self) -> int:
        return sum(self.amounts)

    @property
    def amounts(self) -> list[int]:
        return [getattr(self, name) for name, _, _ in BUCKETS]


def aged(actor: Actor, on: dt.date, by: str = "policy", **only: Any) -> list[Aged]:
    """Age what is open at the end of a day of everything the actor may read, grouped. One query.

    Takes:  `only`, lookups that narrow the invoices (`policy_id`, `account_id`).
    Raises: GroupUnknown.
    """
    if by not in GROUPS:
        raise GroupUnknown(f"Group by {', '.join(GROUPS)}.", field="by")
    key, names = GROUPS[by]
    rows = (
        open_on(access.visible(actor, Invoice.objects.filter(**only)), on)
        .order_by()
        .values(key, *names, "currency")
        .annotate(**{name: _bucket(on, first, last) for name, first, last in BUCKETS})
        .order_by(*names, key, "currency")
    )
    return [
        Aged(
            row[key] or "", row[names[0]] or "", row[names[1]] or "", row["currency"], *(row[n] for n, _, _ in BUCKETS)
        )
        for row in rows
    ]


def totals(rows: Iterable[Aged]) -> list[Aged]:
    """The sums of rows, one a currency."""
    sums: dict[str, list[int]] = {}
    for row in rows:
        before = sums.get(row.currency, [0] * len(BUCKETS))
        sums[row.currency] = [a + b for a, b in zip(before, row.amounts, strict=True)]
    return [Aged("", "Total", "", currency, *amounts) for currency, amounts in sorted(sums.items())]


def open_on(invoices: QuerySet[Invoice], on: dt.date) -> QuerySet[Any]:
    """The invoices of which something was open at the end of a day, with that as `still_open`."""
    rows = invoices.filter(issued_on__lte=on)
    if on >= clock.today():
        rows = rows.filter(state=Invoice.State.OPEN)  # only these have something open now; found by their index
    found: QuerySet[Any] = with_still_open(rows, on).exclude(still_open=0)
    return found


def with_still_open(invoices: QuerySet[Any], on: dt.date) -> QuerySet[Any]:
    """Add to invoices what of them was open at the end of a day, as `still_open`."""
    applied = Application.objects.filter(line__invoice=OuterRef("pk"), applied_on__lte=on)
    credited = LineCredit.objects.filter(line__invoice=OuterRef("pk"), credited_on__lte=on)
    found: QuerySet[Any] = invoices.annotate(still_open=F("total_minor") - _summed(applied) - _summed(credited))
    return found


def as_csv(rows: Iterable[Aged]) -> str:
    """Rows and their totals as CSV, amounts in whole currency units with a point."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["number", "name", "currency", *(name for name, _, _ in BUCKETS), "total"])
    for row in [*rows, *totals(rows)]:
        figures = [str(Money(amount, row.currency).decimal) for amount in (*row.amounts, row.total)]
        writer.writerow([_cell(row.number), _cell(row.name), row.currency, *figures])
    return text.getvalue()


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def _summed(rows: QuerySet[Any]) -> Coalesce:
    sums = rows.order_by().values("line__invoice").values(sum=Sum("amount_minor"))
    return Coalesce(Subquery(sums, output_field=BigIntegerField()), 0)


def _bucket(on: dt.date, first: int | None, last: int | None) -> Coalesce:
    """The sum of what has been due for `first` to `last` days."""
    fits = {}
    if first is not None:
        fits["due_on__lte"] = on - dt.timedelta(days=first)
    if last is not None:
        fits["due_on__gte"] = on - dt.timedelta(days=last)
    return Coalesce(Sum(Case(When(**fits, then=F("still_open")), default=Value(0))), 0)
