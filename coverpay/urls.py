"""Every address: the API under /v1, sign-in, pages, health."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from csp.decorators import csp_replace
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

import billing.api
import compliance.api
import coverpay.api.explanations
import coverpay.reports.api
import coverpay.webhooks.api
import payments.api
import payments.hooks
import policies.api
import reconciliation.api
import reconciliation.ledger.api
from coverpay import health
from coverpay.api.routes import urls

handler400 = "coverpay.api.errors.bad_request"
handler403 = "coverpay.api.errors.forbidden"
handler404 = "coverpay.api.errors.not_found"
handler500 = "coverpay.api.errors.server_error"

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


# The documentation page brings styles of its own; what it runs is ours alone, as everywhere.
_styled = csp_replace({"style-src": ["'self'", "'unsafe-inline'"]})

api: list[URLPattern | URLResolver] = [
    *urls(
        compliance.api.routes,
        policies.api.routes,
        billing.api.routes,
        payments.api.routes,
        reconciliation.ledger.api.routes,
        reconciliation.api.routes,
        coverpay.reports.api.routes,
        coverpay.webhooks.api.routes,
        coverpay.api.explanations.routes,
    ),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs/", _styled(SpectacularSwaggerSplitView.as_view(url_name="openapi")), name="docs"),
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
        "coverpay.reports.urls",
        "coverpay.webhooks.urls",
        "compliance.urls",
    )
]

urlpatterns: list[URLPattern | URLResolver] = [
    *pages,
    path("v1/", include(api)),
    path("pay/", include("payments.pay_urls")),
    path("hooks/<str:account_id>/", payments.hooks.receive, name="inbound-webhook"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
]
