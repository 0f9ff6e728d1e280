"""Pages of bank statements: files, days and lines."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, page_of
from compliance.permissions import Permission
from reconciliation import announcements, imports, queries
from reconciliation.forms import ImportFilters, StatementForm
from reconciliation.models import Statement, StatementImport

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE
MOST_TOLD = 500


class Imports(CommandPage):
    """Upload a statement, and see every earlier file."""

    reads = READ
    writes = WRITE
    form_class = StatementForm
    template_name = "reconciliation/import/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        filters = ImportFilters(self.request.GET)
        filters.is_valid()
        rows = access.visible(self.actor, queries.imports())
        if state := filters.value("state"):
            rows = rows.filter(state=state)
        page = page_of(rows, self.request.GET.get("after", ""))
        return super().get_context_data(filters=filters, filtered=bool(state), page=page, **kwargs)

    def run(self, form: StatementForm) -> str:
        upload = form.cleaned_data["file"]
        done = imports.import_statement(content=upload.read(), file_name=upload.name, actor=self.actor)
        if done.state == StatementImport.State.IMPORTED:
            messages.success(self.request, f"{done.file_name}: {done.line_count} lines are in.")
        else:
            messages.error(self.request, f"{done.file_name} does not tie and is set aside; the reasons are below.")
        return reverse("reconciliation:import", args=[done.id])


class ImportDetail(StaffPage, TemplateView):
    """One file: its statements, or every reason why it is set aside."""

    reads = READ
    template_name = "reconciliation/import/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = queries.imports().select_related("column_map__bank_account")
        done = access.get(self.actor, rows, self.kwargs["import_id"])
        told = done.announcements.select_related("bank_account", "line").order_by("position", "id")[:MOST_TOLD]
        return super().get_context_data(done=done, told=told, late_before=announcements.late_before(), **kwargs)


class StatementDetail(StaffPage, TemplateView):
    """One account's day at the bank: opening, every line with what became of it, closing."""

    reads = READ
    template_name = "reconciliation/statement/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Statement.objects.select_related("bank_account", "source").defer("source__content")
        statement = access.get(self.actor, rows, self.kwargs["statement_id"])
        return super().get_context_data(statement=statement, lines=queries.lines_of(statement), **kwargs)
