"""Lists by cursor: each row once, newest first, whatever is added meanwhile."""

from __future__ import annotations

import pytest

from compliance import audit, events
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from tests.support import world
from tests.support.world import Api

pytestmark = pytest.mark.django_db


@command
def _say(*, org: Organization, count: int, actor: Actor) -> None:
    for number in range(count):
        events.record(type="policy.bound", organization_id=org.id, object_id=f"obj_{number}", data={})
    audit.record(action="test.say", object_id="x", organization_id=org.id)


def _walk(api: Api, limit: int) -> list[str]:
    seen: list[str] = []
    page = api.get("events", limit=limit).json()
    while True:
        assert len(page["data"]) <= limit
        seen += [row["id"] for row in page["data"]]
        if page["next"] is None:
            return seen
        page = api.get("events", limit=limit, after=page["next"]).json()


@pytest.mark.parametrize(("count", "limit"), [(0, 5), (1, 1), (5, 5), (6, 5), (11, 5)])
def test_every_row_is_listed_once_newest_first(count: int, limit: int) -> None:
    org = world.organization()
    _say(org=org, count=count, actor=world.TESTER)
    seen = _walk(world.api(org, Permission.EVENTS_READ), limit)
    assert len(seen) == len(set(seen)) == count
    assert seen == sorted(seen, reverse=True)


def test_rows_added_meanwhile_do_not_move_the_pages() -> None:
    org = world.organization()
    _say(org=org, count=4, actor=world.TESTER)
    api = world.api(org)
    first = api.get("events", limit=2).json()
    _say(org=org, count=3, actor=world.TESTER)
    second = api.get("events", limit=2, after=first["next"]).json()
    assert [row["object_id"] for row in first["data"] + second["data"]] == ["obj_3", "obj_2", "obj_1", "obj_0"]
    assert second["next"] is None


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1e3", "", "٣"])
def test_a_page_has_one_to_two_hundred_rows(limit: str) -> None:
    answer = world.api(world.organization()).get("events", limit=limit)
    assert (answer.status_code, answer.json()["field"]) == (422, "limit")


def test_the_cursor_of_another_list_is_refused() -> None:
    answer = world.api(world.organization()).get("events", after="key_" + "0" * 26)
    assert (answer.status_code, answer.json()["field"]) == (422, "after")


def test_a_filter_by_a_row_of_others_tells_nothing_about_it() -> None:
    ours, theirs = world.organization(), world.organization()
    made = world.api(theirs).post("webhook-endpoints", {"url": "https://93.184.215.14/hook"})
    assert made.status_code == 201
    answers = [
        world.api(ours).get("webhook-deliveries", endpoint=endpoint)
        for endpoint in (made.json()["id"], "whe_" + "0" * 26)
    ]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"data": [], "next": None})] * 2
