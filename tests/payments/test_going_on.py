"""Going on at another account: only when the first was surely not reached, and with the same payment."""

from __future__ import annotations

import pytest

from compliance.models import EventRecord
from coverpay import books as proof
from coverpay.kernel.money import Money
from payments import accounts, attempts
from payments.gateways.base import Charge, NotSent, Outcome, Status
from payments.gateways.sandbox import Sandbox
from payments.models import Attempt, GatewayAccount, Payment
from reconciliation.models import Break
from tests.support import books
from tests.support.books import House
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(house: House) -> GatewayAccount:
    """Another account, to go on with."""
    account = accounts.open_account(gateway="sandbox", merchant="second", bank_account_id=house.bank.id, actor=house.me)
    rules = [{"to": [house.account.id, account.id]}]
    accounts.publish_routing(rules=rules, effective_from=books.FIRST_DAY, actor=house.me)
    return account


def away(monkeypatch: pytest.MonkeyPatch, *merchants: str) -> None:
    """Let accounts be out of reach; the others answer as always."""
    real = Sandbox.charge

    def charge(self: Sandbox, order: Charge) -> Outcome:
        if order.merchant in merchants:
            raise NotSent("connection refused")
        return real(self, order)

    monkeypatch.setattr(Sandbox, "charge", charge)


def test_a_payment_goes_on_where_it_can_be_taken(
    house: House, second: GatewayAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(monkeypatch, house.account.merchant)
    payment = books.paid(house, books.billed(house))
    attempts.sweep()
    assert list(Attempt.objects.order_by("number").values_list("account_id", "state", "outcome_code")) == [
        (house.account.id, "voided", "not_sent"), (second.id, "succeeded", ""),
    ]  # fmt: skip
    assert Payment.objects.get(pk=payment.id).state == "succeeded"
    assert books.trial_balance(house)["processor_clearing", second.id] == 535_900
    assert "not reached (connection refused)" in Attempt.objects.get(number=2).routing["reasons"][-1]
    assert EventRecord.objects.filter(type="payment.rerouted").count() == 1
    assert differences(house) == []
    assert proof.check(house.operator.id) == []


def test_with_nowhere_else_to_go_the_last_account_is_tried_again(
    house: House, second: GatewayAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(monkeypatch, house.account.merchant, "second")
    books.paid(house, books.billed(house))
    attempts.sweep()
    assert list(Attempt.objects.order_by("number").values_list("state", flat=True)) == ["voided", "planned"]
    assert Payment.objects.get().state == "processing"


@pytest.mark.parametrize("token", ["tok_timeout_taken", "tok_decline_do_not_honor", "tok_pending_ok"])
def test_what_may_have_been_taken_or_was_declined_goes_nowhere_else(
    house: House, second: GatewayAccount, token: str
) -> None:
    books.paid(house, books.billed(house), token)
    attempts.sweep()
    assert Attempt.objects.get().account_id == house.account.id


def test_a_charge_that_gave_way_and_was_taken_all_the_same_is_a_break(
    house: House, second: GatewayAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(monkeypatch, house.account.merchant)
    books.paid(house, books.billed(house))
    attempts.sweep()
    first = Attempt.objects.get(number=1)
    taken = Outcome(Status.SUCCEEDED, "sbx_ch_9", amount=Money(535_900))
    attempts.record_outcome(attempt_id=first.id, outcome=taken, actor=house.me)
    assert Break.objects.get().difference_minor == 535_900
    assert Payment.objects.get().state == "succeeded"
    assert proof.check(house.operator.id) == []
