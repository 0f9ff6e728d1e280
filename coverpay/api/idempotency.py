"""Every POST under /v1 carries an Idempotency-Key and is carried out once, however often it is sent.

The caller is known before a key is claimed; requests of strangers are never kept. Answers below 500 are kept and
replayed; a fault of ours or `Busy` gives the key back, so that the same request may be sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from coverpay.api import claims
from coverpay.api.errors import Problem, as_response, describe, is_api
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import OpenCommand, witnessed
from coverpay.kernel.errors import Conflict

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_LENGTH = 255
_NOT_KEPT = (401, 429)


class IdempotencyMiddleware:
    """Claim the key before the view, keep the answer after it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or not is_api(request):
            return self.get_response(request)

        def witness(command: OpenCommand) -> None:
            if (mine := _claim_of(request)) is not None:
                claims.carried_out(mine, command.notes.get("object_id", ""))

        with witnessed(witness):
            response = self.get_response(request)
        if (mine := _claim_of(request)) is not None:
            _settle(mine, response)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if request.method != "POST" or not is_api(request):
            return None
        actor = _caller(request, view)
        if actor is None:
            return None
        key = request.headers.get(HEADER, "")
        if refusal := _check_key(key):
            return as_response(refusal)
        try:
            found = claims.claim(holder_id=actor.id, key=key, digest=_digest(request, view, actor))
        except Conflict as error:
            return as_response(_problem(error))
        if isinstance(found, claims.Answer):
            return _replay(found)
        request.idempotency_claim = found  # type: ignore[attr-defined]
        return None


def _claim_of(request: HttpRequest) -> claims.Claim | None:
    return getattr(request, "idempotency_claim", None)


def _caller(request: HttpRequest, view: Any) -> Actor | None:
    """Who sends it, or None for a request that the view itself refuses (nobody, a wrong key, no POST here)."""
    api_view = getattr(view, "cls", None)
    takes_post = "post" in getattr(view, "actions", ()) or hasattr(api_view, "post")
    if api_view is None or not takes_post:
        return None
    person = request.user
    try:
        auth = Request(request, authenticators=[kind() for kind in api_view.authentication_classes]).auth
    except APIException:
        return None
    finally:
        request.user = person  # the view authenticates for itself, and may have to say why not
    return auth if isinstance(auth, Actor) else None


def _check_key(key: str) -> Problem | None:
    if not key:
        said = f"Send the header {HEADER} with every POST: any text unique to this request, such as a UUID."
        return Problem(400, "idempotency_key_required", said, field=HEADER)
    if len(key) > MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        said = f"{HEADER} takes up to {MAX_KEY_LENGTH} printable ASCII characters."
        return Problem(400, "idempotency_key_invalid", said, field=HEADER)
    return None


def _problem(error: Conflict) -> Problem:
    found = describe(error)
    assert found is not None
    return found


def _settle(mine: claims.Claim, response: HttpResponse) -> None:
    if response.status_code >= 500 or response.status_code in _NOT_KEPT or response.streaming:
        claims.release(mine)
        return
    content_type = response.headers.get("Content-Type", "")
    claims.keep(mine, claims.Answer(response.status_code, content_type, response.content))


def _replay(answer: claims.Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type, headers={REPLAYED: "true"})


def _digest(request: HttpRequest, view: Any, actor: Actor) -> str:
    """Hash what was asked and for whom. A form is hashed by its fields and files, whatever its boundary."""
    parts = [request.method, request.path, request.META.get("QUERY_STRING", ""), actor.organization_id]
    digest = hashlib.sha256()
    for part in parts:
        _add(digest, str(part).encode())
    is_form = request.content_type == "multipart/form-data"
    reads_forms = any(issubclass(parser, MultiPartParser) for parser in view.cls.parser_classes)
    for piece in _form(request) if is_form and reads_forms else [request.body]:
        _add(digest, piece)
    return digest.hexdigest()


def _add(digest: Any, piece: bytes) -> None:
    digest.update(len(piece).to_bytes(8, "big"))
    digest.update(piece)


def _form(request: HttpRequest) -> Iterator[bytes]:
    for name, values in sorted(request.POST.lists()):
        for value in values:
            yield from (b"field", name.encode(), str(value).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            yield from (b"file", name.encode(), str(file.name).encode(), _file_digest(file))


def _file_digest(file: Any) -> bytes:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.digest()
