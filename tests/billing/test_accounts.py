"""Billing accounts: shares that sum to the whole, one bill across policies, and money for all of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse

from billing import account_cash, accounts, aging, cash, documents, invoices, statements
from billing.invoices import NothingToBill
from billing.models import BillingAccount, InstallmentItem, Invoice, PayorShare, Receipt, SuspenseItem
from compliance import explanations
from compliance.models import EventRecord
from compliance.permissions import Permission
from coverpay import books as prove
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import DomainError, Forbidden, Invalid, NotFound
from policies import parties
from policies.models import Policy
from policies.parties import PartyDetails
from tests.support import books, world
from tests.support.books import House
from tests.support.database import at_once
from tests.support.html import read
from tests.support.ties import differences

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 2, 2)


def opened(house: House, number: str = "A-1", mode: str = "account_bill", name: str = "Hui Holdings") -> BillingAccount:
    payor = parties.create(details=PartyDetails(reference=f"PAY-{number}", name=name), actor=house.me)
    return accounts.open_account(number=number, payor_id=payor.id, mode=mode, actor=house.me)


def two(house: House) -> tuple[BillingAccount, list[Policy]]:
    """An account that pays two policies of 10,718.00 in halves."""
    account = opened(house)
    policies = sorted((books.bound(house), books.bound(house)), key=lambda policy: policy.id)
    accounts.attach(account_id=account.id, policy_ids=[policy.id for policy in policies], actor=house.me)
    return account, policies


def receive(house: House, account: BillingAccount, minor: int, source: str = "CHK-1") -> list[Receipt]:
    return account_cash.receive(
        account_id=account.id, source=source, bank_account_id=house.bank.id, amount_minor=minor,
        received_on=TODAY, actor=house.me,
    )  # fmt: skip


def test_an_account_is_opened_once_and_says_what_is_wrong(house: House) -> None:
    account = opened(house)
    assert (account.number, account.payor.name, account.mode) == ("A-1", "Hui Holdings", "account_bill")
    with pytest.raises(accounts.AccountNumberTaken):
        opened(house)
    asked: dict[str, Any] = {"number": "A-2", "payor_id": account.payor_id, "actor": house.me}
    for wrong, field in (({"mode": "odd"}, "mode"), ({"due_day": 32}, "due_day"), ({"currency": "XXX"}, "currency")):
        with pytest.raises(Invalid) as refused:
            accounts.open_account(**{**asked, **wrong})
        assert refused.value.field == field


@pytest.mark.parametrize("parts", [(600_000, 399_999), (600_000, 400_001), (1_000_000, 0), (1_100_000, -100_000)])
def test_shares_that_are_not_the_whole_are_refused(house: House, parts: tuple[int, int]) -> None:
    policy, first, second = books.bound(house), opened(house), opened(house, "A-2")
    with pytest.raises(accounts.SharesNotWhole):
        shares = dict(zip((first.id, second.id), parts, strict=True))
        accounts.set_shares(policy_id=policy.id, shares=shares, actor=house.me)
    assert not PayorShare.objects.exists()


def test_what_is_not_billed_is_split_by_the_shares_and_what_is_billed_stays(house: House) -> None:
    policy = books.bound(house)
    first = invoices.issue(policy_id=policy.id, actor=house.me)
    insured, bank = opened(house), opened(house, "A-2", name="First Bank")
    accounts.set_shares(policy_id=policy.id, shares={insured.id: 700_000, bank.id: 300_000}, actor=house.me)
    waiting = InstallmentItem.objects.filter(installment__invoice=None, installment__replaced_by=None)
    sums = {id: sum(i.amount_minor for i in waiting.filter(installment__account=id)) for id in (insured.id, bank.id)}
    # the second half is 5,359.00: premium 5,000.00, fee 125.00, tax 234.00, each at 70 and 30 percent
    assert sums == {insured.id: 350_000 + 8_750 + 16_380, bank.id: 150_000 + 3_750 + 7_020}
    assert sum(sums.values()) == 535_900
    assert Invoice.objects.get(pk=first.id).account_id is None
    accounts.set_shares(policy_id=policy.id, shares={}, actor=house.me)
    assert sum(item.amount_minor for item in waiting.filter(installment__account=None)) == 535_900


def test_an_account_of_another_currency_pays_nothing_here(house: House) -> None:
    payor = parties.create(details=PartyDetails(reference="CA", name="Maple"), actor=house.me)
    account = accounts.open_account(number="C-1", payor_id=payor.id, currency="CAD", actor=house.me)
    with pytest.raises(accounts.CurrencyDiffers):
        accounts.attach(account_id=account.id, policy_ids=[books.bound(house).id], actor=house.me)


def test_one_bill_groups_the_due_invoices_of_all_policies(house: House) -> None:
    account, policies = two(house)
    bill = accounts.issue_bill(account_id=account.id, actor=house.me)
    found = Invoice.objects.filter(account_bill=bill).order_by("policy_id")
    assert [(row.policy_id, row.total_minor) for row in found] == [(policy.id, 535_900) for policy in policies]
    assert (bill.number, bill.due_on, bill.issued_on) == ("A-1-001", books.FIRST_DAY, TODAY)
    (why,) = explanations.of(bill.id)
    assert (why.amount_minor, sum(why.inputs.values())) == (1_071_800, 1_071_800)
    assert EventRecord.objects.get(type="account_bill.issued").data["total_minor"] == 1_071_800
    with pytest.raises(NothingToBill):
        accounts.issue_bill(account_id=account.id, actor=house.me)


def test_an_account_with_separate_invoices_gets_no_bill(house: House) -> None:
    with pytest.raises(accounts.BilledSeparately):
        accounts.issue_bill(account_id=opened(house, mode="separate").id, actor=house.me)


def test_money_goes_to_the_earliest_due_date_then_the_policy(house: House) -> None:
    account, (first, second) = two(house)
    accounts.issue_bill(account_id=account.id, actor=house.me)
    receipts = receive(house, account, 600_000)
    assert [(row.policy_id, row.amount_minor) for row in receipts] == [(first.id, 535_900), (second.id, 64_100)]
    assert list(SuspenseItem.objects.order_by("id").values_list("source_id", "state")) == [
        ("CHK-1:1", "placed"), ("CHK-1:2", "placed"),
    ]  # fmt: skip
    assert [row.open_minor for row in account_cash.open_items_of(account)] == [471_800]
    (why,) = explanations.of(receipts[1].id)
    assert list(why.inputs.values()) == [64_100]
    held = {code: books.balance(house, code) for code in ("trust_cash", "suspense_cash", "unapplied_cash")}
    assert held == {"trust_cash": 600_000, "suspense_cash": 0, "unapplied_cash": 0}
    assert books.balance(house, "premium_receivable") == 1_071_800 - 600_000
    assert differences(house) == []
    assert prove.check(house.operator.id) == []


def test_the_same_source_again_is_the_same_money(house: House) -> None:
    account, _ = two(house)
    accounts.issue_bill(account_id=account.id, actor=house.me)
    first = receive(house, account, 600_000)
    assert [row.id for row in receive(house, account, 600_000)] == [row.id for row in first]
    with pytest.raises(account_cash.SourceUsed):
        receive(house, account, 600_001)
    assert books.balance(house, "trust_cash") == 600_000


def test_what_is_above_all_that_is_open_stays_with_the_first_policy(house: House) -> None:
    account, (first, _) = two(house)
    accounts.issue_bill(account_id=account.id, actor=house.me)
    receipts = receive(house, account, 1_100_000)
    assert [cash.unapplied_minor(row) for row in receipts] == [28_200, 0]
    assert receipts[0].policy_id == first.id
    with pytest.raises(account_cash.NoPolicies):
        receive(house, opened(house, "A-9"), 1, source="CHK-9")


def test_a_payor_pays_its_own_invoices_first(house: House) -> None:
    policy = books.bound(house)
    insured, bank = opened(house), opened(house, "A-2", name="First Bank")
    accounts.set_shares(policy_id=policy.id, shares={insured.id: 700_000, bank.id: 300_000}, actor=house.me)
    accounts.issue_bill(account_id=bank.id, actor=house.me)
    receive(house, bank, 160_770)
    states = dict(Invoice.objects.values_list("account_id", "state"))
    assert states == {insured.id: "open", bank.id: "paid"}


def test_the_accounts_statement_closes_with_what_is_open_by_its_aging(house: House) -> None:
    account, _ = two(house)
    accounts.issue_bill(account_id=account.id, actor=house.me)
    receive(house, account, 600_000)
    said = statements.of_account(account, TODAY, dt.date(2026, 2, 28))
    (aged,) = aging.aged(house.me, TODAY, "account")
    assert (said.closing_minor, aged.total, aged.number) == (471_800, 471_800, "A-1")
    assert sorted(line.entry.amount_minor for line in said.lines) == [-535_900, -64_100, 535_900, 535_900]
    assert [line.entry.reference for line in said.lines if line.entry.amount_minor < 0] == ["CHK-1:1", "CHK-1:2"]
    letter = documents.statement_letter(account, TODAY, dt.date(2026, 2, 28))
    assert letter.recipient.name == "Hui Holdings"


def test_the_bill_prints_its_members_and_what_is_still_open(house: House) -> None:
    account, policies = two(house)
    bill = accounts.issue_bill(account_id=account.id, actor=house.me)
    receive(house, account, 600_000)
    letter = documents.account_bill_letter(bill)
    assert letter.due is not None
    assert letter.due.amount == "4,718.00 USD"
    by_number = sorted([(policies[0].number, "5,359.00", "0.00"), (policies[1].number, "5,359.00", "4,718.00")])
    assert [(row[0], row[3], row[4]) for row in letter.sections[0].rows] == by_number
    assert documents.account_bill_pdf(bill) == documents.account_bill_pdf(bill)


def test_accounts_take_the_permission_and_the_own_rows(house: House) -> None:
    account, (policy, _) = two(house)
    reader = Actor("user", "u", house.operator.id, frozenset({Permission.BILLING_READ}))
    other = Actor("user", "u", house.carrier.id, frozenset(Permission))
    for actor, error in ((reader, Forbidden), (other, NotFound)):
        for call in (
            lambda actor: accounts.attach(account_id=account.id, policy_ids=[policy.id], actor=actor),
            lambda actor: accounts.issue_bill(account_id=account.id, actor=actor),
            lambda actor: accounts.set_shares(policy_id=policy.id, shares={}, actor=actor),
            lambda actor: account_cash.receive(
                account_id=account.id, source="s", bank_account_id=house.bank.id, amount_minor=1,
                received_on=TODAY, actor=actor,
            ),
        ):  # fmt: skip
            with pytest.raises(DomainError) as refused:
                call(actor)
            assert isinstance(refused.value, error)


def test_attaching_nothing_and_the_same_again(house: House) -> None:
    account, policies = two(house)
    with pytest.raises(Invalid):
        accounts.attach(account_id=account.id, policy_ids=[], actor=house.me)
    accounts.attach(account_id=account.id, policy_ids=[policies[0].id], actor=house.me)
    assert PayorShare.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_money_told_four_times_at_once_comes_once(house: House) -> None:
    account, _ = two(house)
    accounts.issue_bill(account_id=account.id, actor=house.me)
    results = at_once(*[lambda: receive(house, account, 600_000)] * 4)
    assert {tuple(row.id for row in found) for found in results} == {
        tuple(Receipt.objects.order_by("id").values_list("id", flat=True))
    }
    assert books.balance(house, "trust_cash") == 600_000


def test_the_next_bill_comes_with_the_next_dates(house: House) -> None:
    account, _ = two(house)
    accounts.issue_bill(account_id=account.id, actor=house.me)
    with clock.frozen(dt.datetime(2026, 8, 1, tzinfo=dt.UTC)):
        second = accounts.issue_bill(account_id=account.id, actor=house.me)
    assert (second.number, second.invoices.count()) == ("A-1-002", 2)


def test_the_api_opens_shares_bills_receives_and_prints(house: House) -> None:
    api = world.api(house.operator)
    payor = parties.create(details=PartyDetails(reference="API", name="Hui"), actor=house.me)
    made = api.post("billing-accounts", {"number": "B-1", "payor": payor.id, "mode": "list_bill"}).json()
    policy, shared = books.bound(house), books.bound(house)
    path = f"billing-accounts/{made['id']}"
    assert len(api.post(f"{path}/attach", {"policies": [{"policy": policy.id}]}).json()["shares"]) == 1
    whole = {"shares": [{"billing_account": made["id"], "share_ppm": 1_000_000}]}
    assert api.post(f"policy-billing/{shared.id}/shares", whole).json()["shares"][0]["share_ppm"] == 1_000_000
    assert api.get(f"policy-billing/{shared.id}").json()["shares"][0]["account"] == made["id"]
    bill = api.post(f"{path}/bill").json()
    assert len(bill["invoices"]) == 2
    money = {"source": "W-1", "bank_account": house.bank.id, "amount_minor": 535_900, "received_on": "2026-02-02"}
    assert api.post(f"{path}/receive", money).json()["receipts"][0]["amount_minor"] == 535_900
    said = api.get(f"{path}/statement").json()
    assert (said["opening_minor"], said["closing_minor"], len(said["lines"])) == (0, 535_900, 3)
    aged = api.get("aging", by="account", on="2026-02-02").json()
    assert [row["days_1_30"] for row in aged["data"]] == [535_900]
    refused = api.get("aging", by="color")
    assert (refused.status_code, refused.json()["field"]) == (422, "by")


def test_every_document_is_a_pdf_for_who_may_see_it_and_not_there_for_others(house: House) -> None:
    account, (policy, _) = two(house)
    bill = accounts.issue_bill(account_id=account.id, actor=house.me)
    invoice = bill.invoices.order_by("id")[0]
    ours, others = world.api(house.operator), world.api(world.organization("agency"))
    for path in (
        f"invoices/{invoice.id}/pdf", f"account-bills/{bill.id}/pdf",
        f"billing-accounts/{account.id}/statement-pdf", f"policy-billing/{policy.id}/statement-pdf",
    ):  # fmt: skip
        answer = ours.client.get(f"/v1/{path}", HTTP_ACCEPT="application/pdf")
        assert (answer.status_code, answer["Content-Type"], answer.content[:5]) == (200, "application/pdf", b"%PDF-")
        assert ours.get(path).content == answer.content
        assert others.get(path).status_code == 404


def test_the_pages_show_the_account_its_bill_and_the_aging(house: House) -> None:
    account, (policy, _) = two(house)
    client = world.pages(world.member(house.operator, "billing"))
    button = reverse("billing:issue-bill", args=[account.id])
    page = read(client.get(reverse("billing:account", args=[account.id])))
    assert button in page.posts_to
    assert "A-1-001" in read(client.post(button, follow=True)).text
    assert "A-1" in read(client.get(reverse("billing:accounts"))).text
    for by in ("policy", "account", "program"):
        assert "10,718.00" in read(client.get(reverse("billing:aging"), {"by": by})).text
    sheet = client.get(reverse("billing:aging"), {"by": "account", "format": "csv"}).content.decode()
    assert "A-1,Hui Holdings,USD,0.00,10718.00,0.00,0.00,0.00,10718.00" in sheet
    invoice = Invoice.objects.filter(policy=policy).order_by("id")[0]
    pdf = reverse("billing:invoice-pdf", args=[invoice.id])
    assert pdf in client.get(reverse("invoice", args=[invoice.id])).content.decode()
    for url in (pdf, reverse("billing:policy-statement", args=[policy.id])):
        assert client.get(url).content[:5] == b"%PDF-"
    other = world.pages(world.member(world.organization("agency"), "admin"))
    assert other.get(pdf).status_code == 404
