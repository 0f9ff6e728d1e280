"""A program without fees and taxes, so that worked figures are those of premium alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from billing import invoices
from billing.models import Invoice
from coverpay.kernel.money import Money
from payments.models import Payment
from policies import cancellations, programs
from policies.cancellations import CancellationRequest
from policies.models import Cancellation, Policy
from tests.support import books
from tests.support.books import House

DAY_100 = books.FIRST_DAY + dt.timedelta(days=100)


def bound(house: House, premium: int = 1_200_000, **changes: Any) -> Policy:
    """A bound policy of premium alone, 12,000.00 unless said, with commission 15%."""
    programs.publish(
        code="plain",
        name="Plain",
        carrier_id=house.carrier.id,
        states=["HI"],
        terms={"commission_rate": "0.15", "charges": []},
        effective_from=books.SINCE,
        actor=house.me,
    )
    return books.bound(house, program="plain", premium=Money(premium), **changes)


def billed(house: House, policy: Policy, through: dt.date | None = None) -> Invoice:
    """The next invoice of a policy."""
    return invoices.issue(policy_id=policy.id, through=through, actor=house.me)


def paid(house: House, policy: Policy, through: dt.date | None = None, **more: Any) -> Payment:
    """The next invoice of a policy, paid."""
    return books.paid(house, billed(house, policy, through), **more)


def cancelled(house: House, policy: Policy, on: dt.date = DAY_100, **more: Any) -> Cancellation:
    """The policy's term ended; pro rata on the word of the insured unless said."""
    request = CancellationRequest(effective_on=on, **more)
    return cancellations.cancel(policy_id=policy.id, request=request, actor=house.me)
