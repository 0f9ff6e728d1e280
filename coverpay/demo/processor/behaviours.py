"""What happens with each payment method: Stripe's own test methods, and a few of ours.

`pm_card_visa__timeout_after` behaves as `pm_card_visa`, and the first request that uses it meets the fault.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a charge ends: at once (`code`), later when time passes (`fails`), or after it had succeeded (`disputed`)."""

    method: str = "card"
    code: str = ""
    decline_code: str = ""
    network_code: str = ""
    advice: str = ""
    fails: str = ""
    disputed: str = ""
    refund: str = "succeeded"
    wrong_by: int = 0


def _declined(decline_code: str, network_code: str, advice: str = "", code: str = "card_declined") -> Behaviour:
    return Behaviour(code=code, decline_code=decline_code, network_code=network_code, advice=advice)


def _debit(fails: str = "", disputed: str = "", network_code: str = "") -> Behaviour:
    return Behaviour("us_bank_account", fails=fails, disputed=disputed, network_code=network_code, refund="pending")


BEHAVIOURS = {
    "pm_card_visa": Behaviour(),
    "pm_card_mastercard": Behaviour(),
    "pm_card_chargeDeclined": _declined("generic_decline", "05"),
    "pm_card_chargeDeclinedInsufficientFunds": _declined("insufficient_funds", "51", "02"),
    "pm_card_chargeDeclinedLostCard": _declined("lost_card", "41", "03"),
    "pm_card_chargeDeclinedStolenCard": _declined("stolen_card", "43", "03"),
    "pm_card_chargeDeclinedFraudulent": _declined("fraudulent", "59", "03"),
    "pm_card_chargeDeclinedExpiredCard": _declined("expired_card", "54", "01", code="expired_card"),
    "pm_card_chargeDeclinedProcessingError": _declined("processing_error", "96", code="processing_error"),
    "pm_card_authenticationRequired": _declined("authentication_required", "1A", code="authentication_required"),
    "pm_card_createDispute": Behaviour(disputed="fraudulent"),
    "pm_card_pendingRefund": Behaviour(refund="pending"),
    "pm_card_refundFail": Behaviour(refund="fails_later"),
    "pm_card_wrongAmount": Behaviour(wrong_by=100),
    "pm_usBankAccount_success": _debit(),
    "pm_usBankAccount_insufficientFunds": _debit(fails="insufficient_funds", network_code="R01"),
    "pm_usBankAccount_accountClosed": _debit(fails="bank_account_closed", network_code="R02"),
    "pm_usBankAccount_noAccount": _debit(fails="bank_account_invalid_details", network_code="R03"),
    "pm_usBankAccount_debitNotAuthorized": _debit(fails="debit_not_authorized", network_code="R10"),
    "pm_usBankAccount_disputed": _debit(disputed="debit_not_authorized", network_code="R10"),
    "pm_usBankAccount_returnedLater": _debit(disputed="insufficient_funds", network_code="R01"),
}


def of(token: str) -> Behaviour | None:
    """The behaviour of a method's name, without the fault it may carry."""
    return BEHAVIOURS.get(token.partition("__")[0])


def fault_of(token: str) -> str:
    """The fault a method's name carries, if any."""
    return token.partition("__")[2]
