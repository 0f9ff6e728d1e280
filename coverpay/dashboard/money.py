"""What of a policy is billed, paid, credited and given back, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet, Sum
from django.db.models.functions import Coalesce

import billing.queries
from billing import worklists
from billing.models import (
    Delinquency,
    Installment,
    Invoice,
    LineCredit,
    Notice,
    Receipt,
    ReturnPremium,
    Schedule,
)
from compliance import explanations
from compliance.models import Explanation
from policies.models import Policy


@dataclass(frozen=True, slots=True)
class ScheduleShown:
    """The installments of a term that stand, and every version of its schedule, the last one first."""

    term_id: str
    currency: str
    standing: list[Installment]
    versions: list[Schedule]
    reasons: list[Explanation]

    @property
    def latest(self) -> Schedule:
        return self.versions[0]

    @property
    def total_minor(self) -> int:
        return sum(row.total_minor for row in self.standing)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class ReceiptShown:
    """Money received, what of it is applied, and what waits."""

    receipt: Receipt
    applied_minor: int
    moved_minor: int
    paid_out_minor: int = 0

    @property
    def taken_back(self) -> bool:
        return hasattr(self.receipt, "reversal")

    @property
    def waiting_minor(self) -> int:
        if self.taken_back:
            return 0
        return self.receipt.amount_minor - self.applied_minor - self.moved_minor - self.paid_out_minor


@dataclass(frozen=True, slots=True)
class Money:
    """The money of one policy."""

    schedules: list[ScheduleShown]
    invoices: list[Invoice]
    receipts: list[ReceiptShown]
    credits: list[LineCredit]
    returns: list[ReturnPremium]
    reasons: list[Explanation]

    @property
    def unapplied_minor(self) -> int:
        return sum(row.waiting_minor for row in self.receipts)

    def next_bill(self) -> Installment | None:
        """The next installment that no invoice asks for yet."""
        waiting = [row for shown in self.schedules for row in shown.standing if row.invoice_id is None]
        return min(waiting, key=lambda row: (row.bill_on, row.due_on), default=None)

    def next_due(self) -> Invoice | None:
        """The open invoice that is due first."""
        waiting = [row for row in self.invoices if row.state == Invoice.State.OPEN]
        return min(waiting, key=lambda row: row.due_on, default=None)


def of(policy: Policy) -> Money:
    """The money of a visible policy; the caller checks that billing may be read."""
    returns: list[ReturnPremium] = list(worklists.with_undone(policy.return_premiums.order_by("id")))
    return Money(
        schedules=schedules_of(policy),
        invoices=list(billing.queries.with_open(policy.invoices.select_related("supersedes").order_by("id"))),
        receipts=receipts_of(policy),
        credits=list(
            LineCredit.objects.filter(line__invoice__policy=policy).select_related("line__invoice").order_by("id")
        ),
        returns=returns,
        reasons=explanations.of(*(row.id for row in returns)),
    )


def schedules_of(policy: Policy) -> list[ScheduleShown]:
    """Each term's installments that stand, and the versions they come from; the newest term first."""
    installments = (
        Installment.objects.select_related("invoice", "replaced_by")
        .annotate(total_minor=Coalesce(Sum("items__amount_minor"), 0))
        .order_by("sequence")
    )
    versions = list(
        policy.schedules.select_related("plan_version", "term")
        .prefetch_related(Prefetch("installments", installments))
        .order_by("-term__number", "-number")
    )
    known = explanations.of(*(version.id for version in versions))
    found: dict[str, list[Schedule]] = {}
    for version in versions:
        found.setdefault(version.term_id, []).append(version)
    return [_schedule(term_id, rows, known) for term_id, rows in found.items()]


def _schedule(term_id: str, versions: list[Schedule], known: list[Explanation]) -> ScheduleShown:
    rows = [row for version in versions for row in version.installments.all() if row.replaced_by_id is None]
    ids = {version.id for version in versions}
    return ScheduleShown(
        term_id=term_id,
        currency=versions[0].currency,
        standing=sorted(rows, key=lambda row: (row.due_on, row.bill_on, row.id)),
        versions=versions,
        reasons=[reason for reason in known if reason.subject_id in ids],
    )


def receipts_of(policy: Policy) -> list[ReceiptShown]:
    """Every receipt of a policy with what of it is applied, was carried to other policies, and was paid out."""
    rows: QuerySet[Receipt] = policy.receipts.select_related("reversal").order_by("id")
    applied = dict(rows.order_by().values_list("id").annotate(sum=Coalesce(Sum("applications__amount_minor"), 0)))
    moved = dict(
        rows.order_by()
        .filter(transfers_out__to_receipt__reversal__isnull=True)
        .values_list("id")
        .annotate(sum=Coalesce(Sum("transfers_out__amount_minor"), 0))
    )
    paid_out = dict(rows.order_by().values_list("id").annotate(sum=Coalesce(Sum("cash_outs__amount_minor"), 0)))
    return [ReceiptShown(row, applied.get(row.id, 0), moved.get(row.id, 0), paid_out.get(row.id, 0)) for row in rows]


def past_due_of(policy: Policy) -> list[Delinquency]:
    """The stretches of past due money of a policy, the last one first, with steps and notices."""
    notices = Notice.objects.prefetch_related("mailings").order_by("id")
    return list(
        policy.delinquencies.select_related("plan_version", "term")
        .prefetch_related("steps", Prefetch("notices", notices))
        .order_by("-id")
    )


def notices_of(policy: Policy) -> list[Notice]:
    """The letters about a policy, the last one first, with their proofs of mailing."""
    return list(policy.notices.prefetch_related("mailings").order_by("-id"))
