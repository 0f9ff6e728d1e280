"""Customers, payment methods and setup intents."""

from __future__ import annotations

import hashlib
from typing import Any

from coverpay.demo.processor import behaviours
from coverpay.demo.processor.store import Store, Thing
from coverpay.demo.processor.wire import invalid, listed, missing


def create_customer(store: Store, account: str, params: dict[str, Any]) -> Thing:
    facts = {key: params.get(key) for key in ("name", "email", "description")}
    return store.add(account, "cus", "customer", metadata=params.get("metadata", {}), **facts)


def create_setup(store: Store, account: str, params: dict[str, Any]) -> Thing:
    setup = store.add(
        account, "seti", "setup_intent",
        customer=params.get("customer"), payment_method=None, status="requires_payment_method",
        payment_method_types=listed(params, "payment_method_types") or ["card"], usage=params.get("usage"),
        metadata=params.get("metadata", {}), last_setup_error=None,
    )  # fmt: skip
    setup["client_secret"] = f"{setup['id']}_secret_{setup['created']}"
    store.save(setup)
    return setup


def finish_setup(store: Store, account: str, name: str, token: str) -> Thing:
    """What Stripe's element does on a page: the payor enters a method that behaves like `token`."""
    setup = store.find(account, "setup_intent", name)
    if setup is None:
        raise missing("setupintent", name)
    method = make(store, account, token, setup["customer"])
    setup |= {"status": "succeeded", "payment_method": method["id"]}
    store.save(setup)
    return method


def make(store: Store, account: str, token: str, customer: str | None = None) -> Thing:
    """A payment method that behaves like one of the test methods. Raises: Refused for another."""
    behaviour = behaviours.of(token)
    if behaviour is None:
        raise invalid(f"No such PaymentMethod: '{token}'", code="resource_missing", param="payment_method")
    mark = hashlib.sha256(f"{account}/{token}".encode()).hexdigest()[:16]
    details: dict[str, Any] = {
        "last4": "6789",
        "fingerprint": mark,
        "bank_name": "TEST BANK",
        "account_type": "checking",
    }
    if behaviour.method == "card":
        brand = "mastercard" if "mastercard" in token else "visa"
        details = {"last4": "4242", "fingerprint": mark, "brand": brand, "funding": "credit"}
        details |= {"exp_month": 12, "exp_year": 2031}
    return store.add(
        account, "pm", "payment_method",
        type=behaviour.method, customer=customer, metadata={}, _token=token, **{behaviour.method: details},
    )  # fmt: skip


def find(store: Store, account: str, name: str) -> Thing:
    method = store.find(account, "payment_method", name)
    if method is None:
        raise missing("PaymentMethod", name)
    return method


def usable(store: Store, account: str, name: str, customer: str, kinds: list[str]) -> Thing:
    """The method to charge: one that is kept, or a test method by its name. Raises: Refused."""
    method = store.find(account, "payment_method", name) or make(store, account, name)
    if method["customer"] and method["customer"] != customer:
        raise invalid("The payment method belongs to another Customer.", param="payment_method")
    if method["type"] not in kinds:
        raise invalid(f"The PaymentMethod is a {method['type']}, which is not among the types.", param="payment_method")
    return method


def attach(store: Store, account: str, name: str, params: dict[str, Any]) -> Thing:
    method = store.find(account, "payment_method", name) or make(store, account, name)
    if store.find(account, "customer", params.get("customer", "")) is None:
        raise missing("customer", params.get("customer", ""))
    method["customer"] = params["customer"]
    store.save(method)
    return method


def detach(store: Store, account: str, name: str) -> Thing:
    method = find(store, account, name)
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    method["customer"] = None
    store.save(method)
    return method
