"""Whether a payment method may be charged, and the single place that opens an account number."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Collection, Sequence

from compliance import vault
from coverpay.kernel.errors import Conflict
from payments import mandates
from payments.models import AccountValidation, GatewayAccount, Mandate, MethodToken, Payment, PaymentMethod

CARD, ACH = PaymentMethod.Kind.CARD, PaymentMethod.Kind.ACH
UNVALIDATED, ACTIVE = PaymentMethod.State.UNVALIDATED, PaymentMethod.State.ACTIVE
BLOCKED, REMOVED = PaymentMethod.State.BLOCKED, PaymentMethod.State.REMOVED


class MethodNotUsable(Conflict):
    """The method cannot be charged now; `why` says blocked, removed, expired, not_validated or no_mandate."""

    code = "method_not_usable"


def usable(
    method: PaymentMethod,
    *,
    on: dt.date,
    initiator: str = Payment.Initiator.STAFF,
    policy_ids: Collection[str] = (),
    standing: Sequence[Mandate] | None = None,
) -> None:
    """Say nothing when a method may be charged on a day by somebody for these policies.

    A bank account takes a mandate, whoever asks; a card takes one when nobody is present. `standing` are the method's
    standing mandates where they were fetched with those of others.

    Raises: MethodNotUsable, with `why`.
    """
    if method.state in (BLOCKED, REMOVED):
        more = f": {method.state_reason}" if method.state == BLOCKED and method.state_reason else ""
        raise not_usable(method, method.state, f"It is {method.get_state_display().lower()}{more}")
    last = expires_on(method)
    if last is not None and last < on:
        raise not_usable(method, "expired", f"It expired on {last}")
    if method.kind == ACH or initiator in mandates.BY_THEMSELVES:
        mandate = mandates.standing(method, policy_ids=policy_ids, initiator=initiator, of=standing)
        if mandate is None:
            raise not_usable(method, "no_mandate", "No standing mandate allows this charge")
        if method.kind == ACH and mandate.sec_code == "WEB" and method.state == UNVALIDATED:
            raise not_usable(method, "not_validated", "Its first debit authorized on the web takes a validation")


def expires_on(method: PaymentMethod) -> dt.date | None:
    """The last day a card is good for; None for what does not expire."""
    if not method.exp_year or not method.exp_month:
        return None
    return dt.date(method.exp_year, method.exp_month, calendar.monthrange(method.exp_year, method.exp_month)[1])


def is_validated(method: PaymentMethod) -> bool:
    """Whether nothing more is to be shown of a method: a card, one a processor keeps, or a validation that passed."""
    if method.kind == CARD or not method.account_sealed:
        return True
    return AccountValidation.objects.filter(payment_method=method, state=AccountValidation.State.PASSED).exists()


def account_number(method: PaymentMethod) -> str:
    """Open a bank account's number, to write it where the bank reads it and nowhere else. Raises: CannotOpen."""
    return vault.open_sealed(method.account_sealed, row_id=method.id)


def token_for(method: PaymentMethod, account: GatewayAccount) -> MethodToken | None:
    """The method as one processor account knows it."""
    return MethodToken.objects.filter(payment_method=method, account=account).first()


def not_usable(method: PaymentMethod, why: str, said: str) -> MethodNotUsable:
    """The refusal to charge a method, with `why` for programs and what is said for people."""
    return MethodNotUsable(
        f"{method} cannot be charged. {said}.", field="payment_method", why=why, payment_method=method.id
    )
