"""Pages about recovery plans: the versions, and the editor that checks and previews before it publishes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.urls import reverse

from compliance import access
from compliance.pages import DateField, FilterForm, ListPage, PreviewPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from payments import failure_codes, recovery_plans, recovery_queries, recovery_versions
from payments.models import RecoveryPlan
from policies.models import Program

P = Permission


class PlanList(ListPage):
    """Every version of the recovery plans, and what each code means."""

    reads = P.PAYMENTS_READ
    template_name = "payments/recovery/plans.html"

    def rows(self, filters: FilterForm) -> QuerySet[RecoveryPlan]:
        return RecoveryPlan.objects.select_related("program")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        can_publish = access.may(self.actor, P.PAYMENTS_WRITE)
        return super().get_context_data(codes=failure_codes.known_codes(), can_publish=can_publish, **kwargs)


class PlanForm(forms.Form):
    program = forms.ChoiceField(label="Program", required=False)
    effective_from = DateField(label="From")
    spec = forms.CharField(
        label="Plan",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "code"}),
        help_text="JSON: zone, at, basis, fees, business_days, and the steps of each class.",
    )

    def __init__(self, *args: Any, programs: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["program"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "All programs without a plan of their own"), *programs]

    def clean_spec(self) -> Any:
        try:
            return json.loads(self.cleaned_data["spec"])
        except ValueError as error:
            raise forms.ValidationError(f"This is no JSON: {error}") from None


def _typed(spec: Mapping[str, Any]) -> str:
    """A spec as it is typed: a step a line."""
    said = recovery_queries.written(spec)
    classes = ",\n".join(
        f"    {json.dumps(name)}: [\n" + ",\n".join(f"      {json.dumps(step)}" for step in steps) + "\n    ]"
        for name, steps in said.pop("classes").items()
    )
    head = "".join(f"  {json.dumps(name)}: {json.dumps(value)},\n" for name, value in said.items())
    return f'{{\n{head}  "classes": {{\n{classes}\n  }}\n}}'


class PublishPlan(PreviewPage):
    """Write the next version of a plan: check it, see the dates of a failure today, then publish it."""

    reads = writes = P.PAYMENTS_WRITE
    form_class = PlanForm
    template_name = "payments/recovery/plan.html"
    fields_of = dict.fromkeys(("classes", "zone", "at", "basis", "fees", "business_days"), "spec")

    def get_form_kwargs(self) -> dict[str, Any]:
        rows = access.operable(self.actor, Program.objects.order_by("code"))
        return {**super().get_form_kwargs(), "programs": [(row.id, f"{row.code} · {row.name}") for row in rows]}

    def get_initial(self) -> dict[str, Any]:
        program = self.request.GET.get("program", "")
        rows = access.visible(self.actor, RecoveryPlan.objects.filter(program_id=program or None))
        last = rows.order_by("-number").first()
        spec = last.spec if last else recovery_plans.STANDARD
        return {"program": program, "effective_from": clock.today(), "spec": _typed(spec)}

    def preview(self, form: PlanForm) -> Any:
        spec = recovery_plans.read(form.cleaned_data["spec"])
        hour = clock.now().replace(minute=0, second=0, microsecond=0)
        return {
            "at": hour,
            "zone": str(spec.zone),
            "classes": recovery_queries.preview_of(spec, hour),
            "advice": recovery_plans.advice(spec),
        }

    def run(self, form: PlanForm) -> str:
        plan = recovery_versions.publish(
            spec=form.cleaned_data["spec"],
            effective_from=form.cleaned_data["effective_from"],
            program_id=form.cleaned_data["program"] or None,
            actor=self.actor,
        )
        messages.success(self.request, f"Version {plan.number} counts from {plan.effective_from} on.")
        return reverse("payments:recovery-plans")
