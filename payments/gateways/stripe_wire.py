"""Pure: Stripe's objects in our words, and our requests as its forms.

Facts: Stripe API reference at the pinned version (payment intents, refunds, errors, disputes, payment methods).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from payments.gateways.base import (
    CaptureOrder,
    Charge,
    DisputeNews,
    DisputeStatus,
    MethodReport,
    Outcome,
    RefundOrder,
    Status,
    Unreadable,
)

REFERENCE = "coverpay_reference"
"""The metadata field that holds our reference."""
KINDS = {"card": "card", "ach": "us_bank_account"}
BANK_DEBIT = "us_bank_account"
RETURN_REASONS = frozenset(
    {"bank_cannot_process", "customer_initiated", "debit_not_authorized", "incorrect_account_details",
     "insufficient_funds"}
)  # fmt: skip
"""Why a bank takes a debit back. Stripe calls that a dispute; it cannot be contested."""
EVIDENCE = frozenset(
    {"access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal",
     "customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation",
     "duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation",
     "service_date", "uncategorized_text"}
)  # fmt: skip
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LETTERS = 26
_RANDOM_BITS = 80
_REFUNDS = {"succeeded": Status.SUCCEEDED, "pending": Status.PENDING, "requires_action": Status.PENDING,
            "failed": Status.DECLINED, "canceled": Status.DECLINED}  # fmt: skip
_DISPUTES = {
    "warning_needs_response": DisputeStatus.NEEDS_RESPONSE,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "warning_under_review": DisputeStatus.UNDER_REVIEW,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "warning_closed": DisputeStatus.WON,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "prevented": DisputeStatus.LOST,
}

Thing = Mapping[str, Any]


def form(params: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested parameters as `a[b]=c` pairs; what is None is left out."""
    pairs: list[tuple[str, str]] = []
    for key, value in params.items():
        name = f"{prefix}[{key}]" if prefix else key
        if isinstance(value, Mapping):
            pairs += form(value, name)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            pairs += [(f"{name}[]", str(item)) for item in value]
        elif isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif value is not None:
            pairs.append((name, str(value)))
    return pairs


def charge_params(charge: Charge) -> dict[str, Any]:
    """A payment intent that is confirmed as it is made. The payor is away, save when `present` says otherwise.

    Nobody can be asked to confirm a charge that a worker sends: what needs that is declined.
    """
    return {
        "amount": charge.amount.amount_minor,
        "currency": charge.amount.currency.lower(),
        "confirm": True,
        "payment_method": charge.token,
        "payment_method_types": [KINDS[charge.method]],
        "customer": charge.customer or None,
        "capture_method": "automatic" if charge.capture else "manual",
        "off_session": None if charge.present else True,
        "error_on_requires_action": True if charge.present else None,
        "description": charge.description or None,
        "metadata": {REFERENCE: charge.reference},
        "expand": ["latest_charge"],
    }


def capture_params(order: CaptureOrder) -> dict[str, Any]:
    """What to take of what is held; the rest is let go."""
    return {"amount_to_capture": order.amount.amount_minor, "expand": ["latest_charge"]}


def refund_params(order: RefundOrder, intent: str) -> dict[str, Any]:
    """What to give back of an intent, under a reference of its own."""
    return {
        "payment_intent": intent,
        "amount": order.amount.amount_minor,
        "metadata": {REFERENCE: order.reference},
    }


def of_intent(intent: Thing) -> Outcome:
    """What a payment intent says of its charge. Raises: Unreadable."""
    try:
        return _of_intent(intent)
    except (KeyError, TypeError, ValueError, AttributeError, Invalid) as error:
        raise Unreadable(f"not a payment intent: {error!r}") from error


def _of_intent(intent: Thing) -> Outcome:
    status, charge = intent["status"], thing(intent.get("latest_charge"))
    currency, name = intent["currency"].upper(), intent["id"]
    card = thing(thing(charge.get("payment_method_details")).get("card"))
    transaction = card.get("network_transaction_id") or ""
    if status == "succeeded":
        taken = Money(intent["amount_received"], currency)
        returned = bool(charge.get("disputed")) and is_bank_debit(charge)
        said = Status.RETURNED if returned else Status.SUCCEEDED
        return Outcome(said, name, amount=taken, network_transaction_id=transaction)
    if status == "processing":
        return Outcome(Status.PENDING, name, code=status, amount=Money(intent["amount"], currency))
    if status == "requires_capture":
        held = Money(intent["amount_capturable"], currency)
        return Outcome(Status.AUTHORIZED, name, amount=held, network_transaction_id=transaction)
    if status == "canceled":
        return Outcome(Status.VOIDED, name, code=intent.get("cancellation_reason") or status)
    if status == "requires_payment_method" and intent.get("last_payment_error"):
        return declined(intent["last_payment_error"], name)
    if status == "requires_action":
        return Outcome(Status.PENDING, name, code=status, amount=Money(intent["amount"], currency))
    return Outcome(Status.UNKNOWN, name, code=status)


def declined(error: Thing, name: str = "") -> Outcome:
    """A refusal in the words of the bank where it gave some, else in Stripe's."""
    return Outcome(
        Status.DECLINED,
        name,
        code=error.get("decline_code") or error.get("code") or error.get("type") or "declined",
        message=error.get("message") or "",
        network_code=error.get("network_decline_code") or "",
        advice=error.get("network_advice_code") or "",
    )


def of_refund(refund: Thing) -> Outcome:
    """What a refund says. Raises: Unreadable."""
    try:
        status = _REFUNDS.get(refund["status"], Status.UNKNOWN)
        amount = Money(refund["amount"], refund["currency"].upper())
        return Outcome(status, refund["id"], code=refund.get("failure_reason") or "", amount=amount)
    except (KeyError, TypeError, ValueError, AttributeError, Invalid) as error:
        raise Unreadable(f"not a refund: {error!r}") from error


def dispute_status(dispute: Thing) -> DisputeStatus:
    """How a dispute stands. Raises: Unreadable."""
    try:
        return _DISPUTES[dispute["status"]]
    except (KeyError, TypeError) as error:
        raise Unreadable(f"not a dispute: {error!r}") from error


def of_dispute(dispute: Thing) -> DisputeNews:
    """What a dispute of a card says; our reference is not in it, so the intent's number is. Raises: Unreadable."""
    status = dispute_status(dispute)
    try:
        due = thing(dispute.get("evidence_details")).get("due_by")
        return DisputeNews(
            reference="",
            gateway_reference=name_of(dispute["payment_intent"]),
            dispute=dispute["id"],
            status=status,
            amount=Money(dispute["amount"], dispute["currency"].upper()),
            reason=dispute.get("reason") or "",
            withdrawn=sum(row["amount"] for row in dispute.get("balance_transactions") or []) < 0,
            evidence_due_at=dt.datetime.fromtimestamp(due, dt.UTC) if due else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, Invalid) as error:
        raise Unreadable(f"not a dispute: {error!r}") from error


def of_return(dispute: Thing) -> Outcome:
    """What the "dispute" of a bank debit says: the bank took it back, for good. Raises: Unreadable."""
    try:
        return Outcome(
            Status.RETURNED,
            name_of(dispute["payment_intent"]),
            code=dispute["reason"],
            amount=Money(dispute["amount"], dispute["currency"].upper()),
            network_code=dispute.get("network_reason_code") or "",
        )
    except (KeyError, TypeError, ValueError, AttributeError, Invalid) as error:
        raise Unreadable(f"not a dispute: {error!r}") from error


def is_return(dispute: Thing) -> bool:
    """Whether a dispute is the return of a bank debit: no card stands behind it, and its reason is one of a bank's."""
    kind = thing(dispute.get("payment_method_details")).get("type")
    return kind != "card" and dispute.get("reason") in RETURN_REASONS


def is_bank_debit(charge: Thing) -> bool:
    """Whether a charge is a debit of a bank account."""
    return thing(charge.get("payment_method_details")).get("type") == BANK_DEBIT


def of_method(method: Thing) -> MethodReport:
    """What may be shown of a payment method. Raises: Unreadable."""
    try:
        ours = {theirs: kind for kind, theirs in KINDS.items()}
        kind = method["type"]
        details = method[kind]
        return MethodReport(
            token=method["id"],
            kind=ours[kind],
            customer=name_of(method.get("customer") or ""),
            brand=details.get("brand") or details.get("bank_name") or "",
            last4=details.get("last4") or "",
            exp_month=details.get("exp_month") or 0,
            exp_year=details.get("exp_year") or 0,
            funding=details.get("funding") or details.get("account_type") or "",
            fingerprint=details.get("fingerprint") or "",
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"not a payment method: {error!r}") from error


def evidence(given: Mapping[str, str]) -> dict[str, str]:
    """Evidence under Stripe's own headings; what has none of them goes into the free text, under its name."""
    known = {name: text for name, text in given.items() if name in EVIDENCE}
    rest = [f"{name}: {text}" for name, text in sorted(given.items()) if name not in EVIDENCE]
    texts = [text for text in (known.get("uncategorized_text"), *rest) if text]
    return known | ({"uncategorized_text": "\n".join(texts)} if texts else {})


def reference_of(made: Thing) -> str:
    """Our reference in an object's metadata; empty for what we did not make."""
    found = thing(made.get("metadata")).get(REFERENCE)
    return found if isinstance(found, str) else ""


def name_of(told: Any) -> str:
    """The id of what may be an id or the object itself. Raises: TypeError."""
    name = told.get("id") if isinstance(told, Mapping) else told
    if not isinstance(name, str):
        raise TypeError("no id")
    return name


def made_at(reference: str) -> dt.datetime | None:
    """When a reference was made: our ids begin with it, in milliseconds. None for what is none of our ids."""
    letters = reference.partition("_")[2]
    if len(letters) != _ID_LETTERS or any(letter not in _ALPHABET for letter in letters):
        return None
    number = 0
    for letter in letters:
        number = number * len(_ALPHABET) + _ALPHABET.index(letter)
    try:
        return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=number >> _RANDOM_BITS)
    except OverflowError:
        return None


def thing(value: Any) -> Thing:
    """What may be an object; nothing in its place otherwise."""
    return value if isinstance(value, Mapping) else {}
