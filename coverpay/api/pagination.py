"""Lists by cursor: newest first, the same rows whatever is added meanwhile."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from coverpay.kernel import ids
from coverpay.kernel.errors import Invalid
from coverpay.kernel.ids import IdField

DEFAULT_LIMIT = 25
MAX_LIMIT = 200


class ById(BasePagination):
    """`?limit=&after=`: rows with ids below `after`, answered as ``{"data": […], "next": id or null}``."""

    parameters: ClassVar = ("limit", "after")
    _next: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit = _limit(request.query_params.get("limit"))
        rows = queryset.order_by("-pk")
        if "after" in request.query_params:
            rows = rows.filter(pk__lt=_cursor(request.query_params["after"], queryset))
        found = list(rows[: limit + 1])
        self._next = str(found[limit - 1].pk) if len(found) > limit else None
        return found[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"data": data, "next": self._next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["data", "next"],
            "properties": {
                "data": schema,
                "next": {
                    "type": ["string", "null"],
                    "description": "Send it as `after` for the following page; null on the last one.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "limit",
                "in": "query",
                "description": "Rows a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            },
            {
                "name": "after",
                "in": "query",
                "description": "The `next` of the page before.",
                "schema": {"type": "string"},
            },
        ]


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid(f"A page has 1 to {MAX_LIMIT} rows.", field="limit")
    return limit


def _cursor(text: str, queryset: QuerySet[Any]) -> str:
    key = queryset.model._meta.pk
    if isinstance(key, IdField):
        fits = ids.is_id(text, key.prefix)
    else:
        fits = text.isascii() and text.isdigit() and len(text) < 19
    if not fits:
        raise Invalid("This is not the `next` of a page of this list.", field="after")
    return text
