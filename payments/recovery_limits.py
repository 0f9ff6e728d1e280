"""What holds a charge back whatever the plan says: the networks' limits, and the day cover ends.

Reads only. Limits count every payment for the debt, whoever made it: a person's retry uses them up too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from billing.models import Notice
from compliance import business_days
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments import accounts, collection, failure_codes, recovery_days
from payments.failure_codes import ACH, CARD, Failure
from payments.models import Attempt, Payment, PaymentMethod
from payments.recovery_plans import Bounds
from policies.models import Cancellation

SETTLEMENT_DAYS = 2
"""Business days a bank debit takes where no account says it: the next day is its effective date, then it settles."""
_NEVER_SENT = ("gateway_unreachable", "rejected")
"""Outcomes that say that the payor's bank never saw the entry."""
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CoverEnd:
    """The day on which cover is announced to end, and what announced it."""

    on: dt.date
    why: str
    object_id: str


def cover_end(policy_ids: Collection[str]) -> CoverEnd | None:
    """The first day on which cover of one of these policies is announced to end, or None."""
    found = [
        CoverEnd(row.effective_on, f"cover ends on {row.effective_on} ({row.get_reason_display().lower()})", row.id)
        for row in Cancellation.objects.filter(term__policy_id__in=policy_ids, state=Cancellation.State.PENDING)
    ]
    notices = Notice.objects.filter(
        policy_id__in=policy_ids,
        kind=Notice.Kind.CANCELLATION,
        state__in=(Notice.State.PREPARED, Notice.State.MAILED),
        cancel_on__isnull=False,
    )
    for notice in notices:
        assert notice.cancel_on is not None
        found.append(CoverEnd(notice.cancel_on, f"a notice names {notice.cancel_on} as the end of cover", notice.id))
    return min(found, key=lambda end: (end.on, end.object_id), default=None)


def last_day(end: CoverEnd, method: str, settlement_days: int) -> dt.date:
    """The last day on which a charge still brings money before cover ends: a bank debit has to settle first."""
    money_by = end.on - _DAY
    if method != ACH:
        return money_by
    return recovery_days.business_days_before(business_days.shift(money_by, "previous"), settlement_days)


def for_retry(payment: Payment, attempt: Attempt, failure: Failure, retries: int) -> Bounds:
    """Between when and when the method of a failed payment may be charged again, if at all."""
    if not failure.may_retry:
        return Bounds(refused=f"{failure.title}: not to be tried again ({_source(failure)}).")
    if not failure.represents and retries >= failure.max_retries:
        return Bounds(refused=f"{failure.title}: tried again {retries} times, which is all ({_source(failure)}).")
    limit = _represented(payment) if failure.represents else None
    if limit is not None and limit.refused:
        return limit
    held = _card_limit(payment) if payment.method == CARD else ""
    if held:
        return Bounds(refused=held)
    earliest, why_earliest = _locked_out(_same_card(payment)) if payment.method == CARD else (None, "")
    if failure.wait is not None:
        wait_over = (attempt.decided_at or attempt.created_at) + failure.wait
        if earliest is None or wait_over > earliest:
            earliest = wait_over
            why_earliest = f"{failure.title}: not before {int(failure.wait.total_seconds()) // 3600} hours"
    return _before_cover_ends(
        payment, payment.method, _settlement_days(attempt, payment.method), earliest, why_earliest, limit
    )


def for_method(payment: Payment, method: PaymentMethod | None) -> Bounds:
    """Until when another method may be charged for a failed payment, if at all. None: the one of the payment."""
    kind = method.kind if method is not None else payment.method
    held = _locked_out(Q(payment__payment_method=method)) if method is not None and kind == CARD else (None, "")
    if held[0] is not None:
        return Bounds(refused=held[1])
    return _before_cover_ends(payment, kind, SETTLEMENT_DAYS, None, "", None)


def for_step(payment: Payment) -> Bounds:
    """By when anything else must be done to be of use."""
    return _before_cover_ends(payment, CARD, 0, None, "", None)


def policy_ids_of(payment: Payment) -> list[str]:
    """The policies whose invoices a payment pays, in ascending order."""
    return sorted({part.policy_id for part in payment.parts.all()} | {payment.policy_id})


def invoice_ids_of(payment: Payment) -> list[str]:
    """The invoices a payment pays, in the order of its parts."""
    return [part.invoice_id for part in payment.parts.order_by("position")] or [payment.invoice_id]


def root_of(payment: Payment) -> Payment:
    """The first presentment of a bank debit that was presented again."""
    while payment.represents is not None:
        payment = payment.represents
    return payment


def same_debt(payment: Payment) -> QuerySet[Payment]:
    """The bank debits of the same account for the same invoices, whoever made them, oldest first."""
    same = Q(payment_method_id=payment.payment_method_id) if payment.payment_method_id else Q(token=payment.token)
    rows = Payment.objects.filter(same, method=ACH, parts__invoice_id__in=invoice_ids_of(payment))
    never = Attempt.objects.filter(outcome_code__in=_NEVER_SENT).values("payment")
    return rows.exclude(pk__in=never).distinct().order_by("created_at", "id")


def open_minor_of(payment: Payment) -> int:
    """What may be presented again of a bank debit: its whole amount, or zero when less is open by now."""
    still = collection.open_minor_of([part.invoice for part in payment.parts.select_related("invoice")])
    whole = all(still.get(part.invoice_id, 0) >= part.amount_minor for part in payment.parts.all())
    return payment.amount_minor if whole else 0


def _card_limit(payment: Payment) -> str:
    """Why a card may not be charged again for the same invoices, or nothing: the networks' count within their days."""
    limit = failure_codes.card_limit()
    days = limit.window_days or 0
    tried = Attempt.objects.filter(
        _same_card(payment), payment__parts__invoice_id__in=invoice_ids_of(payment), submit_count__gt=0
    )
    since = clock.now() - dt.timedelta(days=days)
    again = tried.distinct().order_by("created_at", "id").values_list("created_at", flat=True)[1:]
    count = sum(at >= since for at in again)
    if count >= limit.max_retries:
        return f"Tried again {count} times in {days} days; the networks allow {limit.max_retries} ({_source(limit)})."
    return ""


def _locked_out(card: Q) -> tuple[dt.datetime | None, str]:
    """Until when a card is left alone after advice never to try again, whoever got it; and why."""
    codes, days, fact = failure_codes.card_lockout()
    since = clock.now() - dt.timedelta(days=days)
    last = Attempt.objects.filter(card, advice__in=codes, created_at__gt=since).order_by("-created_at").first()
    if last is None:
        return None, ""
    said = f"Advice {last.advice} on {last.created_at:%Y-%m-%d}: the card is left alone for {days} days"
    return last.created_at + dt.timedelta(days=days), f"{said} ({fact.citation}, {fact.id})"


def _same_card(payment: Payment) -> Q:
    if payment.payment_method_id:
        return Q(payment__payment_method_id=payment.payment_method_id)
    return Q(payment__token=payment.token, payment__method=CARD, payment__policy__operator=payment.policy.operator_id)


def _represented(payment: Payment) -> Bounds:
    """How the bank network's rule bounds presenting a debit again: count, window, and the very same amount."""
    most, days, fact = failure_codes.represent_limit()
    presented = list(same_debt(payment))
    times = len(presented) - 1
    if times >= most:
        return Bounds(
            refused=f"Presented again {times} times; at most {most} within {days} days ({fact.citation}, {fact.id})."
        )
    root = root_of(payment)
    if not open_minor_of(root):
        amount = Money(root.amount_minor, root.currency)
        return Bounds(refused=f"Less than the {amount} of the first entry is open; only the same amount is presented.")
    first = min(one.created_at.date() for one in (root, *presented))
    last_on = first + dt.timedelta(days=days)
    return Bounds(last_on=last_on, why_last=f"{days} days after the first entry of {first} ({fact.citation})")


def _before_cover_ends(
    payment: Payment,
    method: str,
    settlement_days: int,
    earliest: dt.datetime | None,
    why_earliest: str,
    limit: Bounds | None,
) -> Bounds:
    last_on, why_last = (limit.last_on, limit.why_last) if limit else (None, "")
    end = cover_end(policy_ids_of(payment))
    if end is not None:
        day = last_day(end, method, settlement_days)
        if last_on is None or day < last_on:
            settles = f", and a bank debit takes {settlement_days} business days" if method == ACH else ""
            last_on, why_last = day, f"{end.why}{settles}"
    return Bounds(earliest, last_on, why_earliest, why_last)


def _settlement_days(attempt: Attempt, method: str) -> int:
    if method != ACH:
        return 0
    return max(accounts.capabilities_of(attempt.account).settlement_days, 1)


def _source(failure: Failure) -> str:
    return ", ".join(part for part in (failure.citation, failure.fact_id) if part) or failure.action


def in_flight(payment: Payment) -> QuerySet[Payment]:
    """Payments of the same invoices whose outcome is not known yet."""
    return Payment.objects.filter(
        parts__invoice_id__in=invoice_ids_of(payment), state=Payment.State.PROCESSING
    ).distinct()
