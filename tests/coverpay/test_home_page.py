"""Home, search and the way from any id to its page."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import (
    AccountBill,
    BillingRun,
    Delinquency,
    Notice,
    PayorShare,
    Receipt,
    ReturnPremium,
    Schedule,
    SuspenseItem,
)
from compliance.models import Moratorium, Permit, RuleDecision
from coverpay.demo import bank
from coverpay.kernel import clock
from payments import refunds, settlement
from payments.gateways.sandbox import Sandbox
from payments.models import Autopay, InboundEvent
from policies.models import Cancellation, Transaction
from reconciliation import imports, matches
from tests.support import books, seeded, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db

# whose rows -> the page that an id of it leads to, and the column that names what the page is about
SHOWN_BY = (
    (AccountBill, "billing:account", "account_id"),
    (PayorShare, "billing:account", "account_id"),
    (Autopay, "payments:methods", "policy_id"),
    (Schedule, "policy", "policy_id"),
    (ReturnPremium, "policy", "policy_id"),
    (Receipt, "billing:receipt", "id"),
    (SuspenseItem, "billing:suspense-item", "id"),
    (Notice, "billing:notice", "id"),
    (Delinquency, "billing:delinquency", "id"),
    (BillingRun, "run", "id"),
    (Permit, "compliance:approval", "id"),
    (RuleDecision, "compliance:rules", ""),
    (Moratorium, "compliance:moratoriums", ""),
)


def work(house: House, role: str = "admin") -> dict[str, int]:
    answer = world.pages(world.member(house.operator, role)).get("/")
    return {kind.label: kind.count for kind in answer.context["worklists"]}


def test_every_kind_of_work_is_counted(house: House) -> None:
    assert set(work(house).values()) == {0}
    books.paid(house, books.billed(house), "tok_timeout_taken")
    books.collecting(house, books.billed(house))
    event = InboundEvent.objects.create(account=house.account, external_id="odd", body=b"{}")
    InboundEvent.objects.filter(pk=event.pk).update(state="quarantined")
    imports.import_statement(content=b"01,broken", file_name="broken.bai", actor=house.me)
    fee = bank.Movement(-bank.SERVICE_CHARGE_MINOR, bank.FEE, "", "MONTHLY SERVICE CHARGE")
    text = bank.statement(
        bank_id=house.bank.bank_id, account=house.bank.account_mark, on=clock.today(), opening_minor=0, moved=[fee]
    )
    imports.import_statement(content=text.encode(), file_name="day.bai", actor=house.me)
    matches.run_matching(bank_account_id=house.bank.id, actor=house.me)
    assert {label: count for label, count in work(house).items() if count} == {
        "Invoices overdue": 2,
        "Payments of unknown outcome": 1,
        "Payments processing": 2,
        "Processor webhooks set aside": 1,
        "Bank breaks open": 1,
        "Statements set aside": 1,
    }


def test_a_count_leads_to_a_list_of_as_many(house: House) -> None:
    books.paid(house, books.billed(house), "tok_timeout_taken")
    client = world.pages(world.member(house.operator))
    for kind in client.get("/").context["worklists"]:
        answer = client.get(kind.url)
        assert answer.status_code == 200, kind.label
        page = answer.context.get("page")
        assert page is None or len(page.rows) == kind.count, kind.label


def test_a_role_sees_only_the_work_it_may_read(house: House) -> None:
    assert "Bank breaks open" not in work(house, "viewer")
    assert "Webhook deliveries failing" not in work(house, "finance")


def test_refunded_money_is_not_collected(house: House) -> None:
    kept, back = books.paid(house, books.billed(house)), books.paid(house, books.billed(house))
    client = world.pages(world.member(house.operator, "viewer"))
    (cash,) = client.get("/").context["cash"]
    assert (cash.today_minor, cash.month_minor) == (1_071_800, 1_071_800)
    with clock.frozen(clock.now() + dt.timedelta(days=1)):
        refunds.submit(refunds.request(payment_id=back.id, reason="twice", actor=house.me).id)
        (cash,) = client.get("/").context["cash"]
    assert (cash.today_minor, cash.month_minor) == (-535_900, kept.amount_minor)


def test_home_asks_as_many_questions_however_much_there_is(house: House) -> None:
    client = world.pages(world.member(house.operator))

    def questions() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get("/")
        return len(asked)

    books.paid(house, books.billed(house))
    few = questions()
    for token in ("tok_ok", "tok_decline_expired_card", "tok_timeout_taken"):
        books.paid(house, books.billed(house), token)
    assert questions() == few


def test_home_shows_others_nothing(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    text = read(world.pages(world.member(world.organization())).get("/")).text
    assert "Aloha Foods" not in text and payment.invoice.number not in text
    assert "No payments yet" in text


def test_search_finds_by_number_name_and_processor_reference(house: House, sandbox: Sandbox) -> None:
    payment = books.paid(house, books.billed(house))
    sandbox.close_day(house.account.merchant, clock.today())
    (payout,) = settlement.import_payouts(account_id=house.account.id, since=clock.today(), actor=house.me)
    reference = payment.attempts.get().gateway_reference
    client = world.pages(world.member(house.operator, "viewer"))
    for text, found in (
        ("aloha", payment.policy.number),
        (payment.invoice.number, payment.invoice.number),
        (reference, "2026-02-02 15:00"),
        (payout.reference, payout.reference),
    ):
        assert found in read(client.get("/search/", {"q": text})).links, text
    assert "Nothing found" in read(client.get("/search/", {"q": "no such\x00thing"})).text
    stranger = world.pages(world.member(world.organization()))
    assert "Nothing found" in read(stranger.get("/search/", {"q": "aloha"})).text


def test_an_id_leads_to_its_page_for_those_who_may_see_it(house: House) -> None:
    payment = books.paid(house, books.billed(house))
    line = payment.invoice.lines.get(component="premium")
    client, stranger = world.pages(world.member(house.operator)), world.pages(world.member(world.organization()))
    for object_id, url in (
        (payment.policy_id, reverse("policy", args=[payment.policy_id])),
        (payment.attempts.get().id, reverse("payments:detail", args=[payment.id])),
        (line.applications.get().id, reverse("billing:receipt", args=[payment.policy.receipts.get().id])),
        (line.id, reverse("invoice", args=[payment.invoice_id])),
        (house.bank.id, reverse("reconciliation:account", args=[house.bank.id])),
    ):
        assert client.get("/search/", {"q": object_id})["Location"] == url
        assert client.get(reverse("go", args=[object_id]))["Location"] == url
        assert stranger.get(reverse("go", args=[object_id])).status_code == 404
    assert client.get(reverse("go", args=["usr_" + "0" * 26])).status_code == 404


def test_ids_of_billing_and_rules_lead_to_the_page_that_shows_them(still: object, sandbox: Sandbox) -> None:
    made = seeded.everything(sandbox)
    client, stranger = world.pages(made.admin), world.pages(made.stranger)
    for model, page, path in SHOWN_BY:
        row = made.one(model)
        answer = client.get(reverse("go", args=[row.pk]))
        target = reverse(page, args=[getattr(row, path)] if path else [])
        assert answer["Location"].partition("?")[0] == target, model
        assert client.get(answer["Location"]).status_code == 200, model
        assert stranger.get(reverse("go", args=[row.pk])).status_code == 404, model
    receipt, schedule = made.one(Receipt), made.one(Schedule)
    assert client.get("/search/", {"q": schedule.id})["Location"] == reverse("policy", args=[schedule.policy_id])
    assert client.get("/search/", {"q": receipt.id})["Location"] == reverse("billing:receipt", args=[receipt.id])
    for changed in (made.one(Transaction), made.one(Cancellation)):
        assert client.get(reverse("go", args=[changed.id]))["Location"] == reverse(
            "policy", args=[changed.term.policy_id]
        )
    decided = client.get(reverse("go", args=[made.one(RuleDecision).id]))["Location"]
    assert decided == "/rules/?state=HI&line=commercial_pc"


def test_every_place_an_id_leads_to_exists(house: House) -> None:
    from coverpay.dashboard.places import _PLACES

    for prefix, (model, lookup, _) in _PLACES.items():
        key = model._meta.get_field("id") if lookup == "pk" else None
        assert key is None or getattr(key, "prefix", None) == prefix
        assert list(model._default_manager.filter(**{lookup: f"{prefix}_x"})) == []


def test_error_pages_say_what_to_do(house: House, tmp_path: Path) -> None:
    client = world.pages(world.member(house.operator, "viewer"))
    lost, shut = client.get("/nothing-here/"), client.get("/ledger/")
    assert (lost.status_code, shut.status_code) == (404, 403)
    assert "Search for the number you have" in read(lost).text
    assert "Ask an administrator" in read(shut).text and "ledger.read" in read(shut).text
