"""Rows that wait for a person: past due money, letters to mail, money nobody knows, premium to give back, runs."""

from __future__ import annotations

import datetime as dt

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from billing.models import BillingRun, Delinquency, Notice, Receipt, ReturnPremium, SuspenseItem
from coverpay.kernel import clock
from policies.models import Cancellation

SOON_DAYS = 14


def delinquencies(show: str = "", text: str = "") -> QuerySet[Delinquency]:
    """Past due money; `show` is live, decide, due, held or nothing."""
    rows = Delinquency.objects.select_related("policy__insured", "plan_version", "term")
    if text:
        rows = rows.filter(Q(policy__number__icontains=text) | Q(policy__insured__name__icontains=text))
    meaning = {
        "live": Q(state__in=Delinquency.LIVE),
        "decide": Q(state__in=Delinquency.LIVE) & ~Q(needs_decision=""),
        "due": Q(state=Delinquency.State.ACTIVE, next_on__lte=clock.today()),
        "held": Q(state=Delinquency.State.HELD),
    }
    return rows.filter(meaning[show]) if show in meaning else rows


def notices(show: str = "") -> QuerySet[Notice]:
    """Letters; `show` is a state, or nothing."""
    rows = Notice.objects.select_related("policy__insured").annotate(proofs=Count("mailings"))
    return rows.filter(state=show) if show in Notice.State.values else rows


def suspense(show: str = "", text: str = "") -> QuerySet[SuspenseItem]:
    """Money a person must place, or has placed; `show` is a state, or nothing."""
    rows = SuspenseItem.objects.select_related("bank_account", "receipt__policy")
    if text:
        rows = rows.filter(
            Q(payor_name__icontains=text) | Q(policy_reference__icontains=text) | Q(memo__icontains=text)
        )
    return rows.filter(state=show) if show in SuspenseItem.State.values else rows


def returns(show: str = "") -> QuerySet[ReturnPremium]:
    """Return premium that goes back in cash; `show` is soon, late, undated or nothing.

    Nothing goes back any more of a cancellation that was undone, such as by reinstating: only the whole list has it.
    """
    rows = ReturnPremium.objects.filter(refundable_minor__gt=0).select_related("policy__insured")
    today = clock.today()
    meaning = {
        "soon": Q(due_on__range=(today, today + dt.timedelta(days=SOON_DAYS))),
        "late": Q(due_on__lt=today),
        "undated": Q(due_on__isnull=True),
    }
    return rows.filter(meaning[show], ~_undone()) if show in meaning else rows


def with_undone(rows: QuerySet[ReturnPremium]) -> QuerySet[ReturnPremium]:
    """Add `undone` to return premium: the cancellation it came of was undone."""
    return rows.annotate(undone=_undone())


def _undone() -> Exists:
    rows = Cancellation.objects.filter(transaction_id=OuterRef("transaction_id"), state=Cancellation.State.UNDONE)
    return Exists(rows)


def runs() -> QuerySet[BillingRun]:
    """Nightly runs, with how much each could not do."""
    return BillingRun.objects.annotate(failed=Count("failures"))


def runs_with_failures() -> QuerySet[BillingRun]:
    """Runs of the last 7 days in which something could not be done."""
    since = clock.today() - dt.timedelta(days=7)
    return BillingRun.objects.filter(run_on__gte=since, failures__isnull=False).distinct()


def receipts() -> QuerySet[Receipt]:
    """Receipts with what their page shows."""
    return Receipt.objects.select_related("policy__insured", "policy__operator", "reversal")
