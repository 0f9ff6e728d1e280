"""Every refusal in one shape: RFC 9457 problems under /v1, error pages elsewhere."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import TemplateDoesNotExist, loader
from django.utils.html import escape
from django_fsm import TransitionNotAllowed
from drf_standardized_errors.formatter import flatten_errors
from rest_framework import exceptions
from rest_framework.response import Response

from coverpay.kernel.errors import Busy, DomainError, IllegalTransition, Invalid

MEDIA_TYPE = "application/problem+json"
API_PREFIX = "/v1/"
UNIQUE_VIOLATION = "23505"


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One refusal, ready to be rendered. `more` holds what the kind of refusal adds, such as citation or errors."""

    status: int
    code: str
    detail: str
    field: str | None = None
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        about: dict[str, Any] = {
            "type": f"urn:coverpay:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.field is not None:
            about["field"] = self.field
        return {**self.more, **about, "request_id": request_id()}


def request_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def describe(error: Exception) -> Problem | None:
    """Give the problem that an exception is, or None for a fault of ours."""
    match error:
        case DomainError():
            headers = {"Retry-After": "1"} if isinstance(error, Busy) else {}
            headers |= error.extra.get("headers", {})
            more = {name: value for name, value in error.extra.items() if name != "headers"}
            return Problem(error.status, error.code, error.message, error.field, more, headers)
        case TransitionNotAllowed():
            state = getattr(error.object, "state", "its state")
            return Problem(409, IllegalTransition.code, f"This cannot be done while it is {state}.")
        case exceptions.ValidationError():
            return _invalid(error)
        case exceptions.APIException():
            return _refused(error)
        case Http404():
            return Problem(404, "not_found", "There is nothing at this address.")
        case PermissionDenied():
            return Problem(403, "forbidden", "This is not allowed to you.")
        case RequestDataTooBig():
            return Problem(413, "too_large", "The request is larger than we accept.")
        case SuspiciousOperation():
            return Problem(400, "bad_request", "The request could not be read.")
        case IntegrityError() if getattr(error.__cause__, "sqlstate", None) == UNIQUE_VIOLATION:
            return Problem(409, "already_exists", "This exists already; someone may have made it a moment ago.")
    return None


def _invalid(error: exceptions.ValidationError) -> Problem:
    errors = [
        {"field": found.attr, "code": found.code, "message": found.detail} for found in flatten_errors(error.detail)
    ]
    first = errors[0] if errors else {"field": None, "message": "The request is not valid."}
    detail = f"{first['field']}: {first['message']}" if first["field"] else str(first["message"])
    return Problem(Invalid.status, Invalid.code, detail, first["field"], {"errors": errors})


def _refused(error: exceptions.APIException) -> Problem:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    code = error.get_codes()
    return Problem(error.status_code, code if isinstance(code, str) else "refused", str(error.detail), headers=headers)


def problem(error: Exception, context: Any) -> Response | None:
    """Render what a view raised (the EXCEPTION_HANDLER of REST_FRAMEWORK). A fault of ours goes on as it is."""
    found = describe(error)
    if found is None:
        return None
    return Response(found.body(), found.status, headers=dict(found.headers), content_type=MEDIA_TYPE)


def as_response(found: Problem) -> JsonResponse:
    return JsonResponse(found.body(), status=found.status, headers=dict(found.headers), content_type=MEDIA_TYPE)


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIX)


class DomainErrorMiddleware:
    """Turn a refusal raised outside DRF into a problem or an error page, never into a 500.

    What the API answers is kept by no cache: it is somebody's money, and at times a secret shown once.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if is_api(request):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError | TransitionNotAllowed | IntegrityError):
            return None
        found = describe(error)
        return None if found is None else _answer(request, found)


def refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The answer to a request that is refused before any view sees it."""
    headers = error.extra.get("headers", {})
    more = {name: value for name, value in error.extra.items() if name != "headers"}
    return _answer(request, Problem(error.status, error.code, error.message, error.field, more, headers))


def _answer(request: HttpRequest, found: Problem) -> HttpResponse:
    return as_response(found) if is_api(request) else _page(request, found)


def _page(request: HttpRequest | None, found: Problem) -> HttpResponse:
    context = {"problem": found.body(), "message": found.detail}
    names = [f"errors/{found.status}.html", "errors/error.html"]
    try:
        content = loader.select_template(names).render(context, request)
    except TemplateDoesNotExist:
        content = f"<!doctype html><title>{found.status}</title><h1>{found.status}</h1><p>{escape(found.detail)}</p>"
    return HttpResponse(content, status=found.status, headers=dict(found.headers))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, describe(exception) or Problem(400, "bad_request", "The request could not be read."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, Problem(403, "forbidden", "This is not allowed to you."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, Problem(404, "not_found", f"There is nothing at {request.path}."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for a fault of ours; the page is rendered without the request, whose session may be what failed.

    A database that is away for a moment is no fault in the code: 503, and the same request may be sent again.
    """
    found = Problem(500, "internal_error", "Something went wrong on our side. Nothing was left half done.")
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        said = "The database cannot be reached right now. Nothing was left half done; send it again in a moment."
        found = Problem(503, "unavailable", said, headers={"Retry-After": "5"})
    return as_response(found) if is_api(request) else _page(None, found)
