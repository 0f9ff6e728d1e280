"""Whose news it is: the attempt or refund of one account that a reference of ours, or of its processor, names."""

from __future__ import annotations

from coverpay.kernel.ids import is_id
from payments.gateways.base import DisputeNews, News
from payments.models import Attempt, Refund


def subject_of(account_id: str, item: News | DisputeNews) -> str | None:
    """The attempt, or the refund, of an account that news is about; None when it is about nothing of it."""
    if is_id(item.reference, "rfd") and isinstance(item, News):
        return refund_of(account_id, item.reference)
    return attempt_of(account_id, item.reference, _number_there(item))


def attempt_of(account_id: str, reference: str, gateway_reference: str = "") -> str | None:
    """The attempt of an account by our reference, or, where the processor does not carry it, by its own number."""
    if reference:
        rows = Attempt.objects.filter(pk=reference) if is_id(reference, "att") else Attempt.objects.none()
    else:
        rows = Attempt.objects.filter(gateway_reference=gateway_reference).exclude(gateway_reference="")
    return rows.filter(account_id=account_id).order_by("-id").values_list("id", flat=True).first()


def refund_of(account_id: str, reference: str) -> str | None:
    """The refund of an account by our reference."""
    return Refund.objects.filter(pk=reference, attempt__account_id=account_id).values_list("id", flat=True).first()


def named(item: News | DisputeNews) -> str:
    """What news calls its subject: our reference, or the processor's number."""
    return item.reference or _number_there(item)


def _number_there(item: News | DisputeNews) -> str:
    return item.outcome.gateway_reference if isinstance(item, News) else item.gateway_reference
