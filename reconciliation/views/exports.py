"""Pages of handing the journal to accounting systems: mappings, batches, the tie-out."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView, View

from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, CommandPage, DateField, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from reconciliation import exports
from reconciliation.export.formats import FORMATS
from reconciliation.forms import ReasonForm
from reconciliation.models import AccountMapping, ExportBatch

READ, WRITE = Permission.LEDGER_READ, Permission.RECONCILIATION_WRITE
TITLES = {
    "quickbooks_iif": "QuickBooks Desktop (IIF)",
    "quickbooks_csv": "QuickBooks Online (CSV)",
    "xero": "Xero (CSV)",
    "netsuite": "NetSuite (CSV)",
    "intacct": "Sage Intacct (CSV)",
    "csv": "Any system (CSV)",
    "json": "Any program (JSON)",
}


class BuildForm(forms.Form):
    """What to hand over: to which system, in which form, of which days."""

    system = forms.ChoiceField(label="System")
    format = forms.ChoiceField(label="Format", choices=[(name, TITLES[name]) for name in FORMATS])
    from_on = DateField(label="From")
    to_on = DateField(label="Through")
    summary = forms.BooleanField(label="One journal a day instead of one an entry", required=False)

    def __init__(self, *args: Any, systems: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["system"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, name) for name in systems]


class BatchList(ListPage):
    """Every batch, and what waits to be handed over by system."""

    reads = READ
    template_name = "reconciliation/export/list.html"

    def rows(self, filters: FilterForm) -> QuerySet[ExportBatch]:
        return ExportBatch.objects.defer("files").select_related("mapping")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            systems=_systems(self), titles=TITLES, can_build=access.may(self.actor, WRITE), **kwargs
        )


class Build(CommandPage):
    """Make a batch."""

    reads = writes = WRITE
    form_class = BuildForm
    template_name = "reconciliation/export/build.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "systems": _systems(self)}

    def get_initial(self) -> dict[str, Any]:
        last = clock.today().replace(day=1) - dt.timedelta(days=1)
        return {"from_on": last.replace(day=1), "to_on": last}

    def run(self, form: BuildForm) -> str:
        made = exports.build(**form.cleaned_data, actor=self.actor)
        messages.success(self.request, f"{made.entry_count} entries are in the batch.")
        return reverse("reconciliation:export", args=[made.id])


class BatchDetail(StaffPage, TemplateView):
    """One batch: its files, its state, and how the period ties."""

    reads = READ
    template_name = "reconciliation/export/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        batch = access.get(self.actor, ExportBatch.objects.select_related("mapping"), self.kwargs["batch_id"])
        tied = exports.tie_out(batch.organization_id, batch.system, batch.from_on, batch.to_on)
        return super().get_context_data(
            batch=batch,
            title=TITLES[batch.format],
            tied=tied,
            waits=any(row.waiting_minor for row in tied),
            can_decide=access.may(self.actor, WRITE) and batch.state == ExportBatch.State.BUILT,
            **kwargs,
        )


class Download(StaffPage, View):
    """A batch's file; several in one archive. Asked for again, it is the very same."""

    reads = READ

    def get(self, request: HttpRequest, batch_id: str) -> HttpResponse:
        batch = access.get(self.actor, ExportBatch.objects.all(), batch_id)
        if len(batch.files) == 1:
            (file,) = batch.files
            return _attached(file["content"].encode(), file["name"], "text/plain; charset=utf-8")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in batch.files:
                archive.writestr(zipfile.ZipInfo(file["name"]), file["content"])
        return _attached(packed.getvalue(), f"{batch.system}-{batch.id}.zip", "application/zip")


class Acknowledge(ActionPage):
    """Note that the accounting system has the batch."""

    reads = writes = WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        exports.acknowledge(batch_id=kwargs["batch_id"], actor=self.actor)
        return "Noted: the accounting system has it."

    def back(self, **kwargs: str) -> str:
        return reverse("reconciliation:export", args=[kwargs["batch_id"]])


class Withdraw(CommandPage):
    """Take back a batch that was not taken in."""

    reads = writes = WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        batch = access.get(self.actor, ExportBatch.objects.all(), self.kwargs["batch_id"])
        words = {
            "heading": "Withdraw the batch",
            "button": "Withdraw",
            "tone": "button--danger",
            "says": "Its entries go with the next batch. Make sure the accounting system did not take it in.",
            "note": str(batch),
            "list": reverse("reconciliation:exports"),
            "list_words": "Accounting export",
            "back": reverse("reconciliation:export", args=[batch.id]),
            "back_words": str(batch),
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ReasonForm) -> str:
        batch = exports.withdraw(batch_id=self.kwargs["batch_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "The batch is withdrawn.")
        return reverse("reconciliation:export", args=[batch.id])


def _systems(page: StaffPage) -> list[str]:
    rows = access.visible(page.actor, AccountMapping.objects.all())
    return list(rows.order_by("system").values_list("system", flat=True).distinct())


def _attached(content: bytes, name: str, kind: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
