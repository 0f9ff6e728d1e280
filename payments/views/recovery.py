"""Pages about recovery: the worklist with both clocks, one case with its timeline, what a person does, the rate."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

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
from payments import recovery, recovery_actions, recovery_queries, recovery_report
from payments.models import PayLink, RecoveryCase

P = Permission
State = RecoveryCase.State


class RecoveryFilters(FilterForm):
    q = forms.CharField(label="Policy, insured, invoice or code", required=False, max_length=80)
    show = forms.ChoiceField(label="Show", required=False, choices=[("", "Running"), ("all", "All"), *State.choices])


class RecoveryList(ListPage):
    """Failed payments that are being won back, with what is next by both clocks."""

    reads = P.PAYMENTS_READ
    template_name = "payments/recovery/list.html"
    filters = RecoveryFilters

    def rows(self, filters: FilterForm) -> QuerySet[Any]:
        return recovery_queries.listed(filters.value("show") or "", filters.value("q") or "")


class RecoveryDetail(StaffPage, TemplateView):
    """One case: why the payment failed, what was done, what comes when by both clocks, what a person can do."""

    reads = P.PAYMENTS_READ
    template_name = "payments/recovery/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = recovery_queries.listed("all").select_related(
            "payment__payment_method", "policy__operator", "attempt__account", "attempt__payment__payment_method"
        )
        case = access.get(self.actor, rows, self.kwargs["case_id"])
        now = clock.now()
        operates = access.operable(self.actor, RecoveryCase.objects.filter(pk=case.pk)).exists()
        return super().get_context_data(
            case=case,
            moments=recovery_queries.timeline(case),
            now=now,
            tried=case.retries + 1,
            bounds=recovery.bounds_of(case, "retry") if case.state in recovery.WINNABLE else None,
            links=PayLink.objects.filter(recovery_case=case).order_by("-id"),
            can_act=operates and access.may(self.actor, P.PAYMENTS_WRITE),
            **kwargs,
        )


class RetryNow(ActionPage):
    """Charge the method that failed again."""

    writes = P.PAYMENTS_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        payment = recovery_actions.retry_now(case_id=kwargs["case_id"], actor=self.actor)
        return f"Payment {payment.id} is on its way to the processor."

    def back(self, **kwargs: str) -> str:
        return reverse("payments:recovery-case", args=[kwargs["case_id"]])


class TakeBack(ActionPage):
    """Give a case back to its plan."""

    writes = P.PAYMENTS_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        case = recovery_actions.take_back(case_id=kwargs["case_id"], actor=self.actor)
        return f"The plan goes on: {case.get_state_display().lower()}."

    def back(self, **kwargs: str) -> str:
        return reverse("payments:recovery-case", args=[kwargs["case_id"]])


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=300, help_text="Kept in the audit trail.")


class CaseAction(CommandPage):
    """Something about a case that takes a reason."""

    reads = writes = P.PAYMENTS_WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    says: ClassVar[str] = ""
    fields_of = {"case": ""}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, RecoveryCase.objects.select_related("policy__insured", "invoice"))
        case = access.get(self.actor, rows, self.kwargs["case_id"])
        words = {
            "heading": self.heading,
            "button": self.button,
            "says": self.says,
            "note": f"{case.policy.number} · {case.policy.insured.name} · invoice {case.invoice.number}",
            "list": reverse("payments:recovery"),
            "list_words": "Recovery",
            "back": reverse("payments:recovery-case", args=[case.id]),
            "back_words": case.invoice.number,
        }
        return super().get_context_data(words=words, **kwargs)

    def done(self, words: str) -> str:
        messages.success(self.request, words)
        return reverse("payments:recovery-case", args=[self.kwargs["case_id"]])


class HandOver(CaseAction):
    """Take a case out of the plan's hands."""

    heading, button = "Take it over", "Take it over"
    says = "The plan does nothing more until it is given back; what it had planned is passed over."

    def run(self, form: ReasonForm) -> str:
        reason = form.cleaned_data["reason"]
        recovery_actions.hand_over(case_id=self.kwargs["case_id"], reason=reason, actor=self.actor)
        return self.done("The case is with a person now.")


class Stop(CaseAction):
    """Follow a case no more."""

    heading, button = "Stop following it", "Stop"
    says = "Nothing more is tried or sent. What is owed stays owed, and the past due process goes on."

    def run(self, form: ReasonForm) -> str:
        recovery_actions.stop(case_id=self.kwargs["case_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("The case is stopped.")


class ReportFilters(FilterForm):
    by = forms.ChoiceField(
        label="Group by", required=False, choices=[(name, said) for name, (_, said) in recovery_report.GROUPS.items()]
    )
    since = DateField(label="Failed from", required=False)
    until = DateField(label="through", required=False)


def _asked(request: HttpRequest) -> tuple[ReportFilters, str, dt.date, dt.date]:
    """The filters of the report, with what they mean when left out or turned round."""
    filters = ReportFilters(request.GET)
    filters.is_valid()
    until = filters.value("until") or clock.today()
    since = filters.value("since") or until - dt.timedelta(days=recovery_report.DEFAULT_DAYS)
    return filters, filters.value("by") or "code", min(since, until), until


class RecoveryReport(StaffPage, TemplateView):
    """How much of what failed came back."""

    reads = P.PAYMENTS_READ
    template_name = "payments/recovery/report.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        filters, by, since, until = _asked(self.request)
        return super().get_context_data(
            filters=filters,
            filtered=bool(self.request.GET),
            by=recovery_report.GROUPS[by][1],
            since=since,
            until=until,
            rows=recovery_report.rates(self.actor, by=by, since=since, until=until),
            query=self.request.GET.urlencode(),
            **kwargs,
        )


class RecoveryReportFile(StaffPage, View):
    """The report as a file for a spreadsheet."""

    reads = P.PAYMENTS_READ

    def get(self, request: HttpRequest) -> HttpResponse:
        _, by, since, until = _asked(request)
        text = recovery_report.as_csv(by, recovery_report.rates(self.actor, by=by, since=since, until=until))
        answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="recovery-by-{by}-{since}-{until}.csv"'
        return answer
