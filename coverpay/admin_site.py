"""The finance admin's site. Its pages need inline styles and expressions in attributes; only they are let have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_update
from django.contrib.admin.apps import AdminConfig
from unfold.sites import UnfoldAdminSite

RELAXED = {"script-src": ["'self'", "'unsafe-eval'"], "style-src": ["'self'", "'unsafe-inline'"]}
View = Callable[..., Any]


class FinanceAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """The admin under its own content security policy."""

    enable_nav_sidebar = True

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        relaxed: View = csp_update(RELAXED)(super().admin_view(view, cacheable))
        return relaxed


class FinanceAdminConfig(AdminConfig):
    default_site = "coverpay.admin_site.FinanceAdminSite"
