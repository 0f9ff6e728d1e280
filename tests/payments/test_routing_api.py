"""Processor accounts, routing tables and dry runs by API."""

from __future__ import annotations

from typing import Any

import pytest

from coverpay.kernel import clock
from tests.support import books, world
from tests.support.books import House
from tests.support.world import Api

pytestmark = pytest.mark.django_db
MAIN = {"gateway": "sandbox", "merchant": "second"}


@pytest.fixture
def api(house: House) -> Api:
    return Api(world.token(house.operator))


def test_an_account_is_opened_with_costs_taken_down_brought_back_and_closed(house: House, api: Api) -> None:
    asked = {**MAIN, "bank_account": house.bank.id, "settings": {"cost_ppm": 25_000}}
    made = api.post("gateway-accounts", asked)
    assert (made.status_code, made.json()["settings"]) == (201, {"cost_ppm": 25_000})
    assert made.json()["health"] == {"up": True, "says": ""}
    assert "webhook_secret" not in made.json()
    at = f"gateway-accounts/{made.json()['id']}"
    assert api.post(f"{at}/take-down", {"reason": "Maintenance"}).json()["last_failure"] == "Maintenance"
    assert "Maintenance" in api.get(at).json()["health"]["says"]
    assert api.post(f"{at}/take-down", {"reason": "Again"}).json()["code"] == "gateway_already_down"
    assert api.post(f"{at}/bring-back", {"reason": "Done"}).json()["opened_at"] is None
    assert api.post(f"{at}/change-settings", {"settings": {}}).json()["settings"] == {}
    assert api.post(f"{at}/change-credentials", {"webhook_secret": "whsec_bmV3"}).status_code == 200
    assert api.post(f"{at}/close", {"reason": "Moved"}).json()["closed_at"] is not None
    assert api.post(f"{at}/close", {"reason": "Again"}).json()["code"] == "gateway_account_closed"


def test_what_an_account_lacks_is_named(house: House, api: Api) -> None:
    asked = {**MAIN, "bank_account": house.bank.id, "credentials": {"api_key": "x"}}
    answer = api.post("gateway-accounts", asked)
    assert (answer.status_code, answer.json()["field"], answer.json()["key"]) == (422, "credentials", "api_key")


def test_rules_are_published_and_the_wrong_one_is_named(house: House, api: Api) -> None:
    rules: list[dict[str, Any]] = [
        {"name": "Large", "when": {"amount": {"min_minor": 100_000}}, "to": {"cheapest": ["sandbox"]}},
        {"to": [house.account.id]},
    ]
    made = api.post("routing-tables", {"rules": rules, "effective_from": "2026-02-01"})
    assert (made.status_code, made.json()["number"], made.json()["rules"]) == (201, 2, rules)
    wrong = api.post(
        "routing-tables", {"rules": [{"to": ["sandbox"], "when": {"colour": 1}}], "effective_from": "2026-02-01"}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "rules_unreadable")
    assert (wrong.json()["rule"], wrong.json()["key"]) == (1, "when.colour")


def test_a_draft_is_tried_on_past_payments(house: House, api: Api) -> None:
    payment = books.paid(house, books.billed(house))
    today = clock.today().isoformat()
    answer = api.post("routing-dry-runs", {"rules": [{"when": {"method": ["ach"]}, "to": ["sandbox"]}],
                                           "since": today, "until": today})  # fmt: skip
    said = answer.json()
    assert (answer.status_code, said["payments"], said["elsewhere"], said["refused"]) == (201, 1, 0, 1)
    assert said["examples"][0]["payment"] == payment.id
    share = said["shares"][0]
    assert (share["account"], share["was"]["count"], share["would"]["count"]) == (house.account.id, 1, 0)
