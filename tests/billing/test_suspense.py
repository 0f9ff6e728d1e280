"""Money a person must place: never guessed, placed with a reason, undone without a trace in the balances."""

from __future__ import annotations

from typing import Any

import pytest

from billing import cash, distributions, invoices, suspense
from billing.models import Invoice, Receipt, SuspenseItem
from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, IllegalTransition
from coverpay.kernel.money import Money
from payments import refunds
from policies.models import Policy
from tests.support import books, plain
from tests.support.books import House
from tests.support.changes import on
from tests.support.plain import DAY_100
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def deposited(house: House, minor: int = 600_000, source: str = "bank-1", **said: Any) -> SuspenseItem:
    told: dict[str, Any] = {"payor": "Aloha Foods LLC", "memo": "insurance", "policy_reference": ""}
    return suspense.record_unidentified(
        bank_account_id=house.bank.id,
        source_id=source,
        amount=Money(minor),
        received_on=clock.today(),
        actor=house.me,
        **{**told, **said},
    )


def placed(house: House, item: SuspenseItem, policy: Policy) -> SuspenseItem:
    return suspense.place(item_id=item.id, policy_id=policy.id, reason="Payor called", actor=house.me)


def ties(house: House) -> bool:
    return proof.check() == [] and differences(house) == []


def test_a_deposit_of_nobody_is_in_the_bank_and_in_suspense_once(house: House) -> None:
    first, again = deposited(house), deposited(house)
    assert first.id == again.id
    assert books.trial_balance(house) == {("trust_cash", house.bank.id): 600_000, ("suspense_cash", ""): -600_000}
    assert EventRecord.objects.filter(type="suspense.opened").count() == 1
    with pytest.raises(suspense.DepositDiffers):
        deposited(house, minor=1)
    assert ties(house)


def test_a_placed_deposit_pays_what_is_open_and_undoing_restores_every_balance(house: House) -> None:
    policy = plain.bound(house)
    invoice = plain.billed(house, policy)
    item = deposited(house)
    before = books.trial_balance(house)
    item = placed(house, item, policy)
    assert (item.state, Invoice.objects.get().state) == ("placed", "paid")
    assert item.receipt and item.receipt.kind == Receipt.Kind.SUSPENSE
    assert ties(house)
    with pytest.raises(IllegalTransition):
        placed(house, item, policy)
    item = suspense.undo(item_id=item.id, reason="Other payor", actor=house.me)
    assert (item.state, item.receipt, books.trial_balance(house)) == ("open", None, before)
    assert invoices.open_minor(invoice) == 600_000
    placed(house, item, policy)
    assert [receipt.kind for receipt in policy.receipts.all()] == ["suspense", "suspense"]
    assert ties(house)


def test_a_deposit_goes_back_to_its_sender(house: House) -> None:
    item = deposited(house)
    suspense.return_to_sender(item_id=item.id, reason="Not ours", actor=house.me)
    assert books.trial_balance(house) == {}
    with pytest.raises(IllegalTransition):
        suspense.undo(item_id=item.id, reason="Again", actor=house.me)
    assert ties(house)


def late_payment(house: House) -> tuple[Policy, SuspenseItem]:
    """2,000 comes for the 3,287.67 that a policy owes, after it was cancelled."""
    policy = plain.bound(house)
    plain.billed(house, policy)
    plain.cancelled(house, policy)
    invoice = Invoice.objects.get(policy=policy, state="open")
    books.paid(house, invoice, amount_minor=200_000)
    return policy, SuspenseItem.objects.get()


def test_money_that_comes_after_cancellation_waits_for_a_person_and_brings_no_cover_back(house: House) -> None:
    with on(DAY_100):
        policy, item = late_payment(house)
        assert (item.why, item.state, item.amount_minor) == ("after_cancellation", "open", 200_000)
        receipt = Receipt.objects.get()
        assert cash.unapplied_minor(receipt) == 200_000 and cash.waiting_minor(policy) == 0
        with pytest.raises(cash.ReceiptHeld):
            distributions.apply(receipt_id=receipt.id, actor=house.me)
        with pytest.raises(suspense.RefundInstead):
            suspense.return_to_sender(item_id=item.id, reason="No", actor=house.me)
        assert ties(house)
        placed(house, item, policy)
        assert cash.unapplied_minor(receipt) == 0
        assert Policy.objects.get(pk=policy.pk).state == "cancelled"
        assert ties(house)
        suspense.undo(item_id=item.id, reason="Too early", actor=house.me)
    assert cash.is_held(receipt) and cash.unapplied_minor(receipt) == 200_000
    assert ties(house)


def test_held_money_can_be_carried_to_another_policy_and_back(house: House) -> None:
    with on(DAY_100):
        _, item = late_payment(house)
        other = books.bound(house, program="plain")
        plain.billed(house, other)
        before = books.trial_balance(house)
        placed(house, item, other)
        assert other.receipts.get().kind == "transfer"
        assert cash.unapplied_minor(other.receipts.get()) == 0
        assert ties(house)
        suspense.undo(item_id=item.id, reason="Wrong one", actor=house.me)
    assert books.trial_balance(house) == before
    assert ties(house)


def test_refunding_held_money_closes_its_item(house: House) -> None:
    with on(DAY_100):
        _, item = late_payment(house)
        refund = refunds.request(payment_id=item.source_id, reason="Came late", actor=house.me)
        refunds.submit(refund.id)
    assert SuspenseItem.objects.get().state == "returned"
    assert ties(house)


def test_suggestions_name_the_policy_its_reasons_and_a_tie_and_place_nothing(house: House) -> None:
    policy = plain.bound(house, number="HI-2026-0001")
    plain.billed(house, policy)
    for number in ("HI-2026-0777", "HI-2026-0888"):
        plain.billed(house, books.bound(house, program="plain", number=number))
    item = deposited(house, memo="policy hi 2026 0001", policy_reference="HI-20260001", payor="Aloha Foods")
    first, *others = suspense.suggestions_for(house.me, item.id)
    assert (first.number, first.score, first.tied) == ("HI-2026-0001", 100, False)
    assert first.reasons[1] == "'Aloha Foods' is the insured Aloha Foods (100%)"
    assert [row.tied for row in others] == [True, True]
    assert SuspenseItem.objects.get().state == "open"


def test_placing_takes_the_permission_for_cash(house: House) -> None:
    item = deposited(house)
    reader = Actor("user", "u", house.operator.id, frozenset({Permission.BILLING_WRITE}))
    with pytest.raises(Forbidden):
        suspense.place(item_id=item.id, policy_id="pol_x", reason="Mine", actor=reader)
