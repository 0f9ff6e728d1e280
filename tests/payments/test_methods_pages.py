"""Pages of payment methods: added without echoing a number, allowed by words that are shown, validated, scheduled."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from payments import accounts, methods
from payments.gateways.base import MethodReport
from payments.models import AchEntry, Autopay, Mandate, PaymentMethod, ScheduledPayment
from tests.payments.test_methods_api import Keeps
from tests.support import books, paying, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db
TYPED = {"holder_name": "Aloha Foods", "holder": "consumer", "account_type": "checking",
         "routing_number": "121000358", "account_number": "000123456789"}  # fmt: skip


def client_of(house: House, role: str = "cash") -> Any:
    return world.pages(world.member(house.operator, role))


def at(name: str, row: Any) -> str:
    return reverse(f"payments:{name}", args=[row.id])


def test_a_bank_account_is_added_and_its_mandate_kept_in_the_words_shown(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    assert "No method is kept" in read(client.get(at("methods", policy))).text
    answer = client.post(at("add-bank-account", policy), TYPED, follow=True)
    method = PaymentMethod.objects.get()
    assert "checking account ending in 6789" in read(answer).text
    agreed = {"given": "phone", "evidence": "call 17", "mark": answer.context["form"]["mark"].value()}
    page = read(client.post(at("give-mandate", method), agreed, follow=True))
    mandate = Mandate.objects.get()
    assert (mandate.sec_code, mandate.given, mandate.evidence) == ("TEL", "phone", "call 17")
    assert mandate.text in page.text and "The mandate is kept." in page.text
    assert "123456789" not in client.get(at("method", method)).content.decode()


def test_a_mistyped_account_is_refused_at_its_field_and_its_number_is_not_written_back(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    answer = client.post(at("add-bank-account", policy), {**TYPED, "routing_number": "121000359"})
    assert answer.status_code == 422 and "check digit" in " ".join(answer.context["form"].errors["routing_number"])
    assert "000123456789" not in answer.content.decode()
    like_a_card = {**TYPED, "account_number": "4242424242424242"}
    answer = client.post(at("add-bank-account", policy), like_a_card)
    assert "not_a_card" in read(answer).fields and "4242424242424242" not in answer.content.decode()
    assert client.post(at("add-bank-account", policy), {**like_a_card, "not_a_card": "on"}).status_code == 302


def test_words_that_changed_are_read_again(house: House) -> None:
    method = paying.bank_account(house, books.bound(house).insured)
    answer = client_of(house).post(at("give-mandate", method), {"given": "phone", "evidence": "x", "mark": "old"})
    assert answer.status_code == 422 and "read them again" in read(answer).text
    assert not Mandate.objects.exists()


def test_a_test_card_of_the_sandbox_is_kept_made_default_and_removed(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    paying.bank_account(house, policy.insured)
    client.post(at("add-card", policy), {"account": house.account.id, "token": "tok_ok"})
    card = PaymentMethod.objects.get(kind="card")
    assert "It is the default now." in read(client.post(at("make-default", card), follow=True)).text
    assert methods.default_of(policy.insured) == card
    client.post(at("remove-method", card), {"reason": "lost"})
    assert "Removed" in read(client.get(at("method", card))).text
    assert "Removed" in read(client.get(at("methods", policy))).text


def test_a_card_is_entered_in_the_processors_element(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, client, gateway = books.bound(house), client_of(house), Keeps()
    assert "no form of its own" in read(client.get(f"{at('enter-method', policy)}?account={house.account.id}")).text
    monkeypatch.setattr(accounts, "gateway_of", lambda account: gateway)
    where = f"{at('enter-method', policy)}?account={house.account.id}&kind=card"
    answer = client.get(where)
    assert (
        "https://js.example.org" in answer["Content-Security-Policy"] and 'data-key="pk_1"' in answer.content.decode()
    )
    setup = {"setup": answer.context["begun"].setup}
    assert client.post(where, setup).status_code == 422
    gateway.entered = MethodReport("pm_1", "card", "cus_1", "visa", "4242", 12, 2030, "credit")
    assert client.post(where, setup)["Location"] == at("give-mandate", PaymentMethod.objects.get())
    assert "https://js.example.org" not in client.get(at("methods", policy))["Content-Security-Policy"]


def test_an_account_is_validated_by_its_amounts_and_its_mandate_revoked(house: House) -> None:
    paying.ach_account(house)
    account, client = paying.mandated(house, books.bound(house)), client_of(house)
    client.post(at("validate-method", account), {"kind": "micro_entries"})
    first, second = AchEntry.objects.order_by("reference").values_list("amount_minor", flat=True)[:2]
    confirm = at("confirm-validation", account.validations.get())
    wrong = client.post(confirm, {"first": 99, "second": 98})
    assert wrong.status_code == 422 and "2 more times" in read(wrong).text
    assert (
        "The account is validated." in read(client.post(confirm, {"first": second, "second": first}, follow=True)).text
    )
    mandate = Mandate.objects.get()
    assert "Revoked" in read(client.post(at("revoke-mandate", mandate), {"reason": "asked"}, follow=True)).text


def test_autopay_and_a_scheduled_payment_by_a_kept_method(house: House) -> None:
    invoice, client = books.billed(house), client_of(house)
    card = paying.card(house, invoice.policy.insured)
    refused = client.post(at("autopay", invoice.policy), {"payment_method": card.id})
    assert refused.status_code == 422 and "No standing mandate" in read(refused).text
    paying.allow(house, card)
    client.post(at("autopay", invoice.policy), {"payment_method": card.id})
    assert Autopay.objects.get().payment_method_id == card.id
    client.post(at("schedule", invoice), {"payment_method": card.id, "collect_on": "2026-02-10", "amount": "100.00"})
    planned = ScheduledPayment.objects.get()
    page = read(client.get(at("methods", invoice.policy))).text
    assert "is charged on its due date to visa ···4242" in page and "100.00" in page
    client.post(at("withdraw-scheduled", planned), {"reason": "pays by check"})
    assert "pays by check" in read(client.get(at("methods", invoice.policy))).text


def test_a_block_is_shown_and_lifted_with_a_reason(house: House) -> None:
    account, client = paying.mandated(house, books.bound(house)), client_of(house)
    paying.blocked(method=account, reason="R07 Authorization revoked", actor=house.me)
    assert "R07 Authorization revoked" in read(client.get(at("method", account))).text
    assert (
        "The block is lifted." in read(client.post(at("lift-block", account), {"reason": "cleared"}, follow=True)).text
    )


def test_a_viewer_sees_no_button_and_a_stranger_nothing(house: House) -> None:
    account = paying.mandated(house, books.bound(house))
    viewer = client_of(house, "viewer")
    assert "Remove…" not in read(viewer.get(at("method", account))).text
    assert viewer.get(at("remove-method", account)).status_code == 403
    assert world.pages(world.member(world.organization())).get(at("method", account)).status_code == 404
