"""What every API route stands on: rows as far as the caller may see them, and bodies that call one command.

An app's `api.py` holds viewsets derived from `Rows` or `Resource`, and a list `routes` of (path, viewset) that
`coverpay/urls.py` puts under /v1/. A write handler is decorated with `creates`, `acts` or `edits`, takes the checked
body, calls exactly one command and returns what it gave. `compliance/api.py` is the example to follow.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from compliance import access
from compliance.http import Anyone, api_actor
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Invalid

SerializerClass = type[serializers.BaseSerializer[Any]]
Handler = Callable[..., Any]


class Shown(serializers.ModelSerializer[Any]):
    """How a row reads in an answer: the fields of `Meta.fields`, none of them writable."""

    def get_extra_kwargs(self) -> dict[str, Any]:
        return {name: {"read_only": True} for name in self.Meta.fields if name not in self._declared_fields}


class Asked(serializers.Serializer[Any]):
    """What a request body may say. A field that is not declared is refused by name, never ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = [name for name, field in self.fields.items() if not field.read_only]
            said = f"There is no such field; the fields are: {', '.join(known) or 'none'}."
            unknown = {name: [ErrorDetail(said, code="unknown_field")] for name in data if name not in known}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


class Nothing(Asked):
    """A body without fields."""


class Resource(GenericViewSet[Any]):
    """A group of routes that declares who may read (`reads`) and who may act (`writes`)."""

    reads: Permission | Anyone | None = None
    writes: Permission | None = None
    lookup_url_kwarg = "id"

    @property
    def actor(self) -> Actor:
        return api_actor(self.request)

    def asked(self, takes: SerializerClass, **options: Any) -> dict[str, Any]:
        """Check the request's body. Raises: ValidationError, one entry per field."""
        body = takes(data=self.request.data, context=self.get_serializer_context(), **options)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def answer(
        self,
        given: Any,
        gives: SerializerClass | None = None,
        status: int = 200,
        many: bool = False,
    ) -> Response:
        """Render what a command or query gave, as the view's own serializer unless another is named."""
        shape = gives or self.get_serializer_class()
        return Response(
            shape(given, context=self.get_serializer_context(), many=many).data,
            status=status,
        )


class Rows(Resource):
    """The rows of one model that the caller may see: a list, newest first, and one row by id."""

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows.none()
        return access.visible(self.actor, rows)

    def get_object(self) -> Model:
        row: Model = access.get(self.actor, super().get_queryset(), self.kwargs["id"])
        return row

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, id: str) -> Response:
        return self.answer(self.get_object())


def creates(takes: SerializerClass, gives: SerializerClass | None = None) -> Callable[[Handler], Handler]:
    """Make a handler ``(self, asked)`` the POST of the list: it gives the new row, answered with 201."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def create(view: Resource, request: Request) -> Response:
            return view.answer(handler(view, view.asked(takes)), gives, status=201)

        create.takes = takes  # type: ignore[attr-defined]
        return extend_schema(request=takes, **_responses(201, gives))(create)

    return decorate


def acts(
    takes: SerializerClass = Nothing, gives: SerializerClass | None = None, *, needs: Permission | None = None
) -> Callable[[Handler], Handler]:
    """Make a handler ``(self, id, asked)`` the POST of ``/{id}/<its name>``: it gives the changed row.

    Takes: `needs`, the permission in place of the view's `writes`, as for a preview that writes nothing.
    """

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def act(view: Resource, request: Request, id: str) -> Response:
            return view.answer(handler(view, id, view.asked(takes)), gives)

        act.takes = takes  # type: ignore[attr-defined]
        body = None if takes is Nothing else takes
        own = {"writes": needs} if needs else {}
        route = action(detail=True, methods=["post"], url_path=handler.__name__.replace("_", "-"), **own)
        return extend_schema(request=body, **_responses(200, gives))(route(act))

    return decorate


def edits(takes: SerializerClass, gives: SerializerClass | None = None) -> Callable[[Handler], Handler]:
    """Make a handler ``(self, id, asked)`` named `partial_update` the PATCH of one row; only what is said changes."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def edit(view: Resource, request: Request, id: str) -> Response:
            return view.answer(handler(view, id, view.asked(takes, partial=True)), gives)

        edit.takes = takes  # type: ignore[attr-defined]
        return extend_schema(request=takes, **_responses(200, gives))(edit)

    return decorate


def shows(gives: SerializerClass, many: bool = False) -> Callable[[Handler], Handler]:
    """Make a handler ``(self, id)`` the GET of ``/{id}/<its name>``: a query about one row, not paged."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def show(view: Resource, request: Request, id: str) -> Response:
            return view.answer(handler(view, id), gives, many=many)

        route = action(
            detail=True,
            methods=["get"],
            url_path=handler.__name__.replace("_", "-"),
            pagination_class=None,
        )
        return extend_schema(responses={200: gives(many=many)}, filters=False)(route(show))

    return decorate


def day_asked(said: Mapping[str, Any], field: str) -> dt.date | None:
    """Read a day of a query; None when it is left out. Raises: Invalid, naming the field."""
    text = said.get(field, "")
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("Write the day like 2026-01-31.", field=field) from None


def _responses(status: int, gives: SerializerClass | None) -> dict[str, Any]:
    return {"responses": {status: gives}} if gives else {}
