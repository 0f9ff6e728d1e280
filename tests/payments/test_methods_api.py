"""Payment methods, mandates, validations and scheduled payments by API: no number is given back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from compliance.permissions import Permission
from payments import accounts, setups
from payments.gateways.base import MethodReport, NotSent, SetupReport
from payments.models import AccountValidation, AchEntry, PaymentMethod
from tests.support import books, paying, world
from tests.support.books import House
from tests.support.world import Api

pytestmark = pytest.mark.django_db
BANK = {"kind": "ach", "routing_number": "121000358", "account_number": "000123456789", "account_type": "checking",
        "holder_name": "Aloha Foods"}  # fmt: skip
SAYS = {"text": paying.WORDS, "given": "web", "ip": "203.0.113.7"}


@pytest.fixture
def api(house: House) -> Api:
    return world.api(house.operator)


def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.content
    return dict(answer.json())


def refused(answer: Any, code: str, field: str | None = None) -> None:
    assert (answer.json()["code"], answer.json().get("field")) == (code, field), answer.content
    assert answer.status_code in (404, 409, 422)


def test_a_bank_account_from_its_number_to_its_mandate(house: House, api: Api) -> None:
    party = books.bound(house).insured
    answer = api.post("payment-methods", {"party": party.id, **BANK})
    method = made(answer)
    assert (method["last4"], method["state"], method["is_default"]) == ("6789", "unvalidated", True)
    for text in (answer.content.decode(), api.get(f"payment-methods/{method['id']}").content.decode()):
        assert "123456789" not in text and "sealed" not in text and "fingerprint" not in text
    mandate = made(api.post("mandates", {"payment_method": method["id"], **SAYS}))
    assert (mandate["sec_code"], mandate["text"], mandate["given_ip"]) == ("WEB", paying.WORDS, "203.0.113.7")
    assert made(api.post(f"mandates/{mandate['id']}/revoke", {"reason": "asked"}))["revoked_at"]
    refused(api.post(f"mandates/{mandate['id']}/revoke", {"reason": "asked"}), "mandate_revoked", "mandate")
    assert [row["id"] for row in api.get("payment-methods", party=party.id).json()["data"]] == [method["id"]]


def test_a_card_by_its_token_made_default_and_removed(house: House, api: Api) -> None:
    party = books.bound(house).insured
    card = {"party": party.id, "kind": "card", "account": house.account.id, "brand": "visa", "last4": "4242"}
    refused(api.post("payment-methods", card), "bad_text", "token")
    refused(api.post("payment-methods", {**card, "token": "4242424242424242"}), "card_number_refused", "token")
    first = made(api.post("payment-methods", {**card, "token": "tok_ok"}))
    second = made(api.post("payment-methods", {**card, "token": "tok_other"}))
    assert (first["accounts"], second["is_default"]) == ([house.account.id], False)
    assert made(api.post(f"payment-methods/{second['id']}/make-default"))["is_default"]
    assert made(api.post(f"payment-methods/{second['id']}/remove", {}))["state"] == "removed"
    refused(api.post(f"payment-methods/{second['id']}/make-default"), "method_over", "payment_method")
    refused(
        api.post(f"payment-methods/{first['id']}/lift-block", {"reason": "x"}), "illegal_transition", "payment_method"
    )


def test_an_account_number_that_looks_like_a_card_is_asked_about(house: House, api: Api) -> None:
    body = {"party": books.bound(house).insured.id, **BANK, "account_number": "4242424242424242"}
    refused(api.post("payment-methods", body), "card_number_refused", "account_number")
    assert made(api.post("payment-methods", {**body, "not_a_card": True}))["last4"] == "4242"


def test_micro_entries_are_named_back(house: House, api: Api) -> None:
    paying.ach_account(house)
    account = paying.mandated(house, books.bound(house))
    begun = made(api.post(f"payment-methods/{account.id}/validate", {"kind": "micro_entries"}))
    amounts = list(AchEntry.objects.order_by("reference").values_list("amount_minor", flat=True)[:2])
    assert not {"amounts", "amounts_minor"} & set(begun)
    wrong = api.post(f"account-validations/{begun['id']}/confirm", {"amounts_minor": [99, 98]})
    refused(wrong, "amounts_wrong", "amounts_minor")
    assert wrong.json()["tries_left"] == 2
    assert made(api.post(f"account-validations/{begun['id']}/confirm", {"amounts_minor": amounts}))["state"] == "passed"


def test_autopay_and_a_scheduled_payment_by_a_kept_method(house: House, api: Api) -> None:
    invoice = books.billed(house)
    card = paying.card(house, invoice.policy.insured)
    asked = {"policy": invoice.policy_id, "payment_method": card.id}
    refused(api.post("autopays", asked), "method_not_usable", "payment_method")
    paying.allow(house, card)
    assert made(api.post("autopays", asked))["payment_method"] == card.id
    day = dt.date(2026, 2, 10).isoformat()
    wanted = {"invoice": invoice.id, "payment_method": card.id, "collect_on": day}
    planned = made(api.post("scheduled-payments", wanted))
    assert (planned["state"], planned["amount_minor"]) == ("planned", None)
    refused(api.post("scheduled-payments", {**wanted, "amount_minor": 5}), "already_scheduled", "invoice")
    assert made(api.post(f"scheduled-payments/{planned['id']}/withdraw", {"reason": "x"}))["state"] == "withdrawn"


class Keeps:
    """A processor with an element of its own; `entered` is what the payor entered there."""

    entered: MethodReport | None = None
    away = False

    def begin_setup(self, merchant: str, reference: str, kind: str) -> SetupReport:
        if self.away:
            raise NotSent("away")
        return SetupReport("seti_1", "seti_1_secret_x", "pk_1", "https://js.example.org/v3/")

    def finish_setup(self, merchant: str, setup: str) -> MethodReport | None:
        assert setup == "seti_1"
        return self.entered

    def forget_method(self, merchant: str, token: str) -> None:
        """Nothing is kept here."""


def test_a_card_is_entered_at_the_processor_and_kept_once(
    house: House, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    party, gateway = books.bound(house).insured, Keeps()
    wanted = {"party": party.id, "account": house.account.id, "kind": "card"}
    refused(api.post("payment-method-setups", wanted), "no_element", "account")
    monkeypatch.setattr(accounts, "gateway_of", lambda account: gateway)
    begun = made(api.post("payment-method-setups", wanted))
    assert (begun["client_secret"], begun["publishable_key"]) == ("seti_1_secret_x", "pk_1")
    end = {"setup": begun["setup"]}
    refused(api.post("payment-method-setups/finished", end), "method_not_entered", "setup")
    gateway.entered = MethodReport("pm_1", "card", "cus_1", "visa", "4242", 12, 2030, "credit", "fp_1")
    method = made(api.post("payment-method-setups/finished", end))
    assert (method["party"], method["last4"], method["state"]) == (party.id, "4242", "active")
    assert made(api.post("payment-method-setups/finished", end))["id"] == method["id"]
    refused(api.post("payment-method-setups/finished", {"setup": begun["setup"] + "x"}), "setup_unknown", "setup")
    gateway.away = True
    refused(api.post("payment-method-setups", wanted), "processor_not_reached", "account")


def test_a_setup_of_another_organization_is_none(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "gateway_of", lambda account: Keeps())
    party = books.bound(house).insured
    begun = setups.begin(party_id=party.id, account_id=house.account.id, kind="card", actor=house.me)
    stranger = world.api(world.organization())
    assert stranger.post("payment-method-setups/finished", {"setup": begun.setup}).status_code == 404


def test_strangers_and_viewers_change_nothing(house: House) -> None:
    paying.ach_account(house)
    account = paying.mandated(house, books.bound(house))
    stranger, viewer = world.api(world.organization()), world.api(house.operator, Permission.PAYMENTS_READ)
    for verb, body in (("remove", {}), ("make-default", {}), ("validate", {"kind": "prenote"})):
        assert stranger.post(f"payment-methods/{account.id}/{verb}", body).status_code == 404
        assert viewer.post(f"payment-methods/{account.id}/{verb}", body).status_code == 403
    assert stranger.get("mandates").json()["data"] == []
    assert len(viewer.get("mandates").json()["data"]) == 1
    assert not AccountValidation.objects.exists() and PaymentMethod.objects.get().state == "unvalidated"
