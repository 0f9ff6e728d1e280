"""Make what tests need by the same commands everyone uses: organizations, people, keys, and a way to call the API."""

from __future__ import annotations

import itertools
from typing import Any

from django.http import HttpResponse
from django.test import Client
from rest_framework.test import APIClient

from compliance import identity
from compliance.models import Organization, User
from compliance.permissions import Permission
from coverpay.kernel import actors
from coverpay.kernel.actors import Actor

PASSWORD = "correct horse battery staple"
TESTER = actors.system("test")
_number = itertools.count(1)


def organization(kind: str = "mga", code: str = "") -> Organization:
    """Open an organization; a code is made up unless given."""
    code = code or f"{kind.replace('_', '-')}-{next(_number)}"
    return identity.create_organization(kind=kind, name=code.title(), code=code, actor=TESTER)


def member(of: Organization, role: str = "admin", email: str = "") -> User:
    """Add a person with a role; the password is `PASSWORD`."""
    email = email or f"{role}-{next(_number)}@example.org"
    user = User.objects.filter(email=email).first() or User.objects.create_user(email, PASSWORD, name=role.title())
    identity.set_role(user_id=user.id, organization_id=of.id, role=role, actor=TESTER)
    return user


def actor(of: Organization, role: str = "admin") -> Actor:
    """A person of the organization, as commands see them."""
    return identity.actor_for_user(member(of, role))


def token(of: Organization, *scopes: Permission, days: int = 30) -> str:
    """Issue a key of the organization; with every permission unless scopes are named."""
    issued = identity.issue_api_key(
        organization_id=of.id, name=f"key {next(_number)}", scopes=list(scopes or Permission), days=days, actor=TESTER
    )
    return issued.token


def pages(user: User) -> Client:
    """A browser in which the user is signed in."""
    client = Client()
    client.force_login(user)
    return client


class Api:
    """Call /v1 with a key. Every POST gets a key of its own unless one is given."""

    def __init__(self, bearer: str = "") -> None:
        self.client = APIClient(raise_request_exception=False)
        if bearer:
            self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {bearer}")

    def get(self, path: str, **parameters: Any) -> HttpResponse:
        return self.client.get(f"/v1/{path}", parameters)

    def post(self, path: str, body: Any = None, *, key: str = "", format: str = "json") -> HttpResponse:
        headers = {"Idempotency-Key": key or f"test-{next(_number)}"}
        return self.client.post(f"/v1/{path}", {} if body is None else body, format=format, headers=headers)

    def patch(self, path: str, body: Any) -> HttpResponse:
        return self.client.patch(f"/v1/{path}", body, format="json")


def api(of: Organization, *scopes: Permission) -> Api:
    return Api(token(of, *scopes))
