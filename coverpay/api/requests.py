"""Give every request an id that logs, audit entries, problems and the answer share."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from coverpay.kernel import ids

HEADER = "X-Request-ID"
META = "HTTP_X_REQUEST_ID"
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
