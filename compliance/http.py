"""From a request to an actor: the one door for API keys, sessions and pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from compliance import access, identity
from compliance.models import User
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor

ORGANIZATION_IN_SESSION = "organization_id"


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer key_….secret`."""

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Send the header as: Authorization: Bearer <key>.")
        actor = identity.actor_for_token(words[1].decode("latin-1"))
        if actor is None:
            raise AuthenticationFailed("This key is unknown, expired or revoked.")
        return KeyHolder(actor), actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="coverpay"'


class KeyHolder:
    """What DRF sees as the user behind a key."""

    is_authenticated = True
    is_active = True
    is_anonymous = False
    pk: str

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.pk = actor.id


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "compliance.http.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key of your organization."}


class SessionActor(SessionAuthentication):
    """A signed-in person using the API from the browser (CSRF checked)."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        return None if found is None else (found[0], actor_of(request._request))


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "compliance.http.SessionActor"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a signed-in request; `request.user` must be a `User`."""
    user = request.user
    assert isinstance(user, User)
    return identity.actor_for_user(user, request.session.get(ORGANIZATION_IN_SESSION))


def api_actor(request: Request) -> Actor:
    """The actor of an authenticated API request."""
    assert isinstance(request.auth, Actor)
    return request.auth


class HasPermission(BasePermission):
    """Let a request through when its actor holds what the view declares.

    A view declares `reads` for safe methods and `writes` for the others. A view that declares neither lets nobody in.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, Actor):
            return False
        safe = request.method in ("GET", "HEAD", "OPTIONS")
        needed: Permission | None = getattr(view, "reads" if safe else "writes", None)
        return needed is not None and access.may(request.auth, needed)


class StaffPage(LoginRequiredMixin):
    """A page of the back office: signed in, and holding what the page declares."""

    reads: Permission
    writes: Permission | None = None
    actor: Actor

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        self.actor = actor_of(request)
        needed = self.reads if request.method in ("GET", "HEAD", "OPTIONS") else (self.writes or self.reads)
        access.require(self.actor, needed)
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc,no-any-return]
