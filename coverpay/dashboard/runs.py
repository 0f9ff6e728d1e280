"""Pages of the nightly runs: the list with a button to run a date, and one run with its progress and failures."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.urls import reverse
from django.views.generic import TemplateView

from billing import runs, worklists
from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, DateField, page_of
from compliance.permissions import Permission
from coverpay.kernel import clock, jobs
from coverpay.nightly_steps import STEPS

P = Permission
FAILURES_SHOWN = 200
TITLES = {step.name: step.title for step in STEPS}


class RunForm(forms.Form):
    date = DateField(label="Date", help_text="Today or a day before.")


class Runs(CommandPage):
    """Every run, and the button that runs a date."""

    reads = P.BILLING_READ
    writes = P.BILLING_WRITE
    form_class = RunForm
    template_name = "billing/run/list.html"
    fields_of = {"run_on": "date"}

    def get_initial(self) -> dict[str, Any]:
        return {"date": clock.today()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = page_of(access.visible(self.actor, worklists.runs()), self.request.GET.get("after", ""))
        may = access.may(self.actor, P.BILLING_WRITE) and self.actor.organization_id is not None
        return super().get_context_data(page=page, can_run=may, **kwargs)

    def run(self, form: RunForm) -> str:
        date: dt.date = form.cleaned_data["date"]
        organization_id = access.organization_of(self.actor)
        begun = runs.begin(organization_id=organization_id, run_on=date, actor=self.actor)
        jobs.wake("nightly.run", organization_id, date.isoformat())
        return reverse("run", args=[begun.id])


class RunDetail(StaffPage, TemplateView):
    """One run: how far each step is, and what could not be done."""

    reads = P.BILLING_READ
    template_name = "billing/run/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = access.get(self.actor, worklists.runs(), self.kwargs["run_id"])
        failures = list(run.failures.order_by("id")[: FAILURES_SHOWN + 1])
        steps = [
            {
                "label": TITLES.get(name, name.replace("_", " ").capitalize()),
                "of": max(counted.get("due", 0), 1),
                **dict.fromkeys(runs.COUNTED, 0),
                **counted,
            }
            for name, counted in sorted(run.progress.items(), key=_turn)
        ]
        return super().get_context_data(
            run=run,
            steps=steps,
            failures=failures[:FAILURES_SHOWN],
            more=len(failures) > FAILURES_SHOWN,
            **kwargs,
        )


def _turn(told: tuple[str, Any]) -> int:
    """Where a step stands in the night; the database keeps no order of them. Steps of older versions come last."""
    names = list(TITLES)
    return names.index(told[0]) if told[0] in names else len(names)
