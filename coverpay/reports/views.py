"""Pages of reports: the list, one report, and its files."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView, View

from compliance.http import StaffPage
from compliance.pages import DateField, FilterForm
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import DomainError, Forbidden, NotFound
from coverpay.reports import asking, catalog, tables
from coverpay.reports.tables import REFERENCE, Report
from payments.queries import gateway_account_names
from reconciliation.ledger import queries

SHOWN = 500
"""Rows on a page; the files hold them all."""


class AtFilter(FilterForm):
    at = DateField(label="At the end of", required=False)


class PeriodFilter(FilterForm):
    from_on = DateField(label="From", required=False)
    to_on = DateField(label="Through", required=False)


class Reports(StaffPage, TemplateView):
    """Every report the person may read, by the question it answers."""

    reads = Permission.POLICIES_READ
    template_name = "reports/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        mine = catalog.readable(self.actor)
        reports = [(entry, reverse(f"reports:{name}")) for name, entry in mine.items()]
        return super().get_context_data(reports=reports, **kwargs)


class OneReport(StaffPage, TemplateView):
    """One report on the page."""

    reads = Permission.POLICIES_READ
    template_name = "reports/report.html"
    name = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = PeriodFilter if catalog.CATALOG[self.name].of_period else AtFilter
        asked = asking.read({})
        given = self.request.GET or {"at": asked.at, "from_on": asked.from_on, "to_on": asked.to_on}
        filters: forms.Form = form(given)
        filters.is_valid()
        report, refused = self._made()
        return super().get_context_data(
            report=report,
            refused=refused,
            rows=report.rows[:SHOWN] if report else [],
            more=len(report.rows) - SHOWN if report else 0,
            names=_names(self.actor, report) if report else {},
            filters=filters,
            files=[
                (form.upper(), f"{reverse(f'reports:{self.name}-{form}')}?{self.request.GET.urlencode()}")
                for form in ("csv", "xlsx")
            ],
            **kwargs,
        )

    def _made(self) -> tuple[Report | None, str]:
        try:
            return catalog.make(self.name, self.actor, self.request.GET.dict()), ""
        except (Forbidden, NotFound):
            raise
        except DomainError as error:
            return None, error.message


class ReportFile(StaffPage, View):
    """A report as CSV or XLSX, whole."""

    reads = Permission.POLICIES_READ
    name = ""
    form = "csv"

    def get(self, request: HttpRequest) -> HttpResponse:
        report = catalog.make(self.name, self.actor, request.GET.dict())
        return as_file(report, self.form)


def _names(actor: Actor, report: Report) -> dict[str, str]:
    """Names of whom the shown rows are about, as far as the books know them."""
    keys = [column.key for column in report.columns if column.kind == REFERENCE]
    ids = {str(row[key]) for row in report.rows[:SHOWN] for key in keys if row.get(key)}
    names: dict[str, str] = {}
    for book in queries.books(actor):
        names |= queries.owner_names(book, ids, gateway_account_names)
    return names


def as_file(report: Report, form: str) -> HttpResponse:
    """An answer that a browser keeps as a file. Takes: `form` csv or xlsx."""
    if form == "xlsx":
        content: bytes = tables.as_xlsx(report)
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    else:
        content, kind = tables.as_csv(report).encode(), "text/csv; charset=utf-8"
    headers = {"Content-Disposition": f'attachment; filename="{report.name}.{form}"'}
    return HttpResponse(content, content_type=kind, headers=headers)
