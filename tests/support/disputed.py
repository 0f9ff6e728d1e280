"""What became of payments later: one that is disputed, one refund nobody can decide, one that only holds money."""

from __future__ import annotations

import datetime as dt

from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments import attempts, disputes, refunds
from payments.gateways.base import DisputeNews, DisputeStatus
from payments.models import Dispute, Payment, Refund
from tests.support import books
from tests.support.books import House


def seeded(house: House) -> None:
    """Leave a dispute that waits for an answer, a refund whose outcome is unknown, and a held payment."""
    dispute_of(house, books.paid(house, books.billed(house, premium=Money(90_000))))
    unknown_refund(house)
    books.collecting(house, books.billed(house, premium=Money(70_000)), capture=False)


def dispute_of(house: House, payment: Payment) -> Dispute:
    """Let the payor dispute a payment; evidence is due in ten days."""
    attempt = payment.attempts.get()
    due = clock.now() + dt.timedelta(days=10)
    amount = Money(attempt.taken_minor or 0)
    news = DisputeNews(
        attempt.id, f"dp_{attempt.id[-6:]}", DisputeStatus.NEEDS_RESPONSE, amount, "fraudulent", evidence_due_at=due
    )
    dispute = disputes.record_news(attempt_id=attempt.id, news=news, actor=house.me)
    assert dispute is not None
    return dispute


def unknown_refund(house: House) -> Refund:
    """A refund that got no answer."""
    payment = books.paid(house, books.billed(house, premium=Money(80_000)), "tok_refund_timeout")
    refund = refunds.request(payment_id=payment.id, reason="too much", amount_minor=1_000, actor=house.me)
    refunds.submit(refund.id)
    return refund


def held(house: House, token: str = "tok_ok") -> Payment:
    """A payment that holds money."""
    attempt = books.collecting(house, books.billed(house), token, capture=False)
    attempts.submit(attempt.id)
    return Payment.objects.get(pk=attempt.payment_id)
