"""An operator ready for business, made by the commands everyone uses, and what its books must always say."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from billing import invoices, schedules
from billing.models import Invoice
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.money import Money
from payments import accounts, attempts, collection, inbound, sandbox_webhooks
from payments.gateways.sandbox import Sandbox
from payments.models import Attempt, GatewayAccount, Payment
from policies import lifecycle, programs
from policies.lifecycle import QuoteRequest
from policies.models import Policy
from policies.parties import PartyDetails
from reconciliation import bank_accounts
from reconciliation.ledger import balances
from reconciliation.ledger.models import Book
from reconciliation.models import BankAccount
from tests.support import world

SINCE = dt.date(2025, 1, 1)
FIRST_DAY = dt.date(2026, 1, 31)
_number = itertools.count(1)

CARRIER_FEE = {"component": "carrier_fee", "amount": "250.00", "payee_kind": "carrier", "rule": "program fee"}
SURPLUS_LINES_TAX = {
    "component": "surplus_lines_tax",
    "rate": "0.0468",
    "base": ["premium"],
    "payee_kind": "state",
    "states": ["HI"],
    "rule": "surplus lines tax",
    "citation": "HRS 431:8-315",
    "verify": True,
    "decision": {"by": "compliance", "reason": "read in the statute"},
}
TERMS: dict[str, Any] = {"commission_rate": "0.15", "charges": [CARRIER_FEE, SURPLUS_LINES_TAX]}
PLANS: dict[str, dict[str, Any]] = {
    "halves": {"down_payment": {"percent": "50"}, "installments": [{"month": 6}]},
    "full": {},
    "thirds": {"down_payment": {"percent": "34"}, "installments": [{"month": 1}, {"month": 2}]},
    "monthly": {
        "down_payment": {"percent": "10", "in_full": ["carrier_fee"]},
        "installments": {"count": 9, "every_months": 1},
        "installment_fee": {"amount": "5.00", "from": 2},
        "reinstatement_fee": "10.00",
        "endorsement": "spread",
        "credit": "spread",
    },
    "to-the-last": {
        "down_payment": {"percent": "25"},
        "installments": [{"month": 3}, {"month": 5}, {"month": 7}],
        "endorsement": "last",
        "credit": "last",
        "rounding": "last",
    },
}


@dataclass(frozen=True, slots=True)
class House:
    """One operator and what it needs to bill and collect."""

    operator: Organization
    carrier: Organization
    me: Actor
    bank: BankAccount
    account: GatewayAccount

    @property
    def book_id(self) -> str:
        return Book.objects.get(organization=self.operator).id


def open_house() -> House:
    """Open an operator with a program `hi` (commission 15%, fee 250, Hawaii tax 4.68%), PLANS, a bank, a processor."""
    operator, carrier = world.organization("mga"), world.organization("carrier")
    me = Actor(kind="user", id="usr_test", organization_id=operator.id, permissions=frozenset(Permission), label="me")
    programs.publish(
        code="hi",
        name="Hawaii",
        carrier_id=carrier.id,
        states=["HI", "CA"],
        terms=TERMS,
        effective_from=SINCE,
        actor=me,
    )
    for code, spec in PLANS.items():
        schedules.publish_plan(code=code, name=code.title(), spec=spec, effective_from=SINCE, actor=me)
    bank, account = connect(me, merchant=operator.code)
    rules = [{"when": {"method": ["card", "ach"]}, "gateway": "sandbox"}]
    accounts.publish_routing(rules=rules, effective_from=SINCE, actor=me)
    return House(operator, carrier, me, bank, account)


def connect(me: Actor, *, merchant: str) -> tuple[BankAccount, GatewayAccount]:
    """A bank account and, paying out to it, an account at the sandbox."""
    bank = bank_accounts.open_bank_account(
        name="Trust", bank_id="121000358", account_mark=merchant, currency="USD", fund="trust", actor=me
    )
    account = accounts.open_account(gateway="sandbox", merchant=merchant, bank_account_id=bank.id, actor=me)
    return bank, account


def request(**changes: Any) -> QuoteRequest:
    """A request for the Hawaii policy of DOMAIN.md, with changes."""
    number = next(_number)
    asked: dict[str, Any] = {
        "number": f"P-{number}",
        "program": "hi",
        "insured": PartyDetails(reference=f"INS-{number}", name="Aloha Foods"),
        "state": "HI",
        "effective_on": FIRST_DAY,
        "expires_on": dt.date(2027, 1, 31),
        "premium": Money(1_000_000),
        "plan": "halves",
    }
    return QuoteRequest(**{**asked, **changes})


def bound(house: House, **changes: Any) -> Policy:
    """A bound policy with its schedule."""
    policy = lifecycle.quote(request=request(**changes), actor=house.me)
    return lifecycle.bind(policy_id=policy.id, actor=house.me)


def billed(house: House, **changes: Any) -> Invoice:
    """The first invoice of a new bound policy."""
    return invoices.issue(policy_id=bound(house, **changes).id, actor=house.me)


def collecting(house: House, invoice: Invoice, token: str = "tok_ok", **more: Any) -> Attempt:
    """Start to collect an invoice; nothing is sent yet. Gives the planned attempt."""
    payment = collection.collect(invoice_id=invoice.id, method="card", token=token, actor=house.me, **more)
    return payment.attempts.get()


def paid(house: House, invoice: Invoice, token: str = "tok_ok", **more: Any) -> Payment:
    """Collect an invoice and send the attempt. Gives the payment as it is then."""
    attempt = collecting(house, invoice, token, **more)
    attempts.submit(attempt.id)
    return Payment.objects.get(pk=attempt.payment_id)


def balance(house: House, code: str) -> int:
    """The balance of a code over all its owners, debit positive, minor units."""
    return sum(row.balance_minor for row in balances.trial_balance(house.book_id) if row.code == code)


def trial_balance(house: House) -> dict[tuple[str, str], int]:
    """Every account that is not zero, by code and owner; debit positive, minor units."""
    return {
        (row.code, row.owner): row.balance_minor for row in balances.trial_balance(house.book_id) if row.balance_minor
    }


def charges(house: House) -> list[dict[str, Any]]:
    """What the processor itself has of the operator, by its own books."""
    return Sandbox(settings.SANDBOX_FILE).books.charges(house.account.merchant)


def webhooks(house: House) -> list[tuple[dict[str, str], bytes]]:
    """What the processor has to tell the operator, each as headers and body, as it is sent."""
    messages = Sandbox(settings.SANDBOX_FILE).books.untold(house.account.merchant)
    return [
        (sandbox_webhooks.signed(house.account, row["event"], row["body"]), row["body"].encode()) for row in messages
    ]


def deliver(house: House, headers: dict[str, str], body: bytes) -> None:
    """Bring one webhook through the inbound door and let it take effect."""
    event = inbound.receive(account_id=house.account.id, headers=headers, body=body)
    if event is not None:
        inbound.process(event.id)


def pay_out(house: House) -> list[str]:
    """Let the processor pay out what it holds, today. Gives the payouts' references; nothing is imported."""
    return Sandbox(settings.SANDBOX_FILE).close_day(house.account.merchant, clock.today())
