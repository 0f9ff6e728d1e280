"""From a request to an actor: the one door for keys, sessions and pages. Rows for an actor: `resources`."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponseBase
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from compliance import access, identity
from compliance.models import User
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor

if TYPE_CHECKING:  # DRF's settings import this module while views are still being loaded
    from rest_framework.views import APIView

ORGANIZATION_IN_SESSION = "organization_id"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Anyone(Enum):
    """What a view declares instead of a permission when every member and key may read it."""

    OF_THE_ORGANIZATION = "member"


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer key_….secret`. Looked up once a request, whoever asks again."""

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        known: Actor | None = getattr(request._request, "key_actor", None)
        actor = known or _actor_of_header(words)
        request._request.key_actor = actor  # type: ignore[attr-defined]
        return KeyHolder(actor), actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="coverpay"'


def _actor_of_header(words: list[bytes]) -> Actor:
    if len(words) != 2:
        raise AuthenticationFailed("Send the header as: Authorization: Bearer <key>.")
    try:
        actor = identity.actor_for_token(words[1].decode("ascii"))
    except UnicodeDecodeError:
        actor = None
    if actor is None:
        raise AuthenticationFailed("This key is unknown, expired or revoked.")
    return actor


class KeyHolder:
    """What DRF sees as the user behind a key."""

    is_authenticated = True
    is_active = True
    is_anonymous = False
    pk: str

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.pk = actor.id


class SessionActor(SessionAuthentication):
    """A signed-in person using the API from the browser (CSRF checked)."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        return None if found is None else (found[0], actor_of(request._request))


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
    A method the view does not have is left to be answered as such.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, Actor):
            return False
        if not hasattr(view, str(request.method).lower()):
            return True
        needed = getattr(view, "reads" if request.method in SAFE_METHODS else "writes", None)
        if needed is None:
            return False
        if needed is not Anyone.OF_THE_ORGANIZATION:
            access.require(request.auth, needed)
        return True


class StaffPage(LoginRequiredMixin):
    """A page of the back office: signed in, and holding what the page declares."""

    reads: Permission
    writes: Permission | None = None
    actor: Actor

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        self.actor = actor_of(request)
        needed = self.reads if request.method in SAFE_METHODS else (self.writes or self.reads)
        access.require(self.actor, needed)
        return super().dispatch(request, *args, **kwargs)
