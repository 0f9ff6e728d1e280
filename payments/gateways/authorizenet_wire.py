"""Pure: Authorize.Net's requests and answers in our words.

Facts: Authorize.Net API reference (JSON): transaction types, response and reason codes, transaction statuses, duplicate
window, transaction reporting, webhook events. The order of the fields in a request matters there.

Our reference has up to 40 characters, and no field that every answer repeats has room for it: its last 20 are the
invoice number (their limit), what comes before them the reference id, and the whole stands in the order's description.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from payments.gateways.base import CaptureOrder, Charge, Outcome, RefundOrder, Status, Unreadable

INVOICE_LETTERS = 20
DUPLICATE_SECONDS = 28_800
"""The longest duplicate window there is: for so long the same invoice number and amount is never taken twice."""
APPROVED, REFUSED, ERROR, HELD = "1", "2", "3", "4"
DUPLICATE = "11"
NOT_CREDITABLE = "54"
NOBODY_KNOWS = frozenset({"120", "121", "122"})
"""Reasons of an error after which the charge may stand: the connection to the card's bank was lost on the way."""
TURNED_AWAY = frozenset({"E00005", "E00006", "E00007", "E00008", "E00009", "E00010", "E00053", "E00104", "E00124"})
"""The keys do not hold, or the service is too busy or under maintenance: nothing was looked at."""
UNSURE = frozenset({"E00000", "E00001"})
NO_RECORD = frozenset({"E00040", "I00004"})
_STATUSES = {
    "authorizedPendingCapture": Status.AUTHORIZED,
    "capturedPendingSettlement": Status.SUCCEEDED,
    "settledSuccessfully": Status.SUCCEEDED,
    "refundPendingSettlement": Status.SUCCEEDED,
    "refundSettledSuccessfully": Status.SUCCEEDED,
    "returnedItem": Status.RETURNED,
    "voided": Status.VOIDED,
    "expired": Status.VOIDED,
    "declined": Status.DECLINED,
    "generalError": Status.DECLINED,
    "communicationError": Status.DECLINED,
    "failedReview": Status.DECLINED,
    "settlementError": Status.DECLINED,
    "FDSPendingReview": Status.PENDING,
    "FDSAuthorizedPendingReview": Status.PENDING,
    "underReview": Status.PENDING,
    "approvedReview": Status.PENDING,
}
KINDS = {
    "settledSuccessfully": ("charge", 1),
    "refundSettledSuccessfully": ("refund", -1),
    "returnedItem": ("return", -1),
    "chargeback": ("dispute", -1),
    "chargebackReversal": ("dispute_won", 1),
}
"""What a settled transaction is in a payout, and its sign."""
UNSETTLED = frozenset({"capturedPendingSettlement"})
SETTLED = "settledSuccessfully"

Thing = Mapping[str, Any]


def read(body: bytes) -> dict[str, Any]:
    """An answer as JSON, exact to the cent; it begins with a byte order mark. Raises: ValueError."""
    told = json.loads(body.decode("utf-8-sig"), parse_float=Decimal)
    if not isinstance(told, dict):
        raise ValueError("no JSON object")
    return told


def invoice_of(reference: str) -> str:
    """The invoice number that a reference becomes."""
    return reference[-INVOICE_LETTERS:]


def ref_id_of(reference: str) -> str:
    """What of a reference the invoice number has no room for."""
    return reference[:-INVOICE_LETTERS][:INVOICE_LETTERS]


def charge_request(charge: Charge) -> dict[str, Any]:
    """A sale, or an authorization. A token with a customer is a payment profile, one without a nonce of their element.

    The payor of a kept card is away, save when `present` says otherwise.
    """
    asked: dict[str, Any] = {
        "transactionType": "authCaptureTransaction" if charge.capture else "authOnlyTransaction",
        "amount": decimal(charge.amount),
        "currencyCode": charge.amount.currency,
    }
    if charge.customer:
        asked["profile"] = {
            "customerProfileId": charge.customer,
            "paymentProfile": {"paymentProfileId": charge.token},
        }
    else:
        opaque = {"dataDescriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "dataValue": charge.token}
        asked["payment"] = {"opaqueData": opaque}
    asked["order"] = {"invoiceNumber": invoice_of(charge.reference), "description": charge.reference}
    asked["transactionSettings"] = _window()
    if charge.customer and not charge.present:
        asked["processingOptions"] = {"isSubsequentAuth": "true"}
        if charge.network_transaction_id:
            asked["subsequentAuthInformation"] = {"originalNetworkTransId": charge.network_transaction_id}
    return {"refId": ref_id_of(charge.reference), "transactionRequest": asked}


def capture_request(order: CaptureOrder, transaction: str) -> dict[str, Any]:
    """Take what a transaction holds, or a part of it."""
    asked = {
        "transactionType": "priorAuthCaptureTransaction",
        "amount": decimal(order.amount),
        "refTransId": transaction,
    }
    return {"refId": ref_id_of(order.charge_reference), "transactionRequest": asked}


def void_request(ref_id: str, transaction: str) -> dict[str, Any]:
    """Let a transaction go; `ref_id` is the charge's own, or that of the refund that wants it."""
    asked = {"transactionType": "voidTransaction", "refTransId": transaction}
    return {"refId": ref_id, "transactionRequest": asked}


def refund_request(order: RefundOrder, transaction: str, card: str) -> dict[str, Any]:
    """A refund of a settled charge; of the card only the last four digits are needed."""
    asked = {
        "transactionType": "refundTransaction",
        "amount": decimal(order.amount),
        "currencyCode": order.amount.currency,
        "payment": {"creditCard": {"cardNumber": card[-4:], "expirationDate": "XXXX"}},
        "refTransId": transaction,
        "order": {"invoiceNumber": invoice_of(order.reference), "description": order.reference},
        "transactionSettings": _window(),
    }
    return {"refId": ref_id_of(order.reference), "transactionRequest": asked}


def _window() -> dict[str, Any]:
    return {"setting": [{"settingName": "duplicateWindow", "settingValue": str(DUPLICATE_SECONDS)}]}


def of_reply(response: Thing, asked: Money, *, held: bool) -> Outcome:
    """What the answer to a charge, capture or refund says. A partly approved amount is told as it is.

    Raises: Unreadable.
    """
    try:
        code, name = str(response["responseCode"]), str(response.get("transId") or "")
        if code == APPROVED:
            amount = _approved(response, asked)
            network = str(response.get("networkTransId") or "")
            said = Status.AUTHORIZED if held else Status.SUCCEEDED
            return Outcome(said, name, amount=amount, network_transaction_id=network)
        if code == HELD:
            return Outcome(Status.PENDING, name, code="held_for_review", amount=asked)
        reason, text = _reason(response)
        status = Status.UNKNOWN if code == ERROR and reason in NOBODY_KNOWS else Status.DECLINED
        return Outcome(status, "" if name == "0" else name, code=reason, message=f"{text} (reason {reason})")
    except (KeyError, TypeError, AttributeError, Invalid, InvalidOperation) as error:
        raise Unreadable(f"not a transaction's answer: {error!r}") from error


def reason_of(response: Thing) -> str:
    """The reason code of an error or decline; empty when there is none."""
    return _reason(response)[0]


def _reason(response: Thing) -> tuple[str, str]:
    for list_, code, text in (("errors", "errorCode", "errorText"), ("messages", "code", "description")):
        rows = response.get(list_)
        if isinstance(rows, list) and rows and isinstance(rows[0], Mapping):
            return str(rows[0].get(code) or ""), str(rows[0].get(text) or "")
    return "", ""


def _approved(response: Thing, asked: Money) -> Money:
    prepaid = response.get("prePaidCard")
    approved = prepaid.get("approvedAmount") if isinstance(prepaid, Mapping) else None
    return asked if approved in (None, "") else money(approved, asked.currency)


def of_details(transaction: Thing, currency: str) -> Outcome:
    """What a transaction's details say of it. Raises: Unreadable."""
    try:
        said = transaction["transactionStatus"]
        status = _STATUSES.get(said, Status.UNKNOWN)
        name = str(transaction["transId"])
        if status is Status.DECLINED:
            code, text = str(transaction.get("responseReasonCode") or ""), transaction.get("responseReasonDescription")
            return Outcome(status, name, code=code, message=f"{text} (reason {code})")
        held = status is Status.AUTHORIZED or said.startswith("FDS")
        amount = money(transaction["authAmount" if held else "settleAmount"], currency)
        code = "held_for_review" if status is Status.PENDING else said if status is Status.UNKNOWN else ""
        network = str(transaction.get("networkTransId") or "")
        return Outcome(status, name, code=code, amount=amount, network_transaction_id=network)
    except (KeyError, TypeError, AttributeError, Invalid, InvalidOperation) as error:
        raise Unreadable(f"not a transaction: {error!r}") from error


def reference_of(transaction: Thing) -> str:
    """Our reference in a transaction's details; empty for what we did not make."""
    order = transaction.get("order")
    found = order.get("description") if isinstance(order, Mapping) else None
    return found if isinstance(found, str) else ""


def card_of(transaction: Thing) -> str:
    """The masked number of the card, by its last four digits."""
    payment = transaction.get("payment")
    card = payment.get("creditCard") if isinstance(payment, Mapping) else None
    return str(card.get("cardNumber") or "") if isinstance(card, Mapping) else ""


def money(said: Any, currency: str) -> Money:
    """An amount as they write it. Raises: Invalid, InvalidOperation."""
    value = Decimal(str(said)).scaleb(2)
    if value != value.to_integral_value():
        raise Invalid(f"{said} is no amount in cents.")
    return Money(int(value), currency)


def decimal(amount: Money) -> str:
    """An amount as they read it."""
    return format(Decimal(amount.amount_minor).scaleb(-2), ".2f")


def moment(text: str) -> dt.datetime:
    """A time of theirs, UTC, with as many digits behind the second as they like. Raises: ValueError."""
    whole, _, rest = text.rstrip("Z").partition(".")
    read_ = dt.datetime.fromisoformat(whole)
    micro = int(rest[:6].ljust(6, "0")) if rest else 0
    return read_.replace(microsecond=micro, tzinfo=dt.UTC)
