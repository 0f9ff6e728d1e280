"""The words a payor agrees to on the payment page; their version is kept with every mandate.

For debits of a bank account they name what Nacha asks of an authorization on the web: that it is one, the amount or how
it is found, when, which account, and how it is revoked.
"""

from __future__ import annotations

import datetime as dt

from coverpay.kernel.money import Money
from payments.models import PaymentMethod

VERSION = "pay-page-1"


def once(operator: str, method: PaymentMethod, amount: Money, on: dt.date, number: str) -> str:
    """Leave for one debit of a bank account, or one charge of a card on a day to come."""
    if method.kind == PaymentMethod.Kind.CARD:
        return (
            f"I authorize {operator} to charge my {account_of(method)} once, for {amount}, on or after "
            f"{on.isoformat()}, to pay policy {number}. I can take this back by telling {operator} before that day."
        )
    return (
        f"I authorize {operator} to debit my {account_of(method)} once, for {amount}, on or after {on.isoformat()}, "
        f"to pay policy {number}. If the debit is returned, it may be presented again, for the same amount, at most "
        f"twice. I can take this back by telling {operator} before the debit is sent."
    )


def lasting(operator: str, method: PaymentMethod) -> str:
    """Leave to keep a method and to charge it for what the payor starts, schedules, or enrols."""
    verb = "debit" if method.kind == PaymentMethod.Kind.ACH else "charge"
    return (
        f"I authorize {operator} to keep my {account_of(method)} and to {verb} it for payments that I start or "
        f"schedule, each for the amount that I confirm, and for policies that I enrol in automatic payment, each for "
        f"the amount of its bills on their due dates. This stands until I revoke it by telling {operator}."
    )


def automatic(operator: str, policy_number: str) -> str:
    """What enrolling a policy in automatic payment means, beside the lasting leave."""
    return (
        f"Pay policy {policy_number} automatically from now on: {operator} charges this method the amount of each bill "
        f"on its due date, until I end it."
    )


def account_of(method: PaymentMethod) -> str:
    """A method in the words of its holder: the account ending in its last digits."""
    if method.kind == PaymentMethod.Kind.CARD:
        return f"{method.brand or 'card'} ending in {method.last4 or 'unknown digits'}"
    kind = f"{method.get_account_type_display().lower()} account" if method.account_type else "bank account"
    return f"{kind} ending in {method.last4 or 'unknown digits'}"
