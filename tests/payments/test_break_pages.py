"""The pages and routes of breaks: who works on them, what was said, and resolving one with a preview."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client

from compliance.models import User
from coverpay.kernel import clock
from payments.models import BreakResolution
from reconciliation.models import Break
from tests.support import bank, world
from tests.support.books import House
from tests.support.resolving import bank_fee, stated
from tests.support.world import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(house: House) -> User:
    return world.member(house.operator, "finance")


@pytest.fixture
def client(ana: User) -> Client:
    return world.pages(ana)


@pytest.fixture
def api(house: House) -> Api:
    return Api(world.token(house.operator))


def words(client: Client, url: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", client.get(url).content.decode()).split())


def test_the_page_of_a_break_shows_its_lines_owner_day_and_comments(house: House, client: Client, ana: User) -> None:
    found = bank_fee(house)
    page = f"/bank/breaks/{found.id}/"
    client.post(f"{page}assign/", {"owner": ana.id})
    client.post(f"{page}due/", {"due_on": "2026-03-02", "reason": "The bank looks."})
    client.post(f"{page}comment/", {"text": "Asked <b>the bank</b>.\nThey call back."})
    found.refresh_from_db()
    assert (found.owner, found.due_on) == (ana, dt.date(2026, 3, 2))
    shown = words(client, page)
    assert "MONTHLY FEE" in shown
    assert "−12.50" in shown
    assert "Asked &lt;b&gt;the bank&lt;/b&gt;. They call back." in shown
    assert "Resolve by a posting" in shown


def test_a_day_that_is_over_is_refused_in_words_on_the_page(house: House, client: Client) -> None:
    found = bank_fee(house)
    answer = client.post(f"/bank/breaks/{found.id}/due/", {"due_on": "2020-01-01", "reason": "x"}, follow=True)
    assert "The day is over; choose today or a later one." in answer.content.decode()


def test_the_list_is_narrowed_to_mine_to_an_age_and_to_what_is_late(house: House, client: Client, ana: User) -> None:
    found = bank_fee(house)
    client.post(f"/bank/breaks/{found.id}/assign/", {"owner": ana.id})
    link = f"/bank/breaks/{found.id}/"
    for query, there in (
        ("", True), ("?owner=me", True), ("?owner=nobody", False), ("?age=0-1", True), ("?age=2-5", False),
        ("?show=overdue", False), ("?kind=bank_only", True), ("?show=closed", False),
    ):  # fmt: skip
        assert (link in client.get(f"/bank/breaks/{query}").content.decode()) == there, query
    clock.advance(dt.timedelta(days=8))
    assert link in client.get("/bank/breaks/?show=overdue&age=6-10").content.decode()
    assert "Bank breaks overdue" in client.get("/").content.decode()


def test_a_break_is_resolved_after_its_posting_was_looked_at(house: House, client: Client) -> None:
    found = bank_fee(house)
    url = f"/bank/breaks/{found.id}/resolve/"
    assert "Fee of the processor" not in words(client, url), "only what fits is offered"
    said = {"way": "bank_fee", "reason": "Monthly fee."}
    looked = client.post(url, said).content.decode()
    assert "due_from_operating" in looked
    assert "11 NYCRR 20.3(b)(4)" in looked
    assert not BreakResolution.objects.exists()
    mark = re.search(r'name="confirm"\s+value="([0-9a-f]+)"', looked)
    assert mark is not None
    done = client.post(url, {**said, "confirm": mark[1]}, follow=True)
    assert "Bank fee of 12.50 USD is posted, and its lines are matched." in done.content.decode()
    assert Break.objects.get(pk=found.pk).state == "closed"
    assert "fee = books − bank" in words(client, f"/bank/breaks/{found.id}/"), "why stays on its page"
    assert "No posting settles this" in words(client, url)


def test_the_api_works_on_a_break_and_lists_by_owner_age_and_lateness(house: House, api: Api, ana: User) -> None:
    found = bank_fee(house)
    api.post(f"breaks/{found.id}/assign", {"owner": ana.id})
    api.post(f"breaks/{found.id}/comment", {"text": "Asked."})
    row = api.post(f"breaks/{found.id}/set-due", {"due_on": "2026-03-02", "reason": "x"}).json()
    assert (row["owner"], row["due_on"], row["age_days"], row["overdue"]) == (ana.id, "2026-03-02", 0, False)
    (said,) = api.get(f"breaks/{found.id}/comments").json()
    assert said["text"] == "Asked."
    for query, count in (
        (f"owner={ana.id}", 1), ("owner=nobody", 0), ("age=0-1", 1), ("age=31%2B", 0), ("overdue=true", 0),
        ("overdue=false", 1),
    ):  # fmt: skip
        assert len(api.get(f"breaks?{query}").json()["data"]) == count, query
    refused = api.post(f"breaks/{found.id}/assign", {"owner": "usr_nobody"})
    assert (refused.status_code, refused.json()["code"]) == (422, "not_a_member")


def test_the_api_previews_and_resolves_a_break(house: House, api: Api) -> None:
    (found,) = stated(house, bank.line(50_000, "WIRE 7", "FROM A STRANGER"))
    asked = {"about": found.id, "way": "suspense", "payor": "Aloha Foods"}
    shown = api.post("break-resolutions/preview", asked).json()
    assert [(leg["code"], leg["amount_minor"]) for leg in shown["legs"]] == [
        ("trust_cash", 50_000),
        ("suspense_cash", -50_000),
    ]
    made = api.post("break-resolutions", {**asked, "reason": "Nobody we know."})
    assert made.status_code == 201
    row = api.get(f"break-resolutions/{made.json()['id']}").json()
    assert (row["about"], row["way"], row["amount_minor"]) == (found.id, "suspense", 50_000)
    assert api.get(f"matches/{row['match']}").json()["stage"] == "resolution"
