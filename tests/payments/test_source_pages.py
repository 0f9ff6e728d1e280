"""Statements of carriers and agencies, on pages and under /v1: looked at first, both sides beside each other."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from payments import sources
from payments.models import SourceMap, SourceStatement
from policies.models import Policy
from reconciliation.models import Break
from tests.payments.test_sources import SPEC
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(house: House) -> Policy:
    return books.paid(house, books.billed(house)).policy


@pytest.fixture
def browser(house: House) -> Client:
    return world.pages(world.member(house.operator, "finance"))


def _words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def _asked(house: House, total: str) -> dict[str, str]:
    return {
        "other": f"carrier_remittance:{house.carrier.id}",
        "reference": "RA-1",
        "from_on": "2026-01-01",
        "to_on": "2026-12-31",
        "total": total,
    }


def _file(policy: Policy) -> SimpleUploadedFile:
    return SimpleUploadedFile("ra.csv", f"Policy,Type,Net\n{policy.number},PREM,4249.00\n".encode())


def _hidden(response: Any, name: str) -> str:
    found = re.search(rf'name="{name}"\s+value="([^"]*)"', response.content.decode())
    assert found is not None, name
    return found[1]


def test_a_map_is_saved_a_file_looked_at_taken_in_and_shown_beside_our_books(
    house: House, policy: Policy, browser: Client
) -> None:
    typed = {
        "other": f"carrier_remittance:{house.carrier.id}",
        "policy": "Policy",
        "amount": "Net",
        "item": "Type",
        "items": "PREM = premium",
        "date_format": "%Y-%m-%d",
        "delimiter": ",",
        "decimal": ".",
        "thousands": ",",
        "encoding": "utf-8",
        "headings": "on",
    }
    browser.post(reverse("payments:make-source-map"), typed)
    assert SourceMap.objects.get().spec["items"] == {"PREM": "premium"}
    url = reverse("payments:take-in-source")
    shown = browser.post(url, {**_asked(house, "4249.00"), "file": _file(policy)})
    assert f"{policy.number} premium 4,249.00 USD 4,250.00 USD −1.00 USD" in _words(shown)
    assert not SourceStatement.objects.exists()
    hidden = {name: _hidden(shown, name) for name in ("held", "held_name", "confirm")}
    done = browser.post(url, {**_asked(house, "4249.00"), **hidden})
    statement = SourceStatement.objects.get()
    assert done["Location"] == reverse("payments:source", args=[statement.id])
    page = _words(browser.get(done["Location"]))
    assert f"{policy.number} premium 4,249.00 USD 4,250.00 USD −1.00 USD We have more" in page
    assert "Missing there" in page
    listed = _words(browser.get(reverse("payments:sources"), {"show": "different"}))
    assert "RA-1" in listed
    browser.post(reverse("payments:compare-source", args=[statement.id]))
    browser.post(reverse("payments:withdraw-source", args=[statement.id]), {"reason": "Wrong month."})
    assert not Break.objects.filter(state="open").exists()
    assert "Withdrawn: Wrong month." in _words(browser.get(done["Location"]))


def test_a_file_that_does_not_come_to_its_total_shows_why(house: House, policy: Policy, browser: Client) -> None:
    sources.publish_map(kind="carrier_remittance", counterparty_id=house.carrier.id, spec=SPEC, actor=house.me)
    url = reverse("payments:take-in-source")
    response = browser.post(url, {**_asked(house, "4250.00"), "file": _file(policy)})
    assert response.status_code == 422
    assert "The rows come to 4,249.00 USD, the total stated is 4,250.00 USD" in _words(response)


def test_statements_by_the_api(house: House, policy: Policy) -> None:
    api: Any = world.api(house.operator)
    common = {
        "kind": "carrier_remittance",
        "counterparty": house.carrier.id,
        "from_on": "2026-01-01",
        "to_on": "2026-12-31",
    }
    lines = [
        {"policy": policy.number, "item": "premium", "amount_minor": 425_000},
        {"policy": policy.number, "item": "carrier_fee", "amount_minor": 12_400},
    ]
    body = {**common, "reference": "RA-1", "total_minor": 437_400, "lines": lines}
    done = api.post("source-statements", body)
    assert (done.status_code, done.json()["state"]) == (201, "different")
    (fee,) = [item for item in done.json()["items"] if item["item"] == "carrier_fee"]
    assert (fee["difference_minor"], fee["outcome"], fee["policy"]) == (-100, "we_more", policy.id)
    refused = api.post("source-statements", {**body, "reference": "RA-2", "total_minor": 1})
    assert (refused.status_code, refused.json()["code"]) == (422, "source_refused")
    assert (
        api.post("source-maps", {"kind": common["kind"], "counterparty": house.carrier.id, "spec": SPEC}).status_code
        == 201
    )
    sent = {**common, "reference": "RA-3", "total_minor": 424_900, "file": _file(policy)}
    assert api.post("source-files", sent, format="multipart").json()["map"] is not None
    id = done.json()["id"]
    assert api.post(f"source-statements/{id}/compare").json()["state"] == "different"
    assert api.post(f"source-statements/{id}/withdraw", {"reason": "No."}).json()["state"] == "withdrawn"
    assert [row["amount_minor"] for row in api.get("source-lines", statement=id).json()["data"]] == [12_400, 425_000]
