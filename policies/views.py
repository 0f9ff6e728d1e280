"""Pages about policies: the list, and what turns a quote into cover or closes it; imports."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, CommandPage, FilterForm, ListPage, page_of
from compliance.permissions import Permission
from policies import imports, lifecycle, queries
from policies.forms import DeclineForm, ImportForm, PolicyFilters
from policies.models import Policy, PolicyImport


class PolicyList(ListPage):
    """Every policy the organization operates or takes part in."""

    reads = Permission.POLICIES_READ
    template_name = "policies/policy/list.html"
    filters = PolicyFilters

    def rows(self, filters: FilterForm) -> QuerySet[Policy]:
        return queries.listed(filters.value("q") or "", filters.value("state") or "")


class Bind(ActionPage):
    """Turn a quote into cover."""

    reads = writes = Permission.POLICIES_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        policy = lifecycle.bind(policy_id=kwargs["policy_id"], actor=self.actor)
        return f"Policy {policy.number} is bound; its schedule is set."

    def back(self, **kwargs: str) -> str:
        return reverse("policy", args=[kwargs["policy_id"]])


class Decline(CommandPage):
    """Close a quote without cover, saying why."""

    reads = writes = Permission.POLICIES_WRITE
    form_class = DeclineForm
    template_name = "policies/policy/decline.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        policy = access.get(self.actor, access.operable(self.actor, Policy.objects.all()), self.kwargs["policy_id"])
        return super().get_context_data(policy=policy, **kwargs)

    def run(self, form: DeclineForm) -> str:
        policy = lifecycle.decline(
            policy_id=self.kwargs["policy_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        messages.success(self.request, f"Quote {policy.number} is closed as not taken.")
        return reverse("policy", args=[policy.id])


class Imports(CommandPage):
    """Upload a file of policies, and see every earlier one."""

    reads = writes = Permission.POLICIES_WRITE
    form_class = ImportForm
    template_name = "policies/import/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.visible(self.actor, PolicyImport.objects.defer("problems"))
        page = page_of(rows, self.request.GET.get("after", ""))
        return super().get_context_data(page=page, required=imports.REQUIRED, optional=imports.OPTIONAL, **kwargs)

    def run(self, form: ImportForm) -> str:
        upload = form.cleaned_data["file"]
        done = imports.import_policies(file=upload.file, file_name=upload.name, actor=self.actor)
        if done.state == PolicyImport.State.IMPORTED:
            messages.success(self.request, f"{done.file_name}: {done.policy_count} policies are in.")
        else:
            messages.error(self.request, f"{done.file_name}: nothing was imported; see what to correct below.")
        return reverse("policies:import", args=[done.id])


class ImportDetail(StaffPage, TemplateView):
    """One import with its problems, by row and column."""

    reads = Permission.POLICIES_WRITE
    template_name = "policies/import/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        done = access.get(self.actor, PolicyImport.objects.all(), self.kwargs["import_id"])
        return super().get_context_data(done=done, **kwargs)
