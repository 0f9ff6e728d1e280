"""Signing in: by invitation, slowed down when guessed at, with a second factor for who wants one."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from django.test import Client

from compliance.models import Membership, User
from tests.support import world

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def nobody_failed_yet() -> None:
    cache.clear()


@pytest.fixture
def user() -> User:
    return world.member(world.organization(), "admin", "pat@example.org")


def _sign_in(client: Client, password: str, email: str = "pat@example.org") -> int:
    return client.post(LOGIN, {"login": email, "password": password}).status_code


def _is_in(client: Client) -> bool:
    return client.get("/settings/keys/").status_code == 200


def test_the_right_password_opens_the_back_office(user: User) -> None:
    client = Client()
    assert (_sign_in(client, world.PASSWORD), _is_in(client)) == (302, True)
    assert (client.post("/accounts/logout/").status_code, _is_in(client)) == (302, False)


def test_a_wrong_password_or_an_unknown_address_opens_nothing(user: User) -> None:
    client = Client()
    assert (_sign_in(client, "wrong"), _sign_in(client, world.PASSWORD, "ghost@example.org")) == (200, 200)
    assert not _is_in(client)


def test_somebody_who_was_switched_off_stays_out(user: User) -> None:
    User.objects.update(is_active=False)
    client = Client()
    _sign_in(client, world.PASSWORD)
    assert not _is_in(client)


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(user: User) -> None:
    client = Client()
    for _ in range(5):
        assert _sign_in(client, "wrong") == 200
    _sign_in(client, world.PASSWORD)
    assert not _is_in(client)
    assert "many failed" in client.post(LOGIN, {"login": user.email, "password": "x"}).content.decode()


def test_guessing_at_many_accounts_from_one_place_is_stopped(user: User) -> None:
    client = Client()
    statuses = [_sign_in(client, "wrong", f"ghost{number}@example.org") for number in range(40)]
    _sign_in(client, world.PASSWORD)
    assert not _is_in(client)
    assert set(statuses) <= {200, 429}


def test_nobody_signs_up_uninvited() -> None:
    new = {"email": "new@example.org", "password1": world.PASSWORD, "password2": world.PASSWORD}
    Client().post("/accounts/signup/", new)
    assert not User.objects.filter(email="new@example.org").exists()


def test_the_finance_admin_is_entered_by_the_same_door(user: User) -> None:
    User.objects.update(is_staff=True, is_superuser=True)
    answer = Client().post("/admin/login/", {"username": user.email, "password": world.PASSWORD})
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, LOGIN)


def _code_for(page: str) -> str:
    secret = re.search(r"\b[A-Z2-7]{32}\b", page)
    assert secret is not None
    return format_hotp_value(hotp_value(secret.group(), next(iter(yield_hotp_counters_from_time()))))


def test_a_second_factor_is_enrolled_with_the_password_and_then_asked_for(user: User) -> None:
    client, enrol = Client(), "/accounts/2fa/totp/activate/"
    _sign_in(client, world.PASSWORD)
    assert client.get(enrol)["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": world.PASSWORD})
    code = _code_for(client.get(enrol).content.decode())
    assert client.post(enrol, {"code": "000000" if code != "000000" else "000001"}).status_code == 200
    assert client.post(enrol, {"code": code}).status_code == 302
    other = Client()
    answer = other.post(LOGIN, {"login": user.email, "password": world.PASSWORD})
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert not _is_in(other)


def test_who_lost_their_last_role_sees_nothing(user: User) -> None:
    client = world.pages(user)
    assert client.get("/").status_code == 200
    Membership.objects.all().delete()
    assert client.get("/").status_code == 403
    assert client.get("/v1/policies").status_code == 403


def test_a_session_may_use_the_api_only_with_its_csrf_token(user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/v1/organizations").status_code == 200
    headers = {"Idempotency-Key": "k"}
    body = {"name": "x", "scopes": ["policies.read"], "days": 1}
    answer = client.post("/v1/api-keys", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
