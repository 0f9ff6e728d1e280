"""Payment intents and their charges: created and confirmed at once, held and captured, or let go."""

from __future__ import annotations

import re
from typing import Any

from coverpay.demo.processor import balance, behaviours, events, methods
from coverpay.demo.processor.store import Store, Thing
from coverpay.demo.processor.wire import Refused, flag, invalid, listed, missing, whole

_QUERY = re.compile(r"metadata\[['\"](.+?)['\"]\]:['\"](.*)['\"]")


def create(store: Store, account: str, params: dict[str, Any]) -> Thing:
    """Create an intent and, if asked to, confirm it. Raises: Refused, with the intent, when the bank declines."""
    amount = whole(params, "amount")
    if len(params.get("currency", "")) != 3:
        raise invalid("Missing required param: currency.", code="parameter_missing", param="currency")
    kinds = listed(params, "payment_method_types") or ["card"]
    method = methods.usable(store, account, params.get("payment_method", ""), params.get("customer", ""), kinds)
    intent = store.add(
        account, "pi", "payment_intent",
        amount=amount, amount_capturable=0, amount_received=0, currency=params["currency"].lower(),
        status="requires_confirmation", capture_method=params.get("capture_method", "automatic"),
        customer=params.get("customer"), description=params.get("description"), metadata=params.get("metadata", {}),
        payment_method=method["id"], payment_method_types=kinds, latest_charge=None, last_payment_error=None,
        canceled_at=None, cancellation_reason=None,
    )  # fmt: skip
    return _confirm(store, account, intent, method) if flag(params, "confirm") else intent


def _confirm(store: Store, account: str, intent: Thing, method: Thing) -> Thing:
    behaviour = behaviours.of(method["_token"])
    assert behaviour is not None
    charge = _charge(store, account, intent, method)
    intent["latest_charge"] = charge["id"]
    if behaviour.code:
        _fail(store, account, intent, charge, behaviour)
        raise Refused(402, "card_error", intent["last_payment_error"]["message"], kept=True, **_error(intent, charge))
    if behaviour.method == "us_bank_account":
        intent["status"], charge["status"] = "processing", "pending"
        _save(store, intent, charge)
        events.tell(store, account, "payment_intent.processing", intent)
    elif intent["capture_method"] == "manual":
        intent["status"], intent["amount_capturable"] = "requires_capture", intent["amount"]
        charge["status"] = "succeeded"
        _save(store, intent, charge)
        events.tell(store, account, "payment_intent.amount_capturable_updated", intent)
    else:
        _take(store, account, intent, charge, intent["amount"] + behaviour.wrong_by)
    return intent


def _charge(store: Store, account: str, intent: Thing, method: Thing) -> Thing:
    kind = method["type"]
    details: dict[str, Any] = {"type": kind, kind: {key: method[kind][key] for key in ("last4", "fingerprint")}}
    if kind == "card":
        details["card"] |= {"brand": method["card"]["brand"], "network_transaction_id": f"ntid{intent['id'][-8:]}"}
    return store.add(
        account, "ch" if kind == "card" else "py", "charge",
        amount=intent["amount"], amount_captured=0, amount_refunded=0, captured=False, currency=intent["currency"],
        customer=intent["customer"], disputed=False, failure_code=None, failure_message=None,
        metadata=intent["metadata"], outcome=None, paid=False, payment_intent=intent["id"],
        payment_method=method["id"], payment_method_details=details, refunded=False, status="pending",
        _asked=intent["amount"], _token=method["_token"], _moved=0,
    )  # fmt: skip


def _take(store: Store, account: str, intent: Thing, charge: Thing, amount: int) -> None:
    """The money arrives: the whole, or the part of it that is captured."""
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": amount}
    method = charge["payment_method_details"]["type"]
    held = max(charge["amount"], amount)
    balance.move(store, account, "charge", charge, held, balance.fee(method, amount))
    if held != amount:
        balance.move(store, account, "partial_capture_reversal", charge, amount - held)
    _save(store, intent, charge)
    events.tell(store, account, "payment_intent.succeeded", intent)


def _fail(store: Store, account: str, intent: Thing, charge: Thing, behaviour: behaviours.Behaviour) -> None:
    words = behaviour.fails or behaviour.decline_code
    error = {
        "type": "card_error",
        "code": behaviour.code or "payment_intent_payment_attempt_failed",
        "decline_code": words,
        "network_decline_code": behaviour.network_code,
        "message": f"The payment failed: {words.replace('_', ' ')}.",
        "charge": charge["id"],
    }
    if behaviour.advice:
        error["network_advice_code"] = behaviour.advice
    intent |= {"status": "requires_payment_method", "last_payment_error": error}
    charge |= {"status": "failed", "failure_code": error["code"], "failure_message": error["message"]}
    charge["outcome"] = {"network_decline_code": behaviour.network_code, "reason": words, "type": "issuer_declined"}
    _save(store, intent, charge)
    events.tell(store, account, "payment_intent.payment_failed", intent)


def _error(intent: Thing, charge: Thing) -> dict[str, Any]:
    said = {key: value for key, value in intent["last_payment_error"].items() if key not in ("type", "message")}
    return said | {"payment_intent": intent}


def _save(store: Store, intent: Thing, charge: Thing) -> None:
    store.save(intent)
    store.save(charge)


def _of(store: Store, account: str, name: str) -> tuple[Thing, Thing | None]:
    intent = store.find(account, "payment_intent", name)
    if intent is None:
        raise missing("payment_intent", name)
    return intent, store.find(account, "charge", intent["latest_charge"] or "")


def _unexpected(intent: Thing, wish: str) -> Refused:
    message = f"This PaymentIntent's status is {intent['status']}: it cannot be {wish}."
    return invalid(message, code="payment_intent_unexpected_state", payment_intent=intent)


def capture(store: Store, account: str, name: str, params: dict[str, Any]) -> Thing:
    intent, charge = _of(store, account, name)
    amount = whole(params, "amount_to_capture", intent["amount_capturable"])
    if intent["status"] != "requires_capture" or charge is None:
        raise _unexpected(intent, "captured")
    if amount > intent["amount_capturable"]:
        raise invalid("More than what is held.", code="amount_too_large", param="amount_to_capture")
    _take(store, account, intent, charge, amount)
    return intent


def cancel(store: Store, account: str, name: str, params: dict[str, Any]) -> Thing:
    intent, charge = _of(store, account, name)
    if intent["status"] not in ("requires_capture", "requires_confirmation", "requires_payment_method"):
        raise _unexpected(intent, "canceled")
    intent |= {"status": "canceled", "amount_capturable": 0, "canceled_at": store.now()}
    intent["cancellation_reason"] = params.get("cancellation_reason")
    store.save(intent)
    if charge is not None and not charge["captured"]:
        store.save(charge | {"refunded": True})
    events.tell(store, account, "payment_intent.canceled", intent)
    return intent


def search(store: Store, account: str, params: dict[str, Any]) -> list[Thing]:
    """By one metadata field; the index lags behind by the setting `search_lag_seconds`."""
    query = _QUERY.fullmatch(params.get("query", "").strip())
    if query is None:
        raise invalid("We were unable to parse your search query.", param="query")
    until = store.now() - store.setting("search_lag_seconds", 0)
    return store.with_metadata(account, "payment_intent", query[1], query[2], until)


def finish(store: Store, account: str) -> int:
    """What time does to bank debits: each that is processing succeeds or fails. Gives how many."""
    moved = 0
    for intent in store.all(account, "payment_intent"):
        if intent["status"] != "processing":
            continue
        charge = store.find(account, "charge", intent["latest_charge"])
        assert charge is not None
        behaviour = behaviours.of(charge["_token"])
        assert behaviour is not None
        if behaviour.fails:
            _fail(store, account, intent, charge, behaviour)
        else:
            _take(store, account, intent, charge, intent["amount"])
        moved += 1
    return moved
