"""What of an organization's money is undecided above the ledger, for its closing checklist."""

from __future__ import annotations

from django.db.models import Sum

from billing.models import SuspenseItem
from payments import disbursements
from payments.models import Attempt, Disbursement, Refund
from reconciliation.events import OpenAbove, OpenItem


def open_above(asked: OpenAbove) -> tuple[OpenItem, ...]:
    """Answer `OpenAbove`: suspense, charges and refunds nobody knows the end of, and what is to be paid out."""
    return (_unknown_attempts(asked), _unknown_refunds(asked), _suspense(asked), _disbursements(asked))


def _unknown_attempts(asked: OpenAbove) -> OpenItem:
    rows = Attempt.objects.filter(
        payment__policy__operator=asked.organization_id,
        state__in=[Attempt.State.SUBMITTED, Attempt.State.UNKNOWN],
        created_at__date__lte=asked.as_of,
    )
    amount = rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return OpenItem(
        "attempts", "Charges whose outcome is unknown", rows.count(), amount, True, "/payments/?show=unknown"
    )


def _unknown_refunds(asked: OpenAbove) -> OpenItem:
    rows = Refund.objects.filter(
        payment__policy__operator=asked.organization_id,
        state__in=[Refund.State.SUBMITTED, Refund.State.UNKNOWN],
        created_at__date__lte=asked.as_of,
    )
    amount = rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return OpenItem("refunds", "Refunds whose outcome is unknown", rows.count(), amount, True, "/payments/")


def _suspense(asked: OpenAbove) -> OpenItem:
    rows = SuspenseItem.objects.filter(
        operator=asked.organization_id, state=SuspenseItem.State.OPEN, received_on__lte=asked.as_of
    )
    amount = rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return OpenItem("suspense", "Suspense items to be placed", rows.count(), amount, False, "/billing/suspense/")


def _disbursements(asked: OpenAbove) -> OpenItem:
    rows = Disbursement.objects.filter(
        organization=asked.organization_id,
        state__in=disbursements.RESERVED,
        created_at__date__lte=asked.as_of,
    )
    amount = rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return OpenItem("disbursements", "Disbursements not issued yet", rows.count(), amount, False, "/disbursements/")
