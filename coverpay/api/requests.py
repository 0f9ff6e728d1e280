"""Give every request an id that logs, audit entries, problems and the answer share; log it without secrets."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware

from coverpay.kernel import ids

HEADER = "X-Request-ID"
META = "HTTP_X_REQUEST_ID"
_SECRET = re.compile(r"^/pay/(?!to/|at/)[^/?]+")
"""The address of a pay link: whoever knows what stands behind /pay/ can open it."""
_SHAPE = re.compile(r"[A-Za-z0-9._:-]{8,64}")


class RequestIdMiddleware:
    """Take the caller's X-Request-ID where it has a sane shape, else make one; the answer carries it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Not by request.headers, which would be frozen before the id is in it.
        given = request.META.get(META, "")
        request_id = given if _SHAPE.fullmatch(given) else ids.new("req")
        request.META[META] = request_id
        response = self.get_response(request)
        response[HEADER] = request_id
        return response


class RequestLogMiddleware(RequestMiddleware):
    """Log requests by method and address, the secret of a pay link left out."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        address = _SECRET.sub("/pay/***", request.get_full_path())
        return f"{request.method} {address}"
