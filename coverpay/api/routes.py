"""Turn the apps' lists of (path, viewset) into URLs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import URLPattern, URLResolver
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ViewSetMixin

from coverpay.kernel.ids import IdField

Routes = Iterable[tuple[str, type[ViewSetMixin]]]


class _Router(SimpleRouter):
    """Routes whose ids must have the shape of the model's ids, so that anything else is simply not found."""

    def get_lookup_regex(self, viewset: Any, lookup_prefix: str = "") -> str:
        return f"(?P<id>{_shape(viewset)})"


def _shape(viewset: Any) -> str:
    model = getattr(viewset.queryset, "model", None)
    if model is None:
        return "[a-z0-9_]+"
    key = model._meta.pk
    return f"{key.prefix}_[0-9a-z]{{26}}" if isinstance(key, IdField) else "[0-9]{1,18}"


def urls(*lists: Routes) -> list[URLPattern | URLResolver]:
    """Give the URL patterns of every route, without a trailing slash."""
    router = _Router(trailing_slash=False)
    for routes in lists:
        for path, viewset in routes:
            router.register(path, viewset, basename=path)
    return router.urls
