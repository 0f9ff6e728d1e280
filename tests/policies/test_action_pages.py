"""The pages that change a policy: the preview is what happens, refusals stand at their fields, others see nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.urls import reverse

import billing.queries
from billing.models import Installment
from coverpay.kernel import clock
from policies.models import Cancellation, Policy, Term, Transaction
from tests.support import books, pages, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db
ENDORSE = {
    "effective_on": "2026-03-02",
    "premium": "12,000.00",
    "change": "",
    "later": "carry",
    "reason": "A second kitchen",
}
CANCEL = {
    "effective_on": "2026-02-02",
    "reason": "requested",
    "initiator": "insured",
    "method": "pro_rata",
    "note": "Sold the business",
}
TYPED: dict[str, dict[str, str]] = {
    "endorse": ENDORSE,
    "cancel": CANCEL,
    "rewrite": {
        "number": "P-NEW",
        "effective_on": "2026-02-02",
        "term": "remainder",
        "premium": "9,000.00",
        "plan": "halves",
        "reason": "Wrong form",
    },
    "offer-renewal": {"premium": "9,500.00", "plan": "thirds", "expires_on": ""},
    "change-plan": {"plan": "thirds", "due_day": "15"},
}


def client_of(house: House, role: str = "billing") -> Any:
    return world.pages(world.member(house.operator, role))


def left_to_pay(policy: Policy) -> int:
    balance = billing.queries.balance_of(Policy.objects.select_related("program").get(pk=policy.pk))
    return balance.open_minor + balance.unbilled_minor


def test_an_endorsement_does_what_its_preview_says(house: House) -> None:
    """2,000 a year more for 335 of 365 days: 1,835.62, and 4.68% tax on the whole premium: 85.91 more."""
    policy, client, url = books.bound(house), client_of(house), ""
    url = reverse("endorse", args=[policy.id])
    shown = pages.previewed(client, url, ENDORSE)
    preview = shown.context["preview"]
    assert [(row.label, row.amount_minor) for row in preview.figures] == [("Change of written premium", 183_562)]
    assert [row.amount_minor for row in preview.charges] == [183_562, 8_591]
    assert not Transaction.objects.filter(term__policy=policy, kind="endorsement").exists()
    pages.confirmed(client, url, ENDORSE)
    change = Transaction.objects.get(term__policy=policy, kind="endorsement")
    assert [charge.amount_minor for charge in change.charges.all()] == [183_562, 8_591]
    assert left_to_pay(policy) == preview.owed_after_minor == 1_071_800 + 192_153


def test_a_preview_that_is_out_of_date_is_shown_again_instead_of_run(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    url = reverse("endorse", args=[policy.id])
    seen = pages.previewed(client, url, ENDORSE).context["confirm"]
    answer = client.post(url, {**ENDORSE, "premium": "20,000.00", "confirm": seen})
    assert answer.status_code == 200 and "What you saw before is out of date" in read(answer).text
    assert not Transaction.objects.filter(term__policy=policy, kind="endorsement").exists()
    pages.confirmed(client, url, {**ENDORSE, "change": "", "premium": "11,000.00"})
    answer = client.post(url, {**ENDORSE, "confirm": seen})
    assert answer.status_code == 200, "another endorsement was written since: the same words mean other figures"


def test_a_cancellation_shows_return_retained_and_deadline_before_it_happens(house: House) -> None:
    """Two of 365 days earned of 10,000: 54.79; 9,945.21 comes back, of which nothing was paid."""
    policy, client = books.bound(house), client_of(house)
    url = reverse("cancel", args=[policy.id])
    shown = pages.previewed(client, url, CANCEL)
    preview = shown.context["preview"]
    figures = {row.label: row.amount_minor for row in preview.figures}
    assert figures == {"Return premium": 994_521, "Earned until then": 5_479, "Retained beyond what is earned": 0}
    assert "Return premium to be paid by" in read(shown).text
    pages.confirmed(client, url, CANCEL)
    policy.refresh_from_db()
    assert policy.state == "cancelled" and left_to_pay(policy) == preview.owed_after_minor
    assert Cancellation.objects.get(term__policy=policy).transaction is not None


def test_a_cancellation_to_come_is_announced_and_rescinded(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    pages.confirmed(client, reverse("cancel", args=[policy.id]), {**CANCEL, "effective_on": "2026-05-19"})
    page = read(client.get(reverse("policy", args=[policy.id])))
    assert "Cancellation pending for 2026-05-19" in page.text and "Rescind cancellation…" in page.links
    assert "Cancel…" not in page.links, "a second one would be refused"
    assert policy.number in read(client.get("/policies/?show=cancelling")).links
    client.post(reverse("policies:rescind", args=[policy.id]), {"reason": "Paid in time"})
    assert Cancellation.objects.get(term__policy=policy).state == "rescinded"
    assert policy.number not in read(client.get("/policies/?show=cancelling")).links


def test_an_announced_cancellation_takes_effect_once_its_day_has_come(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    pages.confirmed(client, reverse("cancel", args=[policy.id]), {**CANCEL, "effective_on": "2026-02-04"})
    url = reverse("policies:take-effect", args=[policy.id])
    early = client.post(url)
    assert early.status_code == 422 and "takes effect on 2026-02-04" in read(early).text
    clock.advance(dt.timedelta(days=2))
    assert url in read(client.get(reverse("policy", args=[policy.id]))).links.values()
    assert "Cancelled as of 2026-02-04." in read(client.post(url, follow=True)).text


def test_a_reinstatement_asks_for_a_statement_of_no_loss_and_shows_the_lapse(house: House) -> None:
    """Fifteen days of 10,000 without cover: 410.96, credited by the program's way."""
    policy, client = books.bound(house), client_of(house)
    pages.confirmed(client, reverse("cancel", args=[policy.id]), CANCEL)
    clock.advance(dt.timedelta(days=15))
    url = reverse("reinstate", args=[policy.id])
    typed = {"reinstate_on": "2026-02-17", "reason": "Paid what was due"}
    preview = pages.previewed(client, url, typed)
    assert "15 days, from 2026-02-02" in read(preview).text
    refused = client.post(url, {**typed, "confirm": preview.context["confirm"]})
    assert refused.status_code == 422 and "no_loss" in refused.context["form"].errors
    pages.confirmed(client, url, {**typed, "no_loss": "on"})
    policy.refresh_from_db()
    written = sum(row.written_minor for term in policy.terms.all() for row in _segments(term))
    assert (policy.state, written) == ("issued", 1_000_000 - 41_096)


def _segments(term: Term) -> Any:
    return [row for change in term.transactions.all() for row in change.segments.all()]


def test_a_renewal_is_offered_with_its_figures_and_accepted(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    clock.advance(dt.timedelta(days=330))
    url = reverse("offer-renewal", args=[policy.id])
    preview = pages.previewed(client, url, TYPED["offer-renewal"]).context["preview"]
    assert preview.total_minor == 950_000 + 25_000 + 44_460
    pages.confirmed(client, url, TYPED["offer-renewal"])
    assert policy.number in read(client.get("/policies/?show=renewing")).links
    client.post(reverse("policies:accept-renewal", args=[policy.id]))
    assert [term.state for term in policy.terms.order_by("number")] == ["in_force", "in_force"]


def test_a_rewrite_shows_both_policies(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    url = reverse("rewrite", args=[policy.id])
    preview = pages.previewed(client, url, TYPED["rewrite"]).context["preview"]
    assert [row.amount_minor for row in preview.others] == [900_000, 25_000, 42_120]
    page = read(pages.confirmed(client, url, TYPED["rewrite"]))
    assert "rewritten as P-NEW" in page.text
    assert Policy.objects.get(number="P-NEW").rewrites_id == policy.id


def test_an_undone_endorsement_leaves_every_figure_as_it_was(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    before = left_to_pay(policy)
    pages.confirmed(client, reverse("endorse", args=[policy.id]), ENDORSE)
    wrong = Transaction.objects.get(term__policy=policy, kind="endorsement")
    url = reverse("undo", args=[policy.id])
    assert client.get(f"{url}?transaction={wrong.id}").context["form"]["transaction"].value() == wrong.id
    pages.confirmed(client, url, {"transaction": wrong.id, "reason": "Other policy"})
    assert left_to_pay(policy) == before
    assert "Undone" in read(client.get(reverse("policy", args=[policy.id]))).text


def test_another_plan_bills_what_its_preview_shows(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    url = reverse("change-plan", args=[policy.id])
    preview = pages.previewed(client, url, TYPED["change-plan"]).context["preview"]
    pages.confirmed(client, url, TYPED["change-plan"])
    rows = Installment.objects.filter(policy=policy, invoice__isnull=True, replaced_by__isnull=True).order_by("due_on")
    assert [row.due_on for row in rows] == [each.due_on for each in preview.after]
    assert preview.before_minor == preview.after_minor == 1_071_800


def test_every_plan_is_compared_before_one_is_bound(house: House) -> None:
    from policies import lifecycle

    policy = lifecycle.quote(request=books.request(), actor=house.me)
    client, url = client_of(house), reverse("bind", args=[policy.id])
    page = read(client.get(url))
    assert all(words in page.text for words in ("Full", "Halves", "Thirds", "5,359.00", "3,644.12"))
    shown = pages.previewed(client, url, {"plan": "thirds"}).context["preview"]
    pages.confirmed(client, url, {"plan": "thirds"})
    rows = Installment.objects.filter(policy=policy).order_by("sequence")
    assert [(row.due_on, row.bill_on) for row in rows] == [(each.due_on, each.bill_on) for each in shown.installments]


@pytest.mark.parametrize(
    ("page", "change", "field", "words"),
    [
        ("endorse", {"effective_on": "2030-01-01"}, "effective_on", "2030"),
        ("endorse", {"premium": "-5"}, "premium", "zero or more"),
        ("endorse", {"premium": "5.00", "change": "5.00"}, "change", "not both"),
        ("endorse", {"premium": "ten"}, "premium", "is not an amount"),
        ("cancel", {"effective_on": "2025-01-01"}, "effective_on", "2025"),
        ("cancel", {"method": "flat"}, "effective_on", ""),
        ("change-plan", {"due_day": "32"}, "due_day", "31"),
        ("rewrite", {"number": "TAKEN"}, "number", "is taken"),
    ],
)
def test_what_is_refused_is_said_at_its_field(
    house: House, page: str, change: dict[str, str], field: str, words: str
) -> None:
    books.bound(house, number="TAKEN")
    policy = books.bound(house)
    answer = client_of(house).post(reverse(page, args=[policy.id]), {**TYPED[page], **change})
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[field])


@pytest.mark.parametrize("page", [*TYPED, "audit", "undo", "reinstate", "bind"])
def test_who_may_not_write_is_refused_and_strangers_find_nothing(house: House, page: str) -> None:
    policy = books.bound(house)
    url = reverse(page, args=[policy.id])
    assert client_of(house, "viewer").get(url).status_code == 403
    assert world.pages(world.member(house.carrier, "billing")).get(url).status_code == 404
    assert world.pages(world.member(world.organization())).get(url).status_code == 404


def test_earned_and_unearned_make_up_written_on_the_day_asked_for(house: House) -> None:
    """Half of the premium of 365 days on day 146: 10,000 x 146 / 365 = 4,000 earned, 6,000 not."""
    policy, client = books.bound(house), client_of(house, "viewer")
    page = read(client.get(reverse("earned", args=[policy.id]), {"on": "2026-06-26"}))
    assert "146 of 365 days have run on 2026-06-26" in page.text
    assert "4,000.00" in page.text and "6,000.00" in page.text


def test_the_page_of_a_long_life_takes_no_more_questions_than_that_of_a_short_one(house: House) -> None:
    short, long, client = books.billed(house).policy, books.billed(house).policy, client_of(house, "admin")
    for number in range(3):
        typed = {**ENDORSE, "effective_on": f"2026-03-0{number + 2}", "premium": f"1{number + 2},000.00"}
        pages.confirmed(client, reverse("endorse", args=[long.id]), typed)
    pages.confirmed(client, reverse("endorse", args=[short.id]), ENDORSE)
    for name in ("policy", "earned"):
        asked = [pages.questions(client, reverse(name, args=[policy.id])) for policy in (short, long)]
        assert asked[0] == asked[1], name
