"""Every address: the API under /v1, sign-in, pages, health."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

import compliance.api
import payments.hooks
from coverpay import health
from coverpay.api.routes import Routes, urls

handler400 = "coverpay.api.errors.bad_request"
handler403 = "coverpay.api.errors.forbidden"
handler404 = "coverpay.api.errors.not_found"
handler500 = "coverpay.api.errors.server_error"

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def _later(*modules: str) -> list[Routes]:
    return [import_module(name).routes for name in modules if find_spec(name)]


api: list[URLPattern | URLResolver] = [
    *urls(
        compliance.api.routes,
        *_later(
            "policies.api",
            "billing.api",
            "payments.api",
            "reconciliation.ledger.api",
            "reconciliation.api",
            "coverpay.webhooks.api",
        ),
    ),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
]

pages: list[URLPattern | URLResolver] = [
    path("", include(module))
    for module in (
        "coverpay.dashboard.urls",
        "policies.urls",
        "billing.urls",
        "payments.urls",
        "reconciliation.urls",
        "coverpay.dashboard.ledger_urls",
        "coverpay.webhooks.urls",
        "compliance.urls",
    )
]

urlpatterns: list[URLPattern | URLResolver] = [
    *pages,
    path("v1/", include(api)),
    path("hooks/<str:account_id>/", payments.hooks.receive, name="inbound-webhook"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
]
