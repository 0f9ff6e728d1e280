"""Pure: what each gateway's own words for a failure mean, where no code of a network or bank says it better.

Only words whose meaning the gateway's public documentation states are here. Any other word means nothing to us.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HARD, SOFT, DETAILS, LIMIT, GATEWAY, UNKNOWN = "hard", "soft", "details", "limit", "gateway", "unknown"

LOST_OR_STOLEN = frozenset(("lost_card", "stolen_card", "pickup_card", "restricted_card", "security_violation"))
STOP = frozenset(("revocation_of_authorization", "revocation_of_all_authorizations", "stop_payment_order"))


@dataclass(frozen=True, slots=True)
class Word:
    """What a gateway's word means: its class, whether the method is spent, and what it is in plain English."""

    class_: str
    title: str
    blocks: bool = False
    ends_mandate: bool = False


_OURS = {
    "gateway_unreachable": Word(GATEWAY, "The processor could not be reached"),
    "decided_by_person": Word(GATEWAY, "A person decided that nothing was taken"),
    "processor_error": Word(GATEWAY, "The processor failed"),
    "unknown_token": Word(DETAILS, "The processor does not know the payment method"),
}
_SANDBOX = {
    "insufficient_funds": Word(SOFT, "Insufficient funds"),
    "expired_card": Word(DETAILS, "The card has expired"),
    "do_not_honor": Word(SOFT, "The card's bank gives no reason"),
    "lost_card": Word(HARD, "The card was reported lost", blocks=True),
    "card_velocity_exceeded": Word(LIMIT, "The card's limit is reached"),
    "processing_error": Word(GATEWAY, "The processor failed"),
}
_STRIPE = {
    "approve_with_id": Word(SOFT, "The payment could not be authorized"),
    "issuer_not_available": Word(GATEWAY, "The card's bank could not be reached"),
    "processing_error": Word(GATEWAY, "The processor failed"),
    "reenter_transaction": Word(GATEWAY, "The card's bank could not process it"),
    "try_again_later": Word(SOFT, "The card's bank gives no reason; later it may"),
    "do_not_honor": Word(SOFT, "The card's bank gives no reason"),
    "generic_decline": Word(SOFT, "The card's bank gives no reason"),
    "no_action_taken": Word(SOFT, "The card's bank gives no reason"),
    "call_issuer": Word(SOFT, "The card's bank wants a call"),
    "insufficient_funds": Word(SOFT, "Insufficient funds"),
    "card_velocity_exceeded": Word(LIMIT, "The card's limit is reached"),
    "withdrawal_count_limit_exceeded": Word(LIMIT, "The card's limit is reached"),
    "invalid_amount": Word(LIMIT, "The amount is more than the card allows"),
    "expired_card": Word(DETAILS, "The card has expired"),
    "incorrect_number": Word(DETAILS, "The card's number is wrong"),
    "invalid_number": Word(DETAILS, "The card's number is wrong"),
    "incorrect_cvc": Word(DETAILS, "The card's security code is wrong"),
    "invalid_cvc": Word(DETAILS, "The card's security code is wrong"),
    "incorrect_zip": Word(DETAILS, "The postal code is wrong"),
    "invalid_expiry_month": Word(DETAILS, "The card's expiry is wrong"),
    "invalid_expiry_year": Word(DETAILS, "The card's expiry is wrong"),
    "new_account_information_available": Word(DETAILS, "The account has new details"),
    "authentication_required": Word(DETAILS, "The payor must confirm the payment"),
    "card_not_supported": Word(DETAILS, "The card does not take such payments"),
    "currency_not_supported": Word(DETAILS, "The card does not take this currency"),
    "not_permitted": Word(DETAILS, "The card does not take such payments"),
    "service_not_allowed": Word(DETAILS, "The card does not take such payments"),
    "transaction_not_allowed": Word(DETAILS, "The card does not take such payments"),
    "invalid_account": Word(DETAILS, "The account is not valid", blocks=True),
    "account_closed": Word(DETAILS, "The bank account is closed", blocks=True),
    "no_account": Word(DETAILS, "There is no such bank account", blocks=True),
    "invalid_account_number": Word(DETAILS, "The bank account number is wrong", blocks=True),
    "bank_account_restricted": Word(HARD, "The bank account takes no debits", blocks=True),
    "debit_not_authorized": Word(HARD, "The payor says the debit was not authorized", blocks=True, ends_mandate=True),
    "do_not_try_again": Word(HARD, "The card's bank wants no further try", blocks=True),
    "fraudulent": Word(HARD, "Suspected fraud", blocks=True),
    "merchant_blacklist": Word(HARD, "The card is blocked with us", blocks=True),
    "duplicate_transaction": Word(UNKNOWN, "The same amount was charged a moment ago"),
    **{word: Word(HARD, "The card is lost, stolen or blocked", blocks=True) for word in LOST_OR_STOLEN},
    **{word: Word(HARD, "The payor stopped such payments", blocks=True, ends_mandate=True) for word in STOP},
}
_AUTHORIZENET = {
    "2": Word(SOFT, "The card's bank gives no reason"),
    "3": Word(SOFT, "The card's bank wants a call"),
    "4": Word(HARD, "The card is to be picked up", blocks=True),
    "5": Word(LIMIT, "The amount is not valid"),
    "6": Word(DETAILS, "The card's number is wrong"),
    "7": Word(DETAILS, "The card's expiry is wrong"),
    "8": Word(DETAILS, "The card has expired"),
    "9": Word(DETAILS, "The routing number is wrong"),
    "10": Word(DETAILS, "The bank account number is wrong"),
    "11": Word(UNKNOWN, "The same payment was sent a moment ago"),
    "17": Word(DETAILS, "The card does not take such payments"),
    "19": Word(GATEWAY, "The processor failed"),
    "20": Word(GATEWAY, "The processor failed"),
    "21": Word(GATEWAY, "The processor failed"),
    "22": Word(GATEWAY, "The processor failed"),
    "23": Word(GATEWAY, "The processor failed"),
    "25": Word(GATEWAY, "The processor failed"),
    "26": Word(GATEWAY, "The processor failed"),
    "27": Word(DETAILS, "The postal code is wrong"),
    "28": Word(DETAILS, "The card does not take such payments"),
    "37": Word(DETAILS, "The card's number is wrong"),
    "44": Word(DETAILS, "The card's security code is wrong"),
    "45": Word(DETAILS, "The card's details are wrong"),
    "49": Word(LIMIT, "The amount is above what may be charged"),
    "57": Word(GATEWAY, "The processor failed"),
    "65": Word(DETAILS, "The card's security code is wrong"),
    "127": Word(DETAILS, "The postal code is wrong"),
    "315": Word(DETAILS, "The card's number is wrong"),
    "316": Word(DETAILS, "The card's expiry is wrong"),
    "317": Word(DETAILS, "The card has expired"),
}
_NACHA = {
    "rejected": Word(GATEWAY, "The bank did not take the file"),
    "no_account": Word(DETAILS, "No such bank account is kept"),
}
_MANUAL = {
    "nsf": Word(DETAILS, "The check was returned for insufficient funds"),
    "stop_payment": Word(HARD, "The check was stopped"),
    "account_closed": Word(DETAILS, "The check's account is closed"),
    "check_returned": Word(DETAILS, "The check was returned"),
}
ADVICE: Mapping[str, Word] = {
    "do_not_try_again": Word(HARD, "The processor advises not to try again", blocks=True),
    "try_again_later": Word(SOFT, "The processor advises to try later"),
    "confirm_card_data": Word(DETAILS, "The processor advises to check the details"),
}
"""Stripe's advice codes, where it hands on none of the network's."""

TABLES: Mapping[str, Mapping[str, Word]] = {
    "sandbox": _SANDBOX,
    "stripe": _STRIPE,
    "authorizenet": _AUTHORIZENET,
    "manual": _MANUAL,
    "nacha": _NACHA,
}


def meaning(gateway: str, code: str) -> Word | None:
    """What a gateway's word means, or None when it means nothing to us."""
    return TABLES.get(gateway, {}).get(code) or _OURS.get(code)
