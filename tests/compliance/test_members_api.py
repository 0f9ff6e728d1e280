"""Members, the audit trail and the event log over the API."""

from __future__ import annotations

import pytest

from compliance import audit, events
from compliance.models import User
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from tests.support import world

pytestmark = pytest.mark.django_db


@command
def _say(*, organization_id: str, actor: Actor) -> str:
    record = events.record(type="policy.bound", organization_id=organization_id, object_id="pol_x", data={"n": 1})
    audit.record(action="test.say", object_id="pol_x", organization_id=organization_id, reason="because")
    return record.id


def test_an_administrator_gives_a_person_a_role_by_address() -> None:
    org = world.organization()
    User.objects.create_user("new@example.org", world.PASSWORD, name="New Person")
    answer = world.api(org).post("members", {"email": "New@Example.org", "role": "cash"})
    assert answer.status_code == 201
    assert (answer.json()["email"], answer.json()["role"]) == ("new@example.org", "cash")
    assert [row["role"] for row in world.api(org).get("members", role="cash").json()["data"]] == ["cash"]


def test_an_address_nobody_signs_in_with_is_refused_by_field() -> None:
    answer = world.api(world.organization()).post("members", {"email": "ghost@example.org", "role": "cash"})
    assert (answer.status_code, answer.json()["field"]) == (422, "email")


def test_events_and_entries_are_seen_by_their_organization_only() -> None:
    ours, theirs = world.organization(), world.organization()
    _say(organization_id=ours.id, actor=world.TESTER)
    mine = world.api(ours)
    assert [row["type"] for row in mine.get("events", type="policy.bound").json()["data"]] == ["policy.bound"]
    assert mine.get("audit-entries", action="test.say").json()["data"][0]["reason"] == "because"
    other = world.api(theirs)
    assert other.get("events").json() == {"data": [], "next": None}
    assert other.get("audit-entries", action="test.say").json()["data"] == []


def test_one_event_of_others_is_not_found() -> None:
    event_id = _say(organization_id=world.organization().id, actor=world.TESTER)
    answer = world.api(world.organization()).get(f"events/{event_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_catalog_lists_every_event_type() -> None:
    listed = world.api(world.organization(), Permission.POLICIES_READ).get("event-types").json()
    assert {row["type"]: row["description"] for row in listed} == events.CATALOG


def test_an_event_outside_the_catalog_is_never_recorded() -> None:
    org = world.organization()

    @command
    def invent(*, actor: Actor) -> None:
        events.record(type="policy.exploded", organization_id=org.id, object_id="x", data={})

    with pytest.raises(events.UnknownEventType):
        invent(actor=world.TESTER)


def test_entries_made_through_the_api_carry_the_request_id() -> None:
    org = world.organization()
    api = world.api(org)
    answer = api.post("api-keys", {"name": "x", "scopes": ["policies.read"], "days": 1})
    entry = api.get("audit-entries", object_id=answer.json()["id"]).json()["data"][0]
    assert entry["request_id"] == answer["X-Request-ID"] != ""
    assert entry["actor_kind"] == "api_key"
