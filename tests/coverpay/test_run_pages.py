"""The pages of the nightly runs: begin one for a date, see its progress and what it could not do."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from billing import runs
from billing.models import BillingRun
from coverpay.kernel import clock, jobs
from tests.support import pages, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db


def client_of(house: House, role: str = "billing") -> Any:
    return world.pages(world.member(house.operator, role))


def failed(house: House) -> BillingRun:
    """A run of today in which two of three invoices went out."""
    run = runs.begin(organization_id=house.operator.id, run_on=clock.today(), actor=house.me)
    runs.count(run_id=run.id, name="issue_invoices", due=3, failed=0, amount_minor=0, actor=house.me)
    runs.fail(
        run_id=run.id, name="issue_invoices", object_id="pol_seeded", code="busy", message="Someone works on it.",
        due=3, failed=1, actor=house.me,
    )  # fmt: skip
    return run


def test_a_run_is_begun_for_a_date_and_a_worker_woken(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[tuple[str, ...]] = []
    monkeypatch.setattr(jobs, "wake", lambda *said: woken.append(said))
    client = client_of(house)
    page = read(client.post("/billing/runs/", {"date": "2026-02-01"}, follow=True))
    assert "Run of 2026-02-01" in page.text and "looks again by itself" in page.text
    assert woken == [("nightly.run", house.operator.id, "2026-02-01")]
    assert "2026-02-01" in read(client.get("/billing/runs/")).links


def test_a_day_to_come_is_refused_at_its_field(house: House) -> None:
    answer = client_of(house).post("/billing/runs/", {"date": "2026-02-03"})
    assert answer.status_code == 422 and "has come" in " ".join(answer.context["form"].errors["date"])
    assert not BillingRun.objects.exists()


def test_what_could_not_be_done_is_listed_with_why(house: House) -> None:
    run, client = failed(house), client_of(house, "viewer")
    page = read(client.get(reverse("run", args=[run.id])))
    assert all(words in page.text for words in ("Issue invoices", "Someone works on it.", "busy"))
    assert "date" not in read(client.get("/billing/runs/")).fields, "a viewer begins none"


def test_strangers_find_no_run_and_viewers_begin_none(house: House) -> None:
    url = reverse("run", args=[failed(house).id])
    assert world.pages(world.member(world.organization())).get(url).status_code == 404
    assert client_of(house, "viewer").post("/billing/runs/", {"date": "2026-02-01"}).status_code == 403


def test_many_runs_take_no_more_questions_than_one(house: House) -> None:
    client = client_of(house)
    failed(house)
    few = pages.questions(client, "/billing/runs/")
    for day in range(1, 5):
        runs.begin(organization_id=house.operator.id, run_on=clock.today().replace(month=1, day=day), actor=house.me)
    assert pages.questions(client, "/billing/runs/") == few
