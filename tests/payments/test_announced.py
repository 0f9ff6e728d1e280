"""A payment that is announced waits for its money, and a deposit that names it, to the cent, makes it succeed."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import InstallmentItem
from coverpay import books as proof
from payments import accounts, announcements, attempts, deposit_returns, deposit_sweeps, refunds, settlement, stops
from payments.collection import Wanted
from payments.deposits import Item
from payments.models import Attempt, GatewayAccount, Payment, Payout
from tests.support import books, plain
from tests.support.books import House
from tests.support.deposits import standing, taken_in
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(house: House) -> GatewayAccount:
    """The operator takes announced payments at its own desk."""
    rules: list[dict[str, Any]] = [
        {"when": {"method": ["check", "wire", "cash", "premium_finance"]}, "gateway": "manual"},
        {"gateway": "sandbox"},
    ]
    made = accounts.open_account(gateway="manual", merchant="desk", bank_account_id=house.bank.id, actor=house.me)
    accounts.publish_routing(rules=rules, effective_from=books.SINCE, actor=house.me)
    return made


def announced(house: House, method: str = "check", **more: Any) -> Attempt:
    """A payment of 6,000.00 that somebody said would come."""
    invoice = plain.billed(house, plain.bound(house))
    payment = announcements.announce(items=[Wanted(invoice.id)], method=method, note="by post", actor=house.me, **more)
    attempt = payment.attempts.get()
    attempts.submit(attempt.id)
    attempt.refresh_from_db()
    return attempt


def ties(house: House) -> bool:
    return proof.check() == [] and differences(house) == []


def test_an_announced_payment_waits_however_often_it_is_asked_about(house: House, desk: GatewayAccount) -> None:
    attempt = announced(house)
    assert (attempt.state, attempt.outcome_code) == ("pending", "awaiting_the_money")
    assert attempt.account_id == desk.id
    Attempt.objects.filter(pk=attempt.pk).update(next_check_at=attempt.created_at)
    attempts.check(attempt.id)
    attempt.refresh_from_db()
    assert attempt.state == "pending"
    assert books.trial_balance(house).get(("trust_cash", house.bank.id), 0) == 0


@pytest.mark.parametrize("named", ["payment_id", "id", "invoice", "policy"])
def test_the_deposit_that_names_it_makes_it_succeed_and_clearing_empties_to_the_bank(
    house: House, desk: GatewayAccount, named: str
) -> None:
    attempt = announced(house)
    invoice = attempt.payment.invoice
    names = {"payment_id": attempt.payment_id, "id": attempt.id, "invoice": invoice.number}
    reference = names.get(named, invoice.policy.number)
    deposit = taken_in(house, Item(600_000, reference, check_number="1001"), Item(500, "?"))
    payment = Payment.objects.get()
    invoice.refresh_from_db()
    assert (payment.state, invoice.state) == ("succeeded", "paid")
    assert standing(deposit)[0] == ("placed", f"It is the announced payment {payment.id}.")
    assert books.balance(house, "processor_clearing") == 600_000 and books.balance(house, "trust_cash") == 500
    deposit_sweeps.sweep()
    assert books.balance(house, "processor_clearing") == 0 and books.balance(house, "trust_cash") == 600_500
    assert Payout.objects.get().reference == deposit.id
    assert deposit_sweeps.sweep() == 0, "nothing is left to do"
    assert ties(house)


def test_money_that_is_not_the_announced_amount_waits_for_a_person(house: House, desk: GatewayAccount) -> None:
    attempt = announced(house)
    deposit = taken_in(house, Item(599_999, attempt.payment_id))
    assert standing(deposit) == [("suspense", f"Nothing here has the number {attempt.payment_id}.")]
    attempt.refresh_from_db()
    assert attempt.state == "pending"


def test_two_items_never_pay_one_announced_payment_twice(house: House, desk: GatewayAccount) -> None:
    attempt = announced(house)
    deposit = taken_in(house, Item(600_000, attempt.payment_id), Item(600_000, attempt.payment_id))
    assert [state for state, _ in standing(deposit)] == ["placed", "suspense"]
    assert ties(house)


def test_a_returned_check_returns_the_announced_payment_and_empties_the_bank(
    house: House, desk: GatewayAccount
) -> None:
    attempt = announced(house)
    deposit = taken_in(house, Item(600_000, attempt.payment_id, check_number="1001"))
    deposit_sweeps.sweep()
    deposit_returns.bounce(item_id=deposit.items.get().id, reason="NSF", actor=house.me)
    payment = Payment.objects.get()
    assert (payment.state, deposit.items.get().state) == ("returned", "bounced")
    assert books.balance(house, "processor_clearing") == -600_000
    deposit_sweeps.sweep()
    assert books.balance(house, "processor_clearing") == 0 and books.balance(house, "trust_cash") == 0
    assert not InstallmentItem.objects.filter(component="nsf_fee").exists(), "the plan names no fee"
    assert ties(house)


def test_payouts_are_asked_for_as_those_of_any_processor(house: House, desk: GatewayAccount) -> None:
    attempt = announced(house, method="wire")
    deposit = taken_in(house, Item(600_000, attempt.payment_id), kind="wire", reference="FED-9")
    (payout,) = settlement.import_payouts(account_id=desk.id, since=deposit.received_on, actor=house.me)
    assert (payout.reference, payout.amount_minor, payout.lines.get().our_reference) == (
        deposit.id, 600_000, attempt.id,
    )  # fmt: skip


def test_a_payment_that_is_stopped_is_expected_no_more_and_its_money_goes_where_it_says(
    house: House, desk: GatewayAccount
) -> None:
    attempt = announced(house)
    stops.stop(payment_id=attempt.payment_id, reason="Sent a wire instead", actor=house.me)
    attempts.submit(attempt.id)
    attempt.refresh_from_db()
    assert (attempt.state, Payment.objects.get().state) == ("voided", "failed")
    number = attempt.payment.policy.number
    late = taken_in(house, Item(600_000, number))
    assert standing(late) == [("placed", f"It names policy {number}.")]
    assert ties(house)


def test_recovery_hears_the_bank_s_reason_where_it_is_a_known_one(house: House, desk: GatewayAccount) -> None:
    attempt = announced(house)
    deposit = taken_in(house, Item(600_000, attempt.payment_id, check_number="1"))
    deposit_returns.bounce(item_id=deposit.items.get().id, reason="NSF", actor=house.me)
    attempt.refresh_from_db()
    assert (attempt.outcome_code, attempt.outcome_message) == ("nsf", "NSF")


def test_a_refund_of_a_check_is_declined_and_says_to_pay_it_out(house: House, desk: GatewayAccount) -> None:
    attempt = announced(house)
    taken_in(house, Item(600_000, attempt.payment_id))
    refund = refunds.request(payment_id=attempt.payment_id, reason="Paid twice", actor=house.me)
    refunds.submit(refund.id)
    refund.refresh_from_db()
    assert (refund.state, refund.outcome_code) == ("declined", "pay_out_by_check")
    assert ties(house)
