"""Money that came unasked: every item is placed where it says exactly, or waits for a person with the reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from billing import accounts as billing_accounts
from billing.models import Invoice, Receipt, SuspenseItem
from billing.suspense import DepositDiffers, DepositNotUsable
from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay import books as proof
from coverpay.kernel import clock
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid
from coverpay.kernel.money import Money
from payments import deposits
from payments.deposits import DepositDoesNotTie, Item
from payments.models import Deposit, DepositItem
from policies import lifecycle
from reconciliation import bank_accounts
from tests.support import books, plain
from tests.support.books import House
from tests.support.changes import on
from tests.support.deposits import standing, taken_in
from tests.support.plain import DAY_100
from tests.support.ties import differences

pytestmark = pytest.mark.django_db


def ties(house: House) -> bool:
    return proof.check() == [] and differences(house) == []


def test_a_check_that_names_a_policy_pays_what_is_open_there(house: House) -> None:
    policy = plain.bound(house)
    invoice = plain.billed(house, policy)
    deposit = taken_in(house, Item(600_000, policy.number, "Aloha Foods", "1001"))
    assert standing(deposit) == [("placed", f"It names policy {policy.number}.")]
    invoice.refresh_from_db()
    assert invoice.state == "paid"
    item = deposit.items.get()
    assert (item.policy_id, item.suspense_item.source_id) == (policy.id, f"{deposit.id}:1")
    assert books.balance(house, "trust_cash") == 600_000 and books.balance(house, "suspense_cash") == 0
    assert ties(house)


def test_a_stub_that_names_an_invoice_covers_that_invoice_first(house: House) -> None:
    policy = plain.bound(house, plan="thirds")
    first = plain.billed(house, policy)
    second = plain.billed(house, policy, through=dt.date(2026, 3, 31))
    deposit = taken_in(house, Item(second.total_minor, second.number))
    first.refresh_from_db(), second.refresh_from_db()
    assert (first.state, second.state) == ("open", "paid")
    assert deposit.items.get().invoice_id == second.id
    assert ties(house)


def test_what_names_nothing_exactly_waits_with_its_reason(house: House) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    deposit = taken_in(
        house, Item(100, ""), Item(200, policy.number.lower()), Item(300, "P-9999"), Item(400, f"{policy.number}-009")
    )
    assert standing(deposit) == [
        ("suspense", "It names no policy, invoice or account."),
        ("suspense", f"Nothing here has the number {policy.number.lower()}."),
        ("suspense", "Nothing here has the number P-9999."),
        ("suspense", f"Nothing here has the number {policy.number}-009."),
    ]
    assert books.trial_balance(house)["suspense_cash", ""] == -1_000
    assert ties(house)


def test_money_for_a_cancelled_policy_is_held_and_brings_no_cover_back(house: House) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    with on(DAY_100):
        plain.cancelled(house, policy)
        deposit = taken_in(house, Item(600_000, policy.number))
        (item,) = deposit.items.all()
        assert (item.state, item.why) == (
            "suspense", f"Policy {policy.number} is cancelled; money brings no cover back by itself.",
        )  # fmt: skip
        deposits.place(item_id=item.id, policy_id=policy.id, reason="Balance owed", actor=house.me)
    policy.refresh_from_db()
    assert policy.state == "cancelled"
    assert ties(house)


def test_a_quote_owes_nothing_and_its_money_is_held(house: House) -> None:
    quote = lifecycle.quote(request=books.request(), actor=house.me)
    deposit = taken_in(house, Item(500, quote.number))
    assert standing(deposit) == [("suspense", f"Policy {quote.number} is quoted; nothing is owed on it.")]


def account_of_two(house: House) -> tuple[billing_accounts.BillingAccount, list[Invoice]]:
    """A billing account with two policies that each have 6,000.00 open."""
    policies = [plain.bound(house), books.bound(house, program="plain", premium=Money(1_200_000))]
    account = billing_accounts.open_account(number="ACC-7", payor_id=policies[0].insured_id, actor=house.me)
    ids = [policy.id for policy in policies]
    billing_accounts.attach(account_id=account.id, policy_ids=ids, actor=house.me)
    return account, [plain.billed(house, policy) for policy in policies]


def test_money_for_a_billing_account_is_spread_and_taken_out_again_whole(house: House) -> None:
    account, invoices = account_of_two(house)
    deposit = taken_in(house, Item(900_000, account.number), kind="wire", reference="FED-1")
    assert standing(deposit) == [("placed", "It names billing account ACC-7.")]
    paid = {row.policy_id: row.amount_minor for row in Receipt.objects.filter(kind="transfer")}
    assert paid == {invoices[1].policy_id: 300_000}
    assert [invoice.state for invoice in Invoice.objects.order_by("id")] == ["paid", "open"]
    assert ties(house)
    deposits.take_out(item_id=deposit.items.get().id, reason="Wrong account", actor=house.me)
    assert [invoice.state for invoice in Invoice.objects.order_by("id")] == ["open", "open"]
    assert standing(deposit) == [("suspense", "Wrong account")]
    assert ties(house)


def test_more_than_an_account_has_open_waits_for_a_person(house: House) -> None:
    account, _ = account_of_two(house)
    deposit = taken_in(house, Item(1_200_001, account.number))
    assert standing(deposit) == [("suspense", "It is 0.01 USD more than account ACC-7 has open.")]


def test_the_same_deposit_again_is_the_same_and_another_under_its_number_is_refused(house: House) -> None:
    first = taken_in(house, Item(100), Item(200))
    assert taken_in(house, Item(100), Item(200)).id == first.id
    with pytest.raises(DepositDiffers):
        taken_in(house, Item(200), Item(100))
    assert (Deposit.objects.count(), DepositItem.objects.count(), SuspenseItem.objects.count()) == (1, 2, 2)
    assert EventRecord.objects.filter(type="deposit.recorded").count() == 1
    assert taken_in(house, Item(200), kind="wire").id != first.id, "another kind has numbers of its own"
    assert ties(house)


def test_items_that_do_not_come_to_the_deposit_are_refused_whole(house: House) -> None:
    with pytest.raises(DepositDoesNotTie) as refused:
        taken_in(house, Item(100), Item(200), amount_minor=310)
    assert refused.value.extra["difference_minor"] == 10
    assert not Deposit.objects.exists() and not SuspenseItem.objects.exists()


@pytest.mark.parametrize(
    ("item", "kind", "field"),
    [
        (Item(0), "check", "items.1.amount_minor"),
        (Item(-5), "check", "items.1.amount_minor"),
        (Item(1, reference="a\x00"), "check", "items.1.reference"),
        (Item(1, memo="m" * 301), "check", "items.1.memo"),
        (Item(1), "bitcoin", "kind"),
        (Item(1, memo="card 4242 4242 4242 4242"), "cash", "items.1"),
        (Item(100, payor="IPFS"), "premium_finance", "items.1.financed_minor"),
        (Item(100, payor="IPFS", financed_minor=99), "premium_finance", "items.1.financed_minor"),
        (Item(100, financed_minor=100), "premium_finance", "items.1.payor"),
    ],
)
def test_what_cannot_be_a_deposit_is_refused_with_its_place(house: House, item: Item, kind: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        taken_in(house, item, kind=kind)
    assert refused.value.field == field


def test_a_day_ahead_an_operating_account_and_no_leave_are_refused(house: House) -> None:
    with pytest.raises(Invalid, match="lies ahead"):
        taken_in(house, Item(1), received_on=clock.today() + dt.timedelta(days=1))
    operating = bank_accounts.open_bank_account(
        name="Ours", bank_id="121000358", account_mark="ours", currency="USD", fund="operating", actor=house.me
    )
    with pytest.raises(DepositNotUsable):
        taken_in(house, Item(1), bank_account_id=operating.id)
    reader = replace(house.me, permissions=house.me.permissions - {Permission.CASH_WRITE})
    with pytest.raises(Forbidden):
        taken_in(house, Item(1), actor=reader)


def test_funding_names_its_finance_company_and_what_it_financed(house: House) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    deposit = taken_in(
        house, Item(600_000, policy.number, "First Finance", financed_minor=942_120), kind="premium_finance"
    )
    item = deposit.items.get()
    assert (item.state, item.payor_name, item.financed_minor) == ("placed", "First Finance", 942_120)


def test_a_check_that_came_before_is_held_unless_the_first_went_back(house: House) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    check = Item(600_000, policy.number, "Aloha Foods", "1001")
    first = taken_in(house, check)
    again = taken_in(house, check, kind="lockbox", reference="box-1")
    assert standing(again) == [("suspense", "Check 1001 of this amount came before.")]
    deposits.take_out(item_id=first.items.get().id, reason="Not this one", actor=house.me)
    deposits.send_back(item_id=first.items.get().id, reason="Sent back", actor=house.me)
    third = taken_in(house, check, reference="slip-3")
    assert standing(third) == [("suspense", "Check 1001 of this amount came before.")], "the second still stands"
    assert ties(house)


def test_a_person_places_takes_out_and_sends_back_a_held_item(house: House) -> None:
    policy = plain.bound(house)
    plain.billed(house, policy)
    (item,) = taken_in(house, Item(600_000, "?")).items.all()
    before = books.trial_balance(house)
    item = deposits.place(item_id=item.id, policy_id=policy.id, reason="Payor called", actor=house.me)
    assert (item.state, item.policy_id, item.why) == ("placed", policy.id, "Payor called")
    item = deposits.take_out(item_id=item.id, reason="Wrong one", actor=house.me)
    assert (item.state, item.policy_id, books.trial_balance(house)) == ("suspense", None, before)
    item = deposits.send_back(item_id=item.id, reason="Not ours", actor=house.me)
    assert (item.state, books.balance(house, "trust_cash")) == ("bounced", 0)
    with pytest.raises(IllegalTransition):
        deposits.place(item_id=item.id, policy_id=policy.id, reason="Again", actor=house.me)
    assert ties(house)
