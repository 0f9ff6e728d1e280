"""How payors pay, made by the commands everyone uses: cards, bank accounts, mandates, validations."""

from __future__ import annotations

import datetime as dt
from typing import Any

from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, unchanged
from payments import accounts, mandates, methods, scheduled, validations
from payments.methods import MethodNotUsable
from payments.models import AccountValidation, GatewayAccount, Mandate, PaymentMethod
from policies.models import Party, Policy
from tests.support import books
from tests.support.books import House

WORDS = "I authorize Aloha MGA to charge this account for my premium until I say otherwise."


def card(house: House, party: Party, **changes: Any) -> PaymentMethod:
    """A card at the house's sandbox account."""
    asked = {
        "party_id": party.id,
        "account_id": house.account.id,
        "token": "tok_ok",
        "customer": "cus_1",
        "brand": "visa",
        "last4": "4242",
        "exp_month": 12,
        "exp_year": 2030,
        "funding": "credit",
        "actor": house.me,
    }
    return methods.add_card(**{**asked, **changes})


def bank_account(house: House, party: Party, **changes: Any) -> PaymentMethod:
    """A checking account, not validated and without a mandate."""
    asked = {
        "party_id": party.id,
        "routing_number": "121000358",
        "account_number": "000123456789",
        "account_type": "checking",
        "holder_name": "Aloha Foods",
        "actor": house.me,
    }
    return methods.add_bank_account(**{**asked, **changes})


def allow(house: House, method: PaymentMethod, **changes: Any) -> Mandate:
    """Leave to charge a method, given on the web unless said otherwise."""
    asked = {"payment_method_id": method.id, "text": WORDS, "given": "web", "ip": "203.0.113.7", "actor": house.me}
    if changes.get("given", "web") != "web":
        asked["ip"] = None
    return mandates.give(**{**asked, **changes})


def mandated(house: House, policy: Policy, **changes: Any) -> PaymentMethod:
    """A checking account of a policy's insured with a standing mandate."""
    said = {name: changes.pop(name) for name in ("given", "evidence") if name in changes}
    account = bank_account(house, policy.insured, **changes)
    allow(house, account, **said)
    return account


@command
def validated(*, method: PaymentMethod, actor: Actor) -> None:
    """Say that a validation of the account passed."""
    try_ = AccountValidation.objects.create(payment_method=method, kind="processor")
    try_.succeed()
    try_.decided_at = clock.now()
    try_.save()
    methods.validated_locked(method)
    unchanged()


@command
def blocked(*, method: PaymentMethod, reason: str, actor: Actor) -> PaymentMethod:
    """Block a method, as a hard return does."""
    unchanged()  # as it may be
    return methods.block_locked(method, reason)


def why(method: PaymentMethod, *, on: dt.date | None = None, initiator: str = "staff") -> str | None:
    """Why a method cannot be charged; None when it can."""
    try:
        methods.usable(method, on=on or clock.today(), initiator=initiator)
    except MethodNotUsable as refused:
        return refused.extra["why"]
    return None


def ach_account(house: House, **changes: Any) -> GatewayAccount:
    """An account of the house that sends files to a bank; the cut-off is 16:00 in New York."""
    said = {
        "immediate_destination": "121000358",
        "destination_name": "BANK OF TESTS",
        "immediate_origin": "1234567890",
        "origin_name": "ALOHA MGA",
        "odfi_routing": "121000358",
        "company_name": "ALOHA MGA",
        "company_id": "1234567890",
    }
    return accounts.open_account(
        gateway="nacha",
        merchant=f"{house.operator.code}-ach",
        bank_account_id=house.bank.id,
        settings={**said, **changes},
        actor=house.me,
    )


def seeded(house: House) -> None:
    """A bank account with a mandate that is being validated, and a card that pays an invoice on a later day."""
    ach_account(house)
    account = mandated(house, books.bound(house))
    validations.start(payment_method_id=account.id, kind="micro_entries", actor=house.me)
    invoice = books.billed(house)
    kept = card(house, invoice.policy.insured)
    allow(house, kept)
    day = clock.today() + dt.timedelta(days=8)
    scheduled.schedule(invoice_id=invoice.id, payment_method_id=kept.id, collect_on=day, actor=house.me)
