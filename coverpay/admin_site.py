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
    """The admin under its own content security policy, with our own tables only.

    What packages register for themselves is left out: it is neither scoped to an organization nor audited.
    """

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        from compliance.scoped_admin import EditedBySuperusers, ScopedReadOnly

        if admin_class is not None and issubclass(admin_class, ScopedReadOnly | EditedBySuperusers):
            super().register(model_or_iterable, admin_class, **options)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        relaxed: View = csp_update(RELAXED)(super().admin_view(view, cacheable))
        return relaxed


class FinanceAdminConfig(AdminConfig):
    default_site = "coverpay.admin_site.FinanceAdminSite"
