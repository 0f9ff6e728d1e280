"""Pages about policies: the list, and what turns a quote into cover or closes it; imports."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, FilterForm, ListPage, page_of
from compliance.permissions import Permission
from policies import cancellations, expirations, imports, lifecycle, queries, renewals
from policies.forms import ConfirmForm, ImportForm, PolicyFilters, ReasonForm
from policies.models import Policy, PolicyImport


class PolicyList(ListPage):
    """Every policy the organization operates or takes part in."""

    reads = Permission.POLICIES_READ
    template_name = "policies/policy/list.html"
    filters = PolicyFilters

    def rows(self, filters: FilterForm) -> QuerySet[Policy]:
        return queries.listed(*(filters.value(name) or "" for name in ("q", "state", "show")))


class PolicyStep(CommandPage):
    """A step of one policy's life that needs a reason, or only a yes. `words` say what it does."""

    reads = writes = Permission.POLICIES_WRITE
    form_class: type[forms.Form] = ReasonForm
    template_name = "policies/policy/step.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    tone: ClassVar[str] = "button--main"
    says: ClassVar[str] = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, Policy.objects.select_related("insured"))
        policy = access.get(self.actor, rows, self.kwargs["policy_id"])
        words = {"heading": self.heading, "button": self.button, "tone": self.tone, "says": self.says}
        return super().get_context_data(policy=policy, words=words, **kwargs)

    def done(self, words: str) -> str:
        messages.success(self.request, words)
        return reverse("policy", args=[self.kwargs["policy_id"]])


class Decline(PolicyStep):
    """Close a quote without cover, saying why."""

    heading, button, tone = "Close quote", "Close as not taken", "button--danger"
    says = "The quote is closed without cover. This cannot be undone."

    def run(self, form: ReasonForm) -> str:
        policy = lifecycle.decline(
            policy_id=self.kwargs["policy_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        return self.done(f"Quote {policy.number} is closed as not taken.")


class Issued(PolicyStep):
    """Say that the contract's documents are with the insured."""

    form_class = ConfirmForm
    heading, button = "Mark as issued", "The documents are out"
    says = "The contract's documents are with the insured. Nothing changes in what is owed."

    def run(self, form: ConfirmForm) -> str:
        policy = lifecycle.issue(policy_id=self.kwargs["policy_id"], actor=self.actor)
        return self.done(f"Policy {policy.number} is issued.")


class Expire(PolicyStep):
    """Close a policy whose last term ran out."""

    form_class = ConfirmForm
    heading, button = "Expire", "Expire the policy"
    says = (
        "The last term ran out and no other follows. The nightly run does this by itself once the grace days are over."
    )

    def run(self, form: ConfirmForm) -> str:
        policy = expirations.expire(policy_id=self.kwargs["policy_id"], actor=self.actor)
        return self.done(f"Policy {policy.number} is expired.")


class Rescind(PolicyStep):
    """Take an announced cancellation back before its day."""

    heading, button = "Rescind the cancellation of", "Rescind it"
    says = "The announced cancellation is taken back; cover was never interrupted."

    def run(self, form: ReasonForm) -> str:
        cancellations.rescind(policy_id=self.kwargs["policy_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("The cancellation is rescinded; cover goes on.")


class TakeEffect(PolicyStep):
    """Let an announced cancellation take effect, now that its day has come."""

    form_class = ConfirmForm
    heading, button, tone = "Let the cancellation take effect on", "Cancel now", "button--danger"
    says = "Its day has come. What is returned is worked out as things stand now; the nightly run does this by itself."

    def run(self, form: ConfirmForm) -> str:
        done = cancellations.take_effect(policy_id=self.kwargs["policy_id"], actor=self.actor)
        return self.done(f"Cancelled as of {done.effective_on}.")


class AcceptRenewal(PolicyStep):
    """Take the offered term by word."""

    form_class = ConfirmForm
    heading, button = "Accept the renewal of", "Accept the renewal"
    says = "The offered term is taken by word; paying its first bill takes it as well."

    def run(self, form: ConfirmForm) -> str:
        term = renewals.accept(policy_id=self.kwargs["policy_id"], actor=self.actor)
        return self.done(f"The renewal from {term.effective_on} is accepted.")


class DeclineRenewal(PolicyStep):
    """Let the offered term go."""

    heading, button, tone = "Renewal not taken for", "Close as not taken", "button--danger"
    says = "The offered term is let go, and what was billed for it is asked no more."

    def run(self, form: ReasonForm) -> str:
        renewals.decline(policy_id=self.kwargs["policy_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("The renewal is closed as not taken.")


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
