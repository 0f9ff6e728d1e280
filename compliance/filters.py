"""Filters of lists (DEFAULT_FILTER_BACKENDS): nothing is ignored, and nothing tells about rows of others."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Field, ForeignKey, QuerySet
from django_filters import CharFilter, Filter, NumberFilter
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.request import Request

from coverpay.kernel.errors import Invalid


class PlainFilters(FilterSet):
    """Filters that compare ids of related rows as texts, so that none tells whether a row of others exists."""

    @classmethod
    def filter_for_field(cls, field: Field[Any, Any], field_name: str, lookup_expr: str | None = None) -> Filter | None:
        if isinstance(field, ForeignKey):
            kind = CharFilter if isinstance(field.target_field, CharField) else NumberFilter
            return kind(field_name=field_name)
        return super().filter_for_field(field, field_name, lookup_expr)


class Filters(DjangoFilterBackend):
    """Filter a list by the view's `filterset_fields`; a parameter nobody reads is refused, not ignored."""

    filterset_base = PlainFilters

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filters = self.get_filterset_class(view, queryset)
        known = [*(filters.base_filters if filters else ()), *view.paginator.parameters]
        for name in request.query_params:
            if name not in known:
                raise Invalid(
                    f"There is no such parameter; the parameters are: {', '.join(known)}.",
                    field=name,
                )
        found: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return found
