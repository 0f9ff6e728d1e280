"""Processors and routing in the back office: read by those who may, changed with a reason, tried before published."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from coverpay.kernel import clock
from payments import accounts
from payments.models import GatewayAccount, RoutingTable
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(house: House) -> Client:
    return world.pages(world.member(house.operator, "admin"))


def test_processors_are_listed_with_their_cost_and_health(house: House, admin: Client) -> None:
    page = read(admin.get("/processors/"))
    assert page.links[str(house.account)] == f"/processors/{house.account.id}/"
    assert "In use" in page.text and "ach, card" in page.text
    assert "29.30 USD" in page.text, "2.9% of 1,000.00 and 0.30"
    viewer = read(world.pages(world.member(house.operator, "viewer")).get("/processors/"))
    assert "Connect an account" in page.links and "Connect an account" not in viewer.links


def test_an_account_is_connected_and_its_secrets_are_not_shown(house: House, admin: Client) -> None:
    typed = {"gateway": "sandbox", "merchant": "second", "bank_account": house.bank.id,
             "settings": "cost_ppm = 25000\n\ncost_fixed_minor = 10", "webhook_secret": "whsec_c2VjcmV0"}  # fmt: skip
    page = read(admin.post("/processors/new/", typed, follow=True))
    assert "sandbox second is connected." in page.text
    assert "25.10 USD" in page.text, "2.5% of 1,000.00 and 0.10"
    assert "c2VjcmV0" not in page.text
    wrong = admin.post("/processors/new/", {**typed, "merchant": "third", "settings": "cost_ppm"})
    assert wrong.status_code == 422 and "Line 1 says no" in read(wrong).text
    unknown = admin.post("/processors/new/", {**typed, "merchant": "third", "credentials": "api_key = x"})
    assert unknown.status_code == 422 and "has no credential" in read(unknown).text


def test_an_account_is_taken_down_brought_back_changed_and_closed(house: House, admin: Client) -> None:
    at = f"/processors/{house.account.id}/"
    page = read(admin.post(f"{at}take-down/", {"reason": "Maintenance"}, follow=True))
    assert "Payments go round it now." in page.text and "Maintenance" in page.text and "Down" in page.text
    assert "Bring it back" in page.links and "Take it down" not in page.links
    assert admin.post(f"{at}take-down/", {"reason": "Again"}).status_code == 422
    page = read(admin.post(f"{at}bring-back/", {"reason": "Done"}, follow=True))
    assert "Payments go there again." in page.text and "Take it down" in page.links
    page = read(admin.post(f"{at}settings/", {"settings": "cost_ppm = 10000"}, follow=True))
    assert "The settings are changed." in page.text
    assert "cost_ppm = 10000" in admin.get(f"{at}settings/").content.decode()
    page = read(admin.post(f"{at}keys/", {"webhook_secret": "whsec_bmV3"}, follow=True))
    assert "The keys are changed." in page.text
    page = read(admin.post(f"{at}close/", {"reason": "Moved"}, follow=True))
    assert "It takes no new payments." in page.text and "Take it down" not in page.links


def draft(house: House, rules: Any, **typed: str) -> dict[str, str]:
    today = clock.today().isoformat()
    text = rules if isinstance(rules, str) else json.dumps(rules)
    return {"rules": text, "effective_from": today, "since": today, "until": today, "limit": "100", **typed}


def test_a_draft_is_checked_and_tried_before_it_is_published(house: House, admin: Client) -> None:
    payment = books.paid(house, books.billed(house))
    second = accounts.open_account(gateway="sandbox", merchant="second", bank_account_id=house.bank.id, actor=house.me)
    typed = draft(house, [{"name": "Cards", "when": {"method": ["card"]}, "to": [second.id], "only": True}])
    shown = admin.post("/routing/draft/", typed)
    page = read(shown)
    assert "Of 1 past payment, 1 would have gone to another account" in page.text
    assert "method card" in page.text and "sandbox second" in page.text and "and nowhere else" in page.text
    assert f"/find/{payment.id}" in shown.content.decode() or payment.id in shown.content.decode()
    assert RoutingTable.objects.count() == 1
    confirm = shown.context["confirm"]
    page = read(admin.post("/routing/draft/", {**typed, "confirm": confirm}, follow=True))
    assert "Version 2 is in force" in page.text and "sandbox second" in page.text
    version = RoutingTable.objects.get(number=2)
    assert "Cards" in read(admin.get(reverse("payments:routing-version", args=[version.id]))).text


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("[{", "This cannot be read as JSON (line 1, column 3)."),
        ([{"to": ["nobody"]}], "Rule 1, `to.1`"),
        ([{"to": ["sandbox"], "when": {"colour": 1}}], "Rule 1, `when.colour`"),
    ],
)
def test_a_draft_that_cannot_be_read_says_where(house: House, admin: Client, rules: Any, says: str) -> None:
    answer = admin.post("/routing/draft/", draft(house, rules))
    assert answer.status_code == 422 and says in read(answer).text
    assert "Published" in read(admin.get("/routing/")).text


def test_a_viewer_reads_and_publishes_nothing(house: House) -> None:
    viewer = world.pages(world.member(house.operator, "viewer"))
    page = read(viewer.get("/routing/"))
    assert "In force: version 1" in page.text and "method card or ach" in page.text
    assert "Draft a change" not in page.links
    assert viewer.get("/routing/draft/").status_code == 403
    assert viewer.get(f"/processors/{GatewayAccount.objects.get().id}/take-down/").status_code == 403


def test_the_payment_says_why_its_processor_was_chosen(house: House, admin: Client) -> None:
    accounts.open_account(gateway="sandbox", merchant="second", bank_account_id=house.bank.id, actor=house.me)
    payment = books.paid(house, books.billed(house))
    page = read(admin.get(reverse("payments:detail", args=[payment.id])))
    assert "Why this one" in page.text and f"card goes to {house.account}" in page.text
    assert "Not reached, it goes on to" in page.text
