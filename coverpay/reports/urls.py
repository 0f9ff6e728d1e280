"""Addresses of the report pages: three for each report of the catalog."""

from __future__ import annotations

from django.urls import URLPattern, path

from coverpay.reports import views
from coverpay.reports.catalog import CATALOG

app_name = "reports"
urlpatterns: list[URLPattern] = [path("reports/", views.Reports.as_view(), name="list")]
for _name in CATALOG:
    urlpatterns += [
        path(f"reports/{_name}/", views.OneReport.as_view(name=_name), name=_name),
        *(
            path(f"reports/{_name}.{form}", views.ReportFile.as_view(name=_name, form=form), name=f"{_name}-{form}")
            for form in ("csv", "xlsx")
        ),
    ]
