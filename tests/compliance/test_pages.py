"""The settings pages: members and roles, keys whose token is shown once, the audit trail."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from compliance import identity
from compliance.models import ApiKey, Membership, User
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db
KEY = {"name": "Nightly export", "days": "30", "scopes": ["policies.read", "billing.read"]}


def test_a_new_key_shows_its_token_once_and_the_token_works() -> None:
    org = world.organization()
    client = world.pages(world.member(org))
    answer = client.post("/settings/keys/", KEY)
    (token,) = re.findall(r"key_\w+\.[\w-]+", answer.content.decode())
    actor = identity.actor_for_token(token)
    assert actor is not None and actor.permissions == frozenset(KEY["scopes"])
    assert answer["Cache-Control"] == "no-store"
    page = client.get("/settings/keys/")
    assert token not in page.content.decode() and "Nightly export" in read(page).text


def test_a_key_that_cannot_be_made_says_why_at_its_field() -> None:
    client = world.pages(world.member(world.organization()))
    for change, name in (({"days": "400"}, "days"), ({"scopes": []}, "scopes"), ({"scopes": ["all"]}, "scopes")):
        answer = client.post("/settings/keys/", {**KEY, **change})
        assert answer.status_code == 422 and name in answer.context["form"].errors
    assert not ApiKey.objects.exists()


def test_a_revoked_key_is_refused_from_then_on() -> None:
    org = world.organization()
    client = world.pages(world.member(org))
    token = world.token(org)
    key = ApiKey.objects.get(organization=org)
    page = read(client.post(reverse("compliance:revoke-key", args=[key.id]), follow=True))
    assert "is revoked" in page.text and "Revoked" in page.text
    assert identity.actor_for_token(token) is None


def test_a_role_is_changed_and_given_by_email() -> None:
    org = world.organization()
    admin, other = world.member(org), world.member(org, "viewer")
    new = User.objects.create_user("new@example.org", world.PASSWORD)
    client = world.pages(admin)
    member = Membership.objects.get(user=other)
    page = read(client.post(reverse("compliance:role", args=[member.id]), {"role": "cash"}, follow=True))
    assert f"{other} is now Cash." in page.text
    client.post("/settings/members/", {"email": "NEW@example.org", "role": "finance"})
    assert Membership.objects.get(user=new).role == "finance"
    nobody = client.post("/settings/members/", {"email": "ghost@example.org", "role": "cash"})
    assert nobody.status_code == 422 and "email" in nobody.context["form"].errors
    assert (
        "Choose one of the roles"
        in read(client.post(reverse("compliance:role", args=[member.id]), {"role": "king"}, follow=True)).text
    )


def test_compliance_reads_members_but_changes_nothing() -> None:
    org = world.organization()
    client = world.pages(world.member(org, "compliance"))
    page = read(client.get("/settings/members/"))
    assert [address for address in page.posts_to if "settings" in address or not address] == []
    assert client.post("/settings/members/", {"email": "a@example.org", "role": "admin"}).status_code == 403


def test_the_audit_trail_finds_an_object_and_shows_before_and_after(house: House) -> None:
    policy = books.bound(house)
    client = world.pages(world.member(house.operator, "compliance"))
    page = read(client.get(f"/settings/audit/?q={policy.id}"))
    assert "policy.quote" in page.text and "policy.bind" in page.text
    assert "quoted → bound" in page.text
    assert page.links[policy.id] == reverse("go", args=[policy.id])
    assert "policy.bind" not in read(client.get("/settings/audit/?q=membership")).text


def test_a_person_acts_only_for_organizations_they_belong_to(house: House) -> None:
    second, third = world.organization(), world.organization()
    person = world.member(house.operator)
    world.member(second, "viewer", person.email)
    client = world.pages(person)
    policy = books.bound(house)
    own = reverse("policy", args=[policy.id])
    assert client.get(own).status_code == 200
    client.post("/organization/", {"organization": second.id})
    assert client.get(own).status_code == 404
    assert client.get("/ledger/").status_code == 403, "a viewer there, whatever the role elsewhere"
    for wrong in (third.id, "", "x\x00"):
        assert client.post("/organization/", {"organization": wrong}).status_code == 404
    client.post("/organization/", {"organization": house.operator.id})
    assert client.get(own).status_code == 200
