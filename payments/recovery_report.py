"""How much of what failed came back: by code, gateway, program, class or month, set-based, in counts and money."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth

from compliance import access
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Invalid
from payments.models import Payment, RecoveryCase, RecoveryStep

State = RecoveryCase.State
# What rows are grouped by -> the column, and what it is called.
GROUPS = {
    "code": (F("code"), "Code"),
    "gateway": (F("gateway"), "Gateway"),
    "program": (F("policy__program__code"), "Program"),
    "class": (F("failure_class"), "Class"),
    "month": (TruncMonth("opened_at"), "Month of the failure"),
}
DEFAULT_DAYS = 90


class ReportGroupUnknown(Invalid):
    """The report is grouped by code, gateway, program, class or month."""

    code = "report_group_unknown"


@dataclass(frozen=True, slots=True)
class Rate:
    """The cases of one group in one currency: all, won back (of these by recovery's own charges), running, lost.

    Money in minor units. `rate` is the part of the money that came back, in percent with two decimals.
    """

    key: str
    currency: str
    cases: int
    amount_minor: int
    recovered: int
    recovered_minor: int
    by_recovery: int
    by_recovery_minor: int
    running: int
    running_minor: int
    lost: int
    lost_minor: int
    retries: int
    rate: Decimal


def rates(actor: Actor, *, by: str = "code", since: dt.date | None = None, until: dt.date | None = None) -> list[Rate]:
    """The recovery rate of cases opened from a day through another, for the rows the actor may see.

    Raises: ReportGroupUnknown, Invalid (until).
    """
    if by not in GROUPS:
        raise ReportGroupUnknown(f"Group by {', '.join(GROUPS)}.", field="by")
    until = until or clock.today()
    since = since or until - dt.timedelta(days=DEFAULT_DAYS)
    if until < since:
        raise Invalid("The last day comes before the first.", field="until")
    rows = access.visible(actor, RecoveryCase.objects.all()).filter(
        opened_at__date__gte=since, opened_at__date__lte=until
    )
    return [_rate(row) for row in _grouped(rows, by)]


def as_csv(by: str, rows: Iterable[Rate]) -> str:
    """The report as a table for spreadsheets; amounts in minor units beside their currency."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [field.name for field in fields(Rate)]
    writer.writerow([by, *names[1:]])
    for row in rows:
        writer.writerow([_plain(getattr(row, name)) for name in names])
    return file.getvalue()


def _plain(value: Any) -> Any:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _grouped(rows: QuerySet[RecoveryCase], by: str) -> Iterable[dict[str, Any]]:
    paid = RecoveryStep.objects.filter(case=OuterRef("pk"), payment__state=Payment.State.SUCCEEDED)
    won, running = Q(state=State.RECOVERED), Q(state__in=(State.OPEN, State.WITH_PERSON))
    lost, ours = Q(state__in=(State.EXHAUSTED, State.STOPPED)), won & Q(by_us=True)
    figures: dict[str, Any] = {"cases": Count("pk"), "amount": Sum("amount_minor"), "retries_made": Sum("retries")}
    for name, of in (("recovered", won), ("by_recovery", ours), ("running", running), ("lost", lost)):
        figures[f"{name}_count"] = Count("pk", filter=of)
        figures[f"{name}_sum"] = Coalesce(Sum("amount_minor", filter=of), 0)
    grouped: QuerySet[Any, Any] = rows.annotate(by_us=Exists(paid), key=GROUPS[by][0]).values("key", "currency")
    found: Iterable[dict[str, Any]] = grouped.annotate(**figures).order_by("key", "currency")
    return found


def _rate(row: dict[str, Any]) -> Rate:
    key = row["key"]
    return Rate(
        key=f"{key:%Y-%m}" if isinstance(key, dt.datetime) else str(key),
        currency=row["currency"],
        cases=row["cases"],
        amount_minor=row["amount"],
        recovered=row["recovered_count"],
        recovered_minor=row["recovered_sum"],
        by_recovery=row["by_recovery_count"],
        by_recovery_minor=row["by_recovery_sum"],
        running=row["running_count"],
        running_minor=row["running_sum"],
        lost=row["lost_count"],
        lost_minor=row["lost_sum"],
        retries=row["retries_made"],
        rate=percent(row["recovered_sum"], row["amount"]),
    )


def percent(part: int, whole: int) -> Decimal:
    """A part of a whole in percent, two decimals, cut off; zero of nothing."""
    hundredths = part * 10_000 // whole if whole else 0
    return Decimal(hundredths).scaleb(-2)
