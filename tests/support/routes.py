"""Every address of the URL map, so that a new one is tested without being named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.viewsets import GenericViewSet

from compliance.http import StaffPage

WITHOUT_ROWS = {
    "inbound-webhook": "gateways knock there with a signature, not a session; tests/payments shows what it refuses",
    "payments:unsubscribe": "a signed link is the key; tests/payments/test_opt_outs.py shows what it refuses",
    "pay:open": "whoever has the secret may; tests/payments/test_pay_links.py shows what anybody else gets",
    "pay:nothing": "there is nothing",
    "pay:guest": "number and postal code open it; tests/payments/test_guests.py shows what anybody else learns",
    **dict.fromkeys(
        [f"pay:{page}" for page in ("choose", "enter", "details", "agree", "review", "status", "receipt")],
        "a browser that opened the link only; tests/payments/test_pay_pages.py walks them without",
    ),
    "openapi": "the same document for everyone",
    "docs": "the same page for everyone",
    "alive": "tells that the process answers",
    "ready": "tells names of checks and milliseconds",
    "metrics": "this machine or a token only; tests/coverpay/test_health.py shows it",
}
SIGN_IN = "allauth"  # one's own account: sign-in, password, second factor


@dataclass(frozen=True)
class Route:
    """One address: its full name, the names of the parts in it, and what answers."""

    name: str
    parameters: tuple[str, ...]
    callback: Any

    @property
    def is_api(self) -> bool:
        return issubclass(getattr(self.callback, "cls", object), GenericViewSet)

    @property
    def is_page(self) -> bool:
        return issubclass(getattr(self.callback, "view_class", object), StaffPage)

    @property
    def is_admin(self) -> bool:
        return self.name.startswith("admin:")

    @property
    def has_name(self) -> bool:
        return re.fullmatch(r"[\w:-]+", self.name) is not None

    @property
    def is_known_without_rows(self) -> bool:
        return self.name in WITHOUT_ROWS or self.callback.__module__.startswith(SIGN_IN)

    @property
    def view(self) -> Any:
        return self.callback.cls if self.is_api else self.callback.view_class

    @property
    def methods(self) -> list[str]:
        if self.is_api:
            return sorted(method for method in self.callback.actions if method != "head")
        return [name for name in ("get", "post", "put", "patch", "delete") if self._has(name)]

    def _has(self, method: str) -> bool:
        return method in self.view.http_method_names and hasattr(self.view, method)

    def url(self, **values: Any) -> str:
        return reverse(self.name, kwargs=values)

    def __str__(self) -> str:
        return self.name


def every() -> list[Route]:
    """All routes below the root, by name."""
    return sorted(_walk(get_resolver(), (), ()), key=str)


def _walk(resolver: URLResolver, spaces: tuple[str, ...], above: tuple[str, ...]) -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        parameters = (*above, *pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLPattern):
            yield Route(":".join((*spaces, pattern.name or str(pattern.pattern))), parameters, pattern.callback)
        else:
            inner = (*spaces, pattern.namespace) if pattern.namespace else spaces
            yield from _walk(pattern, inner, parameters)
