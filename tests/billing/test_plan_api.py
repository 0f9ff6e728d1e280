"""Previews, comparisons and changes of plan under /v1."""

from __future__ import annotations

import pytest

from billing.models import Schedule
from compliance.permissions import Permission
from policies import lifecycle
from policies.models import Policy
from tests.support import books, changes, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
READ = (Permission.BILLING_READ, Permission.POLICIES_READ)


def quoted(house: House) -> Policy:
    return lifecycle.quote(request=books.request(), actor=house.me)


def test_a_quote_is_previewed_before_it_is_bound(house: House) -> None:
    policy = quoted(house)
    answer = world.api(house.operator, *READ).post("schedules/preview", {"policy": policy.id, "plan": "full"})
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert (shown["plan_version"], shown["total_minor"], len(shown["installments"])) == ("full v1", 1_071_800, 1)
    assert not Schedule.objects.exists()


def test_plans_are_compared(house: House) -> None:
    answer = world.api(house.operator, *READ).post("plan-comparisons", {"policy": quoted(house).id})
    found = {option["plan"]: option["number"] for option in answer.json()["options"]}
    assert set(found) == set(books.PLANS)
    assert (found["full"], found["halves"], found["thirds"]) == (1, 2, 3)


def test_an_endorsement_is_previewed(house: House) -> None:
    """Half of 10,000.00 with fee and tax twice 5,359.00 to come; 100.00 more goes evenly on both dates."""
    body = {"policy": books.bound(house).id, "effective_on": "2026-03-01", "change_minor": 10_000}
    shown = world.api(house.operator, *READ).post("schedules/endorsement-preview", body).json()
    assert (shown["before_minor"], shown["after_minor"], shown["credited_minor"]) == (1_071_800, 1_081_800, 0)
    assert [each["total_minor"] for each in shown["after"]] == [540_900, 540_900]


def test_a_change_of_plan_is_previewed_and_made_with_the_same_figures(house: House) -> None:
    policy, api = books.bound(house), world.api(house.operator, *READ, Permission.BILLING_WRITE)
    body = {"policy": policy.id, "plan": "thirds", "due_day": 10}
    shown = api.post("plan-changes/preview", body).json()
    made = api.post("plan-changes", body)
    assert made.status_code == 201, made.content
    assert (made.json()["number"], made.json()["reason"]) == (2, "Plan changed to thirds, due on day 10")
    after = [(each["due_on"], each["total_minor"]) for each in shown["after"]]
    assert after == changes.dates(policy.terms.get())


def test_who_only_reads_changes_no_plan_and_bad_fields_are_named(house: House) -> None:
    policy, reader = books.bound(house), world.api(house.operator, *READ)
    assert reader.post("plan-changes", {"policy": policy.id, "plan": "full"}).status_code == 403
    writer = world.api(house.operator, *READ, Permission.BILLING_WRITE)
    late = writer.post("plan-changes", {"policy": policy.id, "plan": "full", "due_day": 32})
    assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "due_day")
    unknown = writer.post("plan-changes", {"policy": policy.id, "plan": "nope"})
    assert (unknown.status_code, unknown.json()["field"]) == (404, "plan")
    stranger = world.api(world.organization("agency"), *READ)
    assert stranger.post("plan-comparisons", {"policy": policy.id}).status_code == 404
