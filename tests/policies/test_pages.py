"""The policy pages: the list, a quote's way to cover, and files of policies."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from coverpay.kernel.money import Money
from policies import lifecycle
from policies.models import Policy
from policies.parties import PartyDetails
from tests.support import books, pages, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db

QUOTE = {
    "number": "HPU-77",
    "program": "hi",
    "state": "HI",
    "effective_on": "2026-03-01",
    "expires_on": "2027-03-01",
    "premium": "10,000.00",
    "plan": "halves",
    "reference": "INS-77",
    "name": "Kona Kayaks",
}


def quoted(house: House, **changes: Any) -> Policy:
    return lifecycle.quote(request=books.request(**changes), actor=house.me)


def test_the_list_finds_a_policy_by_number_or_insured_and_by_state(house: House) -> None:
    kayaks = PartyDetails(reference="K", name="Kona Kayaks")
    wanted, other = quoted(house, number="HPU-1", insured=kayaks), books.bound(house, number="HPU-2")
    client = world.pages(world.member(house.operator, "viewer"))
    for query, found, missing in (
        ("q=hpu-1", wanted, other),
        ("q=kayak", wanted, other),
        ("state=bound", other, wanted),
    ):
        page = read(client.get(f"/policies/?{query}"))
        assert found.number in page.links
        assert missing.number not in page.links


def test_the_list_goes_on_by_cursor_and_keeps_its_filters(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compliance.pages.page_of.__defaults__", ("", 2))
    made = [quoted(house, number=f"HPU-{number}") for number in range(3)]
    client = world.pages(world.member(house.operator, "viewer"))
    first = read(client.get("/policies/?state=quoted"))
    assert [policy.number in first.links for policy in made] == [False, True, True]
    assert first.links["Next page"] == f"?state=quoted&after={made[1].id}"
    second = read(client.get("/policies/" + first.links["Next page"]))
    assert [policy.number in second.links for policy in made] == [True, False, False]
    assert "Next page" not in second.links
    assert second.links["First page"] == "?state=quoted"


def test_a_quote_is_written_with_its_charges_and_bound_after_a_preview(house: House) -> None:
    client = world.pages(world.member(house.operator, "billing"))
    answer = client.post("/policies/new/", QUOTE, follow=True)
    policy = Policy.objects.get(number="HPU-77")
    page = read(answer)
    assert answer.redirect_chain == [(reverse("policy", args=[policy.id]), 302)]
    assert "Surplus lines tax" in page.text and "468.00" in page.text and "10,718.00" in page.text
    assert page.links["Bind…"] == reverse("bind", args=[policy.id])
    page = read(pages.confirmed(client, reverse("bind", args=[policy.id]), {"plan": "halves"}))
    assert f"Policy {policy.number} is bound" in page.text
    assert "Bind…" not in page.links
    assert reverse("billing:issue", args=[policy.id]) not in page.posts_to, "its first bill date is still to come"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": "TAKEN"}, "Policy number &#x27;TAKEN&#x27; is taken."),
        ({"premium": "ten"}, "is not an amount"),
        ({"premium": "0"}, "The premium must be above zero"),
        ({"expires_on": "2026-03-01"}, "The term must end after it begins."),
        ({"agency_code": "nobody"}, "No organization with the code"),
    ],
)
def test_what_a_quote_is_refused_for_stands_at_its_field(house: House, change: dict[str, str], words: str) -> None:
    quoted(house, number="TAKEN")
    client = world.pages(world.member(house.operator, "billing"))
    answer = client.post("/policies/new/", {**QUOTE, **change})
    assert answer.status_code == 422
    (name,) = change
    assert words in str(answer.context["form"].errors[name].as_ul())
    assert not Policy.objects.filter(number="HPU-77").exists()


def test_a_quote_is_closed_with_a_reason_only(house: House) -> None:
    policy = quoted(house)
    client = world.pages(world.member(house.operator, "billing"))
    url = reverse("policies:decline", args=[policy.id])
    assert client.post(url, {"reason": ""}).status_code == 422
    page = read(client.post(url, {"reason": "went elsewhere"}, follow=True))
    assert "closed as not taken" in page.text
    again = client.post(url, {"reason": "twice"})
    assert again.status_code == 422 and "only a quote can be declined" in read(again).text


def test_whoever_may_not_act_sees_no_button(house: House) -> None:
    policy = quoted(house)
    for role, of in (("viewer", house.operator), ("billing", house.carrier)):
        page = read(world.pages(world.member(of, role)).get(reverse("policy", args=[policy.id])))
        assert policy.number in page.text
        assert "Bind…" not in page.links and "Not taken" not in page.links


def test_a_refused_file_shows_each_problem_by_row_and_column(house: House) -> None:
    client = world.pages(world.member(house.operator, "billing"))
    header = "policy_number,program,insured_reference,insured_name,state,effective_on,expires_on,premium,plan"
    rows = (
        f"{header}\nX-1,hi,I-1,Aloha,HI,2026-03-01,2027-03-01,ten,halves\nX-2,none,I-2,Kona,HI,soon,2027-03-01,5,full\n"
    )
    answer = client.post("/policies/imports/", {"file": SimpleUploadedFile("may.csv", rows.encode())}, follow=True)
    page = read(answer)
    assert "may.csv" in page.text and "nothing was imported" in page.text
    assert "2 premium" in page.text and "3 effective_on 'soon' is not a date" in page.text
    assert "may.csv" in read(client.get("/policies/imports/")).links
    assert Policy.objects.count() == 0


def test_a_good_file_brings_its_policies_once(house: House) -> None:
    client = world.pages(world.member(house.operator, "billing"))
    header = "policy_number,program,insured_reference,insured_name,state,effective_on,expires_on,premium,plan,bind"
    rows = f"{header}\nX-1,hi,I-1,Aloha,HI,2026-03-01,2027-03-01,100.00,halves,yes\n".encode()
    for _ in range(2):
        page = read(client.post("/policies/imports/", {"file": SimpleUploadedFile("a.csv", rows)}, follow=True))
        assert "a.csv: 1 policies are in." in page.text
    assert Policy.objects.get().state == "bound"


def test_the_term_and_the_premium_are_read_as_typed(house: House) -> None:
    world.pages(world.member(house.operator, "billing")).post("/policies/new/", QUOTE)
    policy = Policy.objects.get(number="HPU-77")
    term = policy.terms.get()
    assert (term.effective_on, term.expires_on) == (dt.date(2026, 3, 1), dt.date(2027, 3, 1))
    assert Money(policy.charges.get(component="premium").amount_minor) == Money(1_000_000)
