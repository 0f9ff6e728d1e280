"""What taken money brings: a receipt for each part of its payment, postings, and how both are taken back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Sum

from billing import arrivals, cash, pay_outs, withdrawals
from billing.delinquency import cures
from billing.models import CashOut, Receipt, ReceiptReversal
from compliance import business_days
from coverpay.kernel import clock
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from payments import journal, shares
from payments.models import Attempt, Dispute, Payment, PaymentPart, Refund
from policies.models import Policy

RETURNABLE = ("ach", "check")
"""Methods whose money a bank may take back after it came."""
ACH_RETURN_DAYS = 6
"""Business days; what is returned later than this is returned for want of authority, and needs a person anyway."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a taken payment brought for one of its parts, minor units."""

    part: PaymentPart
    amount_minor: int


@step
def take(attempt: Attempt, amount: Money) -> list[PaymentPart]:
    """Write down what a processor took for a locked payment: the posting, and a receipt for each part.

    Gives:  the parts.
    Posts:  Dr processor_clearing · Cr unapplied_cash, fee_in_trust; as `arrivals.take`.
    """
    payment = attempt.payment
    today = clock.today()
    journal.payment_taken(attempt, amount, today, surcharge=surcharge_of(attempt))
    known: dict[str, Policy] = {payment.policy_id: payment.policy}
    divided = shares_of(attempt)
    for share in divided:
        if share.amount_minor:
            policy = known.setdefault(share.part.policy_id, share.part.policy)
            arrivals.take(
                policy,
                source_id=share.part.source_id,
                amount=Money(share.amount_minor, amount.currency),
                received_on=today,
                provisional_until=_settles_on(today) if payment.method in RETURNABLE else None,
            )
    return [share.part for share in divided]


@step
def undo(attempt: Attempt, *, reason: str) -> None:
    """Take back whole what a succeeded attempt brought: applications, receipts and postings, by exact opposites."""
    today = clock.today()
    for receipt in receipts_of(attempt.payment):
        cash.take_back(receipt, reason=reason, on=today)
        cures.money_returned(receipt.policy)
    journal.payment_undone(attempt, reason=reason, on=today)


@step
def draw(attempt: Attempt, *, source_id: str, kind: str, amount: Money, surcharge_minor: int, reason: str) -> int:
    """Take back in part what a succeeded attempt brought: what is unapplied first, then the last part, and so on.

    Takes:  the whole amount that left the processor, and what of it is surcharge.
    Gives:  by how much receipts are overdrawn, because the cash was paid out or taken back already, minor units.
    Posts:  Dr unapplied_cash, fee_in_trust · Cr processor_clearing; as `withdrawals.draw`.
    """
    today = clock.today()
    receipts = receipts_of(attempt.payment)
    drawing = _drawing(receipts, amount.amount_minor - surcharge_minor)
    overdrawn = 0
    for receipt in reversed(receipts):
        if drawing[receipt.id]:
            drawn = Money(drawing[receipt.id], amount.currency)
            overdrawn += withdrawals.draw(receipt, source_id=source_id, amount=drawn, on=today, reason=reason)
            cures.money_returned(receipt.policy)
    _post(attempt, source_id, kind, amount, surcharge_minor, today)
    return overdrawn


@step
def put_back(source_id: str) -> None:
    """Give back what a source drew, to the very receipts, and let it cover again.

    Posts:  the exact opposite of the entry that let it go; as `cash.apply`.
    """
    today = clock.today()
    rows = pay_outs.take_back(source_id, on=today)
    journal.dispute_returned(source_id, on=today)
    for row in rows:
        if cash.unapplied_minor(row.receipt) > 0 and not cash.is_held(row.receipt):
            cash.apply(row.receipt)
            arrivals.follow(row.receipt.policy)


def shares_of(attempt: Attempt) -> list[Share]:
    """How what an attempt took, or is to take, divides over the parts of its payment."""
    payment = attempt.payment
    parts = list(payment.parts.select_related("policy").order_by("position"))
    taken = attempt.taken_minor or attempt.amount_minor
    divided = shares.divided([part.amount_minor for part in parts], payment.surcharge_minor, taken)
    return [Share(part, amount) for part, amount in zip(parts, divided, strict=True)]


def surcharge_of(attempt: Attempt) -> Money:
    """What of an amount taken is our surcharge."""
    taken = attempt.taken_minor or attempt.amount_minor
    payment = attempt.payment
    return Money(shares.taken_surcharge(payment.surcharge_minor, payment.amount_minor, taken), payment.currency)


def receipts_of(payment: Payment) -> list[Receipt]:
    """The receipts of a payment, in the order of its parts."""
    sources = {part.source_id: part.position for part in payment.parts.all()}
    rows = Receipt.objects.filter(source_id__in=sources).select_related("policy")
    return sorted(rows, key=lambda receipt: sources[receipt.source_id])


def gone_minor(payment: Payment) -> int:
    """What has been paid out of a payment that was not given back whole, our surcharge included, minor units."""
    rows = CashOut.objects.filter(receipt__in=receipts_of(payment))
    gone = rows.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return gone + given_back(payment)[1] if gone else 0


def given_back(payment: Payment, *, apart_from: str = "") -> tuple[int, int]:
    """What went back of a payment so far, refunded or withdrawn by disputes, and what of it was surcharge.

    Takes:  a refund to leave out.
    """
    rows = Refund.objects.filter(payment=payment, state=Refund.State.SUCCEEDED).exclude(pk=apart_from)
    found = rows.aggregate(amount=Sum("amount_minor"), surcharge=Sum("surcharge_minor"))
    amount, surcharge = found["amount"] or 0, found["surcharge"] or 0
    for dispute in Dispute.objects.filter(payment=payment, withdrawn=True):
        standing = CashOut.objects.filter(
            source_id__startswith=dispute.id, reverses__isnull=True, reversed_by__isnull=True
        )
        drawn = standing.aggregate(sum=Sum("amount_minor"))["sum"] or 0
        amount += dispute.amount_minor
        surcharge += dispute.amount_minor - drawn if drawn else 0
    return amount, surcharge


def surcharge_share(attempt: Attempt, amount_minor: int) -> int:
    """What of an amount that goes back is surcharge, so that all that went back holds its proportion."""
    before, before_surcharge = given_back(attempt.payment)
    return shares.surcharge_back(
        surcharge_of(attempt).amount_minor,
        attempt.taken_minor or attempt.amount_minor,
        before=before,
        before_surcharge=before_surcharge,
        amount=amount_minor,
    )


def _drawing(receipts: list[Receipt], wanted: int) -> dict[str, int]:
    """How much to draw from each receipt: what is unapplied first, then the last ones; the first takes the rest."""
    there = {receipt.id: _not_gone(receipt) for receipt in receipts}
    free = {receipt.id: min(there[receipt.id], max(cash.unapplied_minor(receipt), 0)) for receipt in receipts}
    drawing = dict.fromkeys(there, 0)
    for most in (free, there):
        for receipt in reversed(receipts):
            more = min(wanted - sum(drawing.values()), most[receipt.id] - drawing[receipt.id])
            drawing[receipt.id] += max(more, 0)
    drawing[receipts[0].id] += wanted - sum(drawing.values())
    return drawing


def _not_gone(receipt: Receipt) -> int:
    """What of a receipt has neither been taken back nor paid out."""
    if ReceiptReversal.objects.filter(receipt=receipt).exists():
        return 0
    gone = receipt.cash_outs.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    return max(receipt.amount_minor - gone, 0)


def _post(attempt: Attempt, source_id: str, kind: str, amount: Money, surcharge_minor: int, on: dt.date) -> None:
    ours = Money(surcharge_minor, amount.currency)
    journal.LEAVES[kind](attempt, source_id=source_id, cash=amount - ours, surcharge=ours, on=on)


def _settles_on(taken_on: dt.date) -> dt.date:
    """The business day until which a bank may still return an ACH debit."""
    day = taken_on
    for _ in range(ACH_RETURN_DAYS):
        day = business_days.shift(day + dt.timedelta(days=1), "next")
    return day
