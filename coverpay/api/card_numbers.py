"""Refuse every request that holds a card number: in its address, headers, query, form, file names or JSON.

The answer names the place and never says the number. Nothing later in the chain reads, keeps or logs such a request.
Webhooks of processors are exempt, for their bodies are verified and kept as they came; files are read by those who
import them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.parsers import MultiPartParser

from coverpay.api.errors import refusal
from coverpay.kernel import card_numbers
from coverpay.kernel.card_numbers import CardNumberRefused

HOOKS = "/hooks/"
UNREAD_HEADERS = frozenset({"Cookie"})
SEALED_FIELDS = frozenset({"account_number"})
"""A bank account's number may look like a card's; the command that seals it asks (`methods.add_bank_account`)."""


class CardNumberMiddleware:
    """Look a request over before anything of it is used: its head at once, its body when the view is known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        place = None if _exempt(request) else _in_head(request)
        return self.get_response(request) if place is None else _refused(request, place)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        place = None if _exempt(request) else _in_body(request, view)
        return None if place is None else _refused(request, place)


def _exempt(request: HttpRequest) -> bool:
    return request.path.startswith(HOOKS)


def _refused(request: HttpRequest, place: str) -> HttpResponse:
    request.path = request.path_info = card_numbers.masked(request.path)
    said = f"What was sent as {place} looks like a card number. Nothing was kept; card numbers are never sent here."
    return refusal(request, CardNumberRefused(said, field=place))


def _in_head(request: HttpRequest) -> str | None:
    if card_numbers.find(request.path) is not None:
        return "address"
    for name, value in request.headers.items():
        if name not in UNREAD_HEADERS and card_numbers.find(value) is not None:
            return name
    return _first(request.GET.lists())


def _in_body(request: HttpRequest, view: Any) -> str | None:
    kind = request.content_type
    if request.method not in ("POST", "PUT", "PATCH", "DELETE"):
        return None
    if kind == "multipart/form-data":
        # A form sent to a view that reads none is refused by it, unread.
        parsers = getattr(getattr(view, "cls", None), "parser_classes", [MultiPartParser])
        return _in_form(request) if any(issubclass(parser, MultiPartParser) for parser in parsers) else None
    if kind == "application/x-www-form-urlencoded":
        return _in_form(request)
    text = request.body.decode("utf-8", errors="replace")
    try:
        place = card_numbers.place_of(json.loads(text) if text else None, but=SEALED_FIELDS)
    except (ValueError, RecursionError):
        place = card_numbers.place_of(text)
    return "body" if place == "" else place


def _in_form(request: HttpRequest) -> str | None:
    names = ((name, [str(file.name) for file in files]) for name, files in request.FILES.lists())
    return _first(request.POST.lists()) or _first(names)


def _first(fields: Any) -> str | None:
    return next(_places(fields), None)


def _places(fields: Any) -> Iterator[str]:
    for name, values in fields:
        if card_numbers.find(name) is not None:
            yield "field name"
        elif name not in SEALED_FIELDS and any(card_numbers.find(str(value)) is not None for value in values):
            yield name
