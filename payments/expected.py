"""What the manual gateway looks at: announced payments, and the items of deposits that brought their money."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby

from coverpay.kernel.money import Money
from payments.gateways.base import PayoutLineReport, PayoutReport
from payments.gateways.manual import Announced
from payments.models import Attempt, DepositItem

State = DepositItem.State


class ExpectedPayments:
    """The port of the manual gateway, read from our own rows."""

    def find(self, merchant: str, reference: str) -> Announced | None:
        attempt = Attempt.objects.filter(pk=reference, account__gateway="manual", account__merchant=merchant).first()
        if attempt is None:
            return None
        item = DepositItem.objects.filter(attempt=attempt).first()
        if item is None:
            return Announced(withdrawn=attempt.state == Attempt.State.VOIDED)
        return Announced(
            item=item.id,
            amount=Money(item.amount_minor, item.currency),
            went_back=item.state == State.BOUNCED,
            why=item.why,
        )

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        """Each deposit as a payout of its announced payments, each returned check as one of its own."""
        brought = DepositItem.objects.filter(
            attempt__account__gateway="manual", attempt__account__merchant=merchant
        ).select_related("deposit")
        came = brought.filter(deposit__received_on__gte=since).order_by(
            "deposit__received_on", "deposit_id", "position"
        )
        back = brought.filter(state=State.BOUNCED, bounced_on__gte=since).order_by("bounced_on", "id")
        reports = [
            _report(deposit.id, list(items), deposit.received_on)
            for deposit, items in groupby(came, key=lambda item: item.deposit)
        ]
        return reports + [went_back(item) for item in back]


def _report(reference: str, items: Sequence[DepositItem], on: dt.date) -> PayoutReport:
    lines = tuple(PayoutLineReport("charge", str(item.attempt_id), item.id, item.amount_minor, 0) for item in items)
    currency = items[0].currency
    return PayoutReport(reference, Money(sum(line.gross_minor for line in lines), currency), on, lines)


def went_back(item: DepositItem) -> PayoutReport:
    """A returned check of an announced payment, as the payout it is told as."""
    assert item.bounced_on is not None
    line = PayoutLineReport("return", str(item.attempt_id), item.id, -item.amount_minor, 0)
    return PayoutReport(f"{item.id}:returned", Money(-item.amount_minor, item.currency), item.bounced_on, (line,))
