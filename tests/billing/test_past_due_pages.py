"""The pages of past due money: the worklist, the clock, what a person does, and the proof of mailing."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from billing.models import Delinquency, Notice
from tests.support import books, late, pages, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db


def client_of(house: House, role: str = "billing") -> Any:
    return world.pages(world.member(house.operator, role))


def followed(house: House) -> Delinquency:
    """Past due since 05-01, its notice made on 05-06."""
    late.settle_rules(house)
    policy = late.policy(house)
    late.nights(policy, late.may(2), late.NOTICED, house)
    return late.followed(policy)


def test_the_worklist_and_the_page_say_how_far_it_is(house: House) -> None:
    row, client = followed(house), client_of(house, "viewer")
    with late.at(late.NOTICED):
        assert row.policy.number in " ".join(read(client.get("/billing/past-due/?show=live")).links)
        page = client.get(reverse("billing:delinquency", args=[row.id]))
    text = read(page).text
    assert (page.context["days"], page.context["past_due_minor"]) == (5, 40_000)
    assert all(words in text for words in ("Reminder", "Late fee", "Notice of cancellation", "2026-05-19", "7.50"))
    assert "Hold…" not in read(page).links, "a viewer only reads"


def test_a_hold_stops_the_clock_until_it_is_released(house: House) -> None:
    row, client = followed(house), client_of(house)
    with late.at(late.NOTICED):
        url = reverse("billing:hold", args=[row.id])
        early = client.post(url, {"until": "2026-01-01", "reason": "x"})
        assert early.status_code == 422 and "until" in early.context["form"].errors
        client.post(url, {"until": "2026-05-20", "reason": "Agent is asking"})
        page = read(client.get(reverse("billing:delinquency", args=[row.id])))
        assert "held until 2026-05-20" in page.text and "Release…" in page.links
        client.post(reverse("billing:release", args=[row.id]), {"reason": "Answered"})
    row.refresh_from_db()
    assert row.state == "active"


def test_a_promise_is_kept_with_its_amount_and_day(house: House) -> None:
    row, client = followed(house), client_of(house)
    with late.at(late.NOTICED):
        url = reverse("billing:promise", args=[row.id])
        assert "amount" in client.post(url, {"amount": "0", "pay_by": "2026-05-15"}).context["form"].errors
        client.post(url, {"amount": "400.00", "pay_by": "2026-05-15"})
    row.refresh_from_db()
    assert (row.promised_minor, str(row.promised_on), row.state) == (40_000, "2026-05-15", "held")


def test_a_rule_that_is_not_established_waits_on_the_worklist_for_a_decision(house: House) -> None:
    late.settle_rules(house, noc_nonpay_days=None)
    policy, client = late.policy(house), client_of(house)
    late.nights(policy, late.may(2), late.NOTICED, house)
    row = late.followed(policy)
    with late.at(late.NOTICED):
        assert policy.number in " ".join(read(client.get("/billing/past-due/?show=decide")).links)
        page = read(client.get(reverse("policy", args=[policy.id])))
        assert "A person must decide." in page.text and page.links["Decide"]
        url = reverse("billing:decide", args=[row.id])
        assert row.needs_decision in read(client.get(url)).text
        client.post(url, {"choice": "close", "reason": "Carrier took it over"})
    row.refresh_from_db()
    assert row.state == "closed"


def test_a_notice_counts_once_its_mailing_is_proved(house: House) -> None:
    row, client = followed(house), client_of(house)
    notice = Notice.objects.get(policy=row.policy, kind="cancellation")
    url = reverse("billing:notice", args=[notice.id])
    with late.at(late.NOTICED):
        page = read(client.get(url))
        assert "Unless we receive 400.00 USD before May 19, 2026" in page.text and "Not mailed yet" in page.text
        typed = {"method": "certificate", "mailed_on": "2026-05-07", "proof_reference": "PS-1"}
        answer = client.post(url, typed)
        assert answer.status_code == 422 and "mailed_on" in answer.context["form"].errors, "tomorrow"
        page = read(client.post(url, {**typed, "mailed_on": "2026-05-06"}, follow=True))
    assert "PS-1" in page.text and "The proof of mailing is kept." in page.text
    assert late.is_pending(row.policy)


def test_a_void_notice_takes_its_pending_cancellation_along(house: House) -> None:
    row, client = followed(house), client_of(house)
    notice = late.mailed(row.policy, house)
    assert late.is_pending(row.policy)
    with late.at(late.NOTICED):
        page = read(
            client.post(reverse("billing:void-notice", args=[notice.id]), {"reason": "Sent too early"}, follow=True)
        )
    assert "The notice is void." in page.text and not late.is_pending(row.policy)


def test_who_may_not_bill_is_refused_and_strangers_find_nothing(house: House) -> None:
    row = followed(house)
    notice = Notice.objects.get(policy=row.policy, kind="cancellation")
    stranger, viewer = world.pages(world.member(world.organization())), client_of(house, "viewer")
    for name in ("hold", "release", "promise", "decide"):
        url = reverse(f"billing:{name}", args=[row.id])
        assert (viewer.get(url).status_code, stranger.get(url).status_code) == (403, 404)
    for url in (
        reverse("billing:delinquency", args=[row.id]),
        reverse("billing:notice", args=[notice.id]),
    ):
        assert (viewer.get(url).status_code, stranger.get(url).status_code) == (200, 404)
    assert viewer.post(reverse("billing:notice", args=[notice.id]), {}).status_code == 403


def test_more_to_follow_takes_no_more_questions(house: House) -> None:
    row, client = followed(house), client_of(house)
    lists = ("/billing/past-due/", "/billing/notices/", "/billing/return-premium/")
    few = [pages.questions(client, url) for url in lists]
    for number in range(2):
        policy = late.policy(house, program=f"plain-{number}")
        late.nights(policy, late.may(2), late.NOTICED, house)
    assert Delinquency.objects.exclude(pk=row.pk).count() == 2
    assert [pages.questions(client, url) for url in lists] == few


def test_an_invoice_is_voided_written_off_and_asked_for_again(house: House) -> None:
    invoice, small = books.billed(house), books.billed(house)
    client = client_of(house)
    client.post(reverse("billing:void", args=[invoice.id]), {"reason": "Sent twice"})
    invoice.refresh_from_db()
    assert invoice.state == "void"
    url = reverse("billing:write-off", args=[small.id])
    assert "someone else must approve it" in read(client.get(url)).text
    page = read(client.post(url, {"reason": "Bankrupt"}, follow=True))
    assert "Approval is asked for" in page.text
    again = client.post(url, {"reason": "Bankrupt"})
    assert again.status_code == 422 and "waits for someone else" in read(again).text
    small.refresh_from_db()
    assert small.state == "open"
