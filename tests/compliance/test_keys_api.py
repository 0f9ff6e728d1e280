"""API keys over the API: issued once, limited by scope and time, ended at once."""

from __future__ import annotations

import datetime as dt

import pytest

from compliance.models import ApiKey
from compliance.permissions import Permission
from coverpay.kernel import clock
from tests.support import world
from tests.support.world import Api

pytestmark = pytest.mark.django_db

NEW = {"name": "importer", "scopes": ["policies.read"], "days": 10}


def test_a_new_key_is_shown_once_and_only_its_hash_is_kept() -> None:
    ours = world.api(world.organization())
    issued = ours.post("api-keys", NEW)
    assert issued.status_code == 201
    token = issued.json()["token"]
    row = ApiKey.objects.get(pk=issued.json()["id"])
    assert token.partition(".")[2] not in str(vars(row))
    assert "token" not in ours.get(f"api-keys/{row.id}").json()
    assert Api(token).get("policies").status_code == 200


def test_a_key_does_no_more_than_its_scopes() -> None:
    org = world.organization()
    answer = world.api(org, Permission.POLICIES_READ).get("api-keys")
    assert answer.status_code == 403
    assert answer.json()["permission"] == "access.read"


def test_nobody_makes_a_key_wider_than_what_they_may_do_themselves() -> None:
    org = world.organization()
    narrow = world.api(org, Permission.ACCESS_READ, Permission.ACCESS_WRITE)
    answer = narrow.post("api-keys", {"name": "wide", "scopes": ["payments.write"], "days": 1})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "scope_too_wide", "scopes")


def test_a_revoked_key_opens_nothing_from_that_moment() -> None:
    org = world.organization()
    admin, token = world.api(org), world.token(org)
    key_id = token.partition(".")[0]
    assert Api(token).get("organizations").status_code == 200
    assert admin.post(f"api-keys/{key_id}/revoke").json()["revoked_at"] is not None
    assert Api(token).get("organizations").status_code == 401


def test_an_expired_key_opens_nothing() -> None:
    org = world.organization()
    token = world.token(org, days=1)
    with clock.frozen(clock.now() + dt.timedelta(days=1, seconds=1)):
        answer = Api(token).get("organizations")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer key_x.y", "Bearer \xff", "Basic abc", "bearer ."])
def test_a_malformed_authorization_is_a_401_never_a_500(header: str) -> None:
    client = Api().client
    assert client.get("/v1/organizations", headers={"Authorization": header}).status_code == 401


def test_the_right_id_with_the_wrong_secret_is_refused() -> None:
    token = world.token(world.organization())
    assert Api(token[:-1] + ("A" if token[-1] != "A" else "B")).get("organizations").status_code == 401


def test_a_key_of_another_organization_cannot_be_revoked_or_seen() -> None:
    theirs = world.token(world.organization()).partition(".")[0]
    ours = world.api(world.organization())
    assert ours.get(f"api-keys/{theirs}").status_code == 404
    assert ours.post(f"api-keys/{theirs}/revoke").status_code == 404
    assert theirs not in str(ours.get("api-keys").json())
