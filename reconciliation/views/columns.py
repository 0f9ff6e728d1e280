"""Pages of column maps: make one by trying it on a file, read files by it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import PreviewPage
from compliance.permissions import Permission
from compliance.uploads import packed
from reconciliation import column_maps, imports, queries
from reconciliation.csv_forms import ColumnMapForm, GivenForm, typed
from reconciliation.models import BankAccount, ColumnMap, StatementImport
from reconciliation.statements.csv_file import Preview

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE


class ColumnMapList(StaffPage, TemplateView):
    """The map in force of every bank account and name."""

    reads = READ
    template_name = "reconciliation/columns/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.visible(self.actor, ColumnMap.objects.select_related("bank_account"))
        maps = column_maps.current(rows).order_by("bank_account__name", "name")
        return super().get_context_data(maps=maps, can_make=access.may(self.actor, WRITE), **kwargs)


class _TriedPage(PreviewPage):
    """A file looked at through a map before anything is written."""

    reads = writes = WRITE
    fields_of = {"opening_minor": "opening", "closing_minor": "closing", "column_map": "file"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form, shown = kwargs.get("form"), kwargs.get("preview")
        if form is not None and shown is not None:
            said = form.cleaned_data
            kwargs |= {
                "held": packed(said["content"]),
                "held_name": said["file_name"],
                "currency": self.bank(form).currency,
            }
        return super().get_context_data(**kwargs)

    def bank(self, form: Any) -> BankAccount:
        """The bank account the file is of."""
        raise NotImplementedError

    def take_in(self, form: Any, columns: ColumnMap) -> str:
        """Import the file by a saved map and give the page of the import."""
        said = form.cleaned_data
        done = imports.import_csv(
            content=said["content"],
            file_name=said["file_name"] or "statement.csv",
            column_map_id=columns.id,
            given=form.given(columns.bank_account.currency),
            actor=self.actor,
        )
        if done.state == StatementImport.State.IMPORTED:
            messages.success(self.request, f"{done.file_name}: {done.line_count} lines are in.")
        else:
            messages.error(self.request, f"{done.file_name} does not tie and is set aside; the reasons are below.")
        return reverse("reconciliation:import", args=[done.id])


class MakeColumnMap(_TriedPage):
    """Say which column means what, see what a file becomes by it, then save it as the next version."""

    form_class = ColumnMapForm
    template_name = "reconciliation/columns/new.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        rows = access.operable(self.actor, BankAccount.objects.order_by("name"))
        return {**super().get_form_kwargs(), "banks": list(rows)}

    def get_initial(self) -> dict[str, Any]:
        after = self.request.GET.get("after", "")
        if not after:
            return {"bank_account": self.request.GET.get("account", "")}
        columns = access.get(self.actor, ColumnMap.objects.all(), after)
        return {**typed(columns.spec), "bank_account": columns.bank_account_id, "name": columns.name}

    def bank(self, form: ColumnMapForm) -> BankAccount:
        return queries.account(self.actor, form.cleaned_data["bank_account"])

    def preview(self, form: ColumnMapForm) -> Preview:
        bank = self.bank(form)
        return column_maps.preview(
            bank_account_id=bank.id,
            spec=form.spec,
            content=form.cleaned_data["content"],
            given=form.given(bank.currency),
            actor=self.actor,
        )

    def run(self, form: ColumnMapForm) -> str:
        said = form.cleaned_data
        columns = column_maps.publish(
            bank_account_id=said["bank_account"], name=said["name"], spec=form.spec, actor=self.actor
        )
        messages.success(self.request, f"{columns} is saved.")
        if said["take_in"]:
            return self.take_in(form, columns)
        return reverse("reconciliation:column-map", args=[columns.id])


class ReadByMap(_TriedPage):
    """One map: what it says, its versions, and a file to read by it."""

    reads = READ
    writes = WRITE
    form_class = GivenForm
    template_name = "reconciliation/columns/detail.html"

    def columns(self) -> ColumnMap:
        rows = ColumnMap.objects.select_related("bank_account")
        return access.get(self.actor, rows, self.kwargs["map_id"])

    def bank(self, form: GivenForm) -> BankAccount:
        return self.columns().bank_account

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        columns = self.columns()
        versions = columns.bank_account.column_maps.filter(name=columns.name).order_by("-number")
        return super().get_context_data(
            columns=columns,
            facts=[(name.replace("_", " ").capitalize(), value) for name, value in columns.spec.items()],
            versions=versions,
            read=columns.imports.defer("content").order_by("-id")[:20],
            can_read=access.may(self.actor, WRITE),
            **kwargs,
        )

    def preview(self, form: GivenForm) -> Preview:
        columns = self.columns()
        return column_maps.preview(
            bank_account_id=columns.bank_account_id,
            spec=columns.spec,
            content=form.cleaned_data["content"],
            given=form.given(columns.bank_account.currency),
            actor=self.actor,
        )

    def run(self, form: GivenForm) -> str:
        return self.take_in(form, self.columns())
