"""Collecting at Authorize.Net with the whole stack: its books and ours agree to the cent, whatever happens."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from typing import Any

import pytest

from compliance import approvals
from compliance.permissions import Permission
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.money import Money
from payments import accounts, attempts, inbound, refunds, settlement
from payments.gateways import authorizenet_webhooks
from payments.models import Attempt, GatewayAccount, Payment
from tests.contracts.authorizenet_bench import processor
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
SECRET = "signature-key-of-the-processor"


@pytest.fixture
def login() -> str:
    return f"login-{secrets.token_hex(6)}"


@pytest.fixture
def account(house: House, login: str) -> GatewayAccount:
    """The house takes cards at Authorize.Net only."""
    made = accounts.open_account(
        gateway="authorizenet",
        merchant=login,
        bank_account_id=house.bank.id,
        credentials={"login_id": login, "transaction_key": f"key of {login}"},
        settings={"base_url": processor().url, "read_seconds": 1, "connect_seconds": 1},
        webhook_secret=SECRET,
        actor=house.me,
    )
    accounts.publish_routing(rules=[{"gateway": "authorizenet"}], effective_from=books.SINCE, actor=house.me)
    return made


def resolved(payment: Payment) -> str:
    """Ask until the outcome is known. Gives the payment's state."""
    for _ in range(5):
        attempt = Attempt.objects.get(payment=payment)
        if attempt.state not in Attempt.LIVE:
            break
        with clock.frozen(clock.now() + dt.timedelta(hours=1)):
            attempts.sweep()
    return Payment.objects.get(pk=payment.pk).state


def told(account: GatewayAccount, login: str) -> int:
    """Deliver every webhook twice, the last first. Gives how many were stored."""
    stored = 0
    for body in reversed(processor().ask("events", account=login)):
        headers = {"X-ANET-Signature": authorizenet_webhooks.sign(SECRET, body.encode())}
        for _ in range(2):
            event = inbound.receive(account_id=account.id, headers=headers, body=body.encode())
            if event is not None:
                inbound.process(event.id)
                stored += 1
    return stored


def totals(login: str) -> dict[str, Any]:
    return {row["reference"]: row["taken"] for row in processor().ask("totals", account=login)["charges"]}


@pytest.mark.parametrize(
    ("token", "ends"),
    [
        ("nonce_ok", "succeeded"), ("nonce_declined", "failed"), ("nonce_ok__timeout_after", "succeeded"),
        ("nonce_ok__reset_before", "succeeded"), ("nonce_ok__truncated", "succeeded"), ("nonce_ok__busy", "succeeded"),
    ],
)  # fmt: skip
def test_each_charge_ends_as_the_processor_s_books_say(
    house: House, account: GatewayAccount, login: str, token: str, ends: str
) -> None:
    payment = books.paid(house, books.billed(house), token)
    assert resolved(payment) == ends
    attempt = Attempt.objects.get(payment=payment)
    assert totals(login) == ({attempt.id: 535_900} if ends == "succeeded" else {})
    told(account, login)
    assert Payment.objects.get().state == ends
    assert differences(house) == [] and proof.check() == []


def test_a_settled_batch_empties_clearing_and_a_refund_fills_and_empties_it_again(
    house: House, account: GatewayAccount, login: str
) -> None:
    payment = books.paid(house, books.billed(house), "nonce_ok")
    processor().ask("close_day", account=login, on="2026-02-02")
    settlement.import_payouts(account_id=account.id, since=dt.date(2026, 2, 1), actor=house.me)
    assert books.trial_balance(house)["trust_cash", house.bank.id] == 535_900
    amount = Money(10_000)
    permit = approvals.request(
        action="refund.give", object_id=payment.id, amount=amount, reason="too much", actor=house.me
    )
    other = Actor(
        kind="user", id="usr_other", organization_id=house.operator.id, permissions=frozenset(Permission), label="other"
    )
    approvals.approve(permit_id=permit.id, actor=other)
    refund = refunds.request(payment_id=payment.id, reason="too much", amount_minor=10_000, actor=house.me)
    refunds.submit(refund.id)
    refund.refresh_from_db()
    assert refund.state == "succeeded"
    processor().ask("close_day", account=login, on="2026-02-03")
    settlement.import_payouts(account_id=account.id, since=dt.date(2026, 2, 1), actor=house.me)
    assert books.trial_balance(house)["trust_cash", house.bank.id] == 525_900
    assert books.balance(house, "processor_clearing") == 0
    assert differences(house) == [] and proof.check() == []


def test_nothing_secret_of_the_account_is_kept_in_the_open(house: House, account: GatewayAccount, login: str) -> None:
    books.paid(house, books.billed(house), "nonce_ok")
    account.refresh_from_db()
    kept = json.dumps(account.settings) + account.credentials_sealed + account.webhook_secret_sealed
    assert f"key of {login}" not in kept and SECRET not in kept
