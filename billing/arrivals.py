"""Money that arrives: kept as a receipt, applied, and what follows from its being applied."""

from __future__ import annotations

import datetime as dt

from billing import cash, renewing
from billing.delinquency import cures
from billing.models import Receipt
from coverpay.kernel.commands import step
from coverpay.kernel.money import Money
from policies.models import Policy


@step
def take(
    policy: Policy,
    *,
    source_id: str,
    amount: Money,
    received_on: dt.date,
    provisional_until: dt.date | None = None,
) -> Receipt:
    """Keep and apply a payment for a locked policy; one that came after cancellation is held for a person instead.

    Takes:  `provisional_until`, the day until which the money may still be returned.
    Posts:  as `cash.apply`.
    """
    receipt = cash.receive(policy, source_id=source_id, amount=amount, received_on=received_on)
    try:
        cash.apply(receipt)
    except cash.ReceiptHeld:
        return receipt
    follow(policy, provisional_until=provisional_until)
    return receipt


@step
def follow(policy: Policy, *, provisional_until: dt.date | None = None) -> None:
    """Do what follows from applied cash: offered terms that are paid are taken, delinquencies that are paid end."""
    renewing.accept_paid(policy)
    cures.cured_by_payment(policy, provisional_until=provisional_until)
