"""Pages about billing accounts and aging, and documents as PDF."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView, View

from billing import accounts, aging, documents
from billing.api.accounts import pdf_answer
from billing.models import AccountBill, BillingAccount, Invoice, Notice
from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, DateField, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from policies.models import Policy

SHOWN_AT_MOST = 200


class AccountFilters(FilterForm):
    q = forms.CharField(label="Number or payor", required=False, max_length=80)


class AgingFilters(FilterForm):
    by = forms.ChoiceField(
        label="Group by",
        required=False,
        choices=[("policy", "Policy"), ("account", "Billing account"), ("program", "Program")],
    )
    on = DateField(label="At the end of", required=False)


class AccountList(ListPage):
    """Every billing account of the organization."""

    reads = Permission.BILLING_READ
    template_name = "billing/account/list.html"
    filters = AccountFilters

    def rows(self, filters: FilterForm) -> QuerySet[BillingAccount]:
        rows = BillingAccount.objects.select_related("payor")
        text = filters.value("q")
        return rows.filter(Q(number__icontains=text) | Q(payor__name__icontains=text)) if text else rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(can_open=access.may(self.actor, Permission.BILLING_WRITE), **kwargs)


class AccountDetail(StaffPage, TemplateView):
    """One billing account: the policies it pays, its bills, its aging, its statement."""

    reads = Permission.BILLING_READ
    template_name = "billing/account/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = BillingAccount.objects.select_related("payor", "operator")
        account = access.get(self.actor, rows, self.kwargs["account_id"])
        aged = aging.aged(self.actor, clock.today(), "policy", account_id=account.id)
        return super().get_context_data(
            account=account,
            shares=account.shares.filter(ended_at__isnull=True).select_related("policy__insured")[:SHOWN_AT_MOST],
            bills=account.bills.all()[:SHOWN_AT_MOST],
            buckets=aging.LABELS.values(),
            aged=aged,
            totals=aging.totals(aged),
            can_attach=access.may(self.actor, Permission.BILLING_WRITE),
            can_bill=account.mode != BillingAccount.Mode.SEPARATE and access.may(self.actor, Permission.BILLING_WRITE),
            **kwargs,
        )


class IssueBill(ActionPage):
    """Bill what is due of all policies of an account."""

    reads = writes = Permission.BILLING_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        bill = accounts.issue_bill(account_id=kwargs["account_id"], actor=self.actor)
        return f"Bill {bill.number} is issued, due {bill.due_on}."

    def back(self, **kwargs: str) -> str:
        return reverse("billing:account", args=[kwargs["account_id"]])


class AgingPage(StaffPage, TemplateView):
    """What is open by how long it has been due, on any day; `?format=csv` gives all of it as CSV."""

    reads = Permission.BILLING_READ
    template_name = "billing/aging.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        filters = AgingFilters(request.GET)
        filters.is_valid()
        by = filters.value("by") or "policy"
        on: dt.date = filters.value("on") or clock.today()
        rows = aging.aged(self.actor, on, by)
        if request.GET.get("format") == "csv":
            name = f"aging-{by}-{on}.csv"
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            return HttpResponse(aging.as_csv(rows), content_type="text/csv; charset=utf-8", headers=headers)
        longest = sorted(rows, key=lambda row: (-row.over_90, -row.days_61_90, -row.total))[:SHOWN_AT_MOST]
        context = {
            "filters": filters, "by": by, "on": on, "rows": longest, "left_out": len(rows) - len(longest),
            "totals": aging.totals(rows), "buckets": aging.LABELS.values(),
        }  # fmt: skip
        return self.render_to_response(self.get_context_data(**context))


class PdfPage(StaffPage, View):
    """A document shown in the browser."""

    reads = Permission.BILLING_READ


class InvoicePdf(PdfPage):
    """An invoice with how each figure came about."""

    def get(self, request: HttpRequest, invoice_id: str) -> HttpResponse:
        invoice = access.get(self.actor, Invoice.objects.all(), invoice_id)
        return pdf_answer(documents.invoice_pdf(invoice), invoice.number)


class AccountBillPdf(PdfPage):
    """A bill across the policies of an account."""

    def get(self, request: HttpRequest, bill_id: str) -> HttpResponse:
        bill = access.get(self.actor, AccountBill.objects.all(), bill_id)
        return pdf_answer(documents.account_bill_pdf(bill), bill.number)


class NoticePdf(PdfPage):
    """A notice as it was made."""

    def get(self, request: HttpRequest, notice_id: str) -> HttpResponse:
        notice = access.get(self.actor, Notice.objects.all(), notice_id)
        return pdf_answer(documents.notice_pdf(notice), f"notice-{notice.prepared_on}")


class StatementPdf(PdfPage):
    """The statement of an account or policy from its first day on, or of the days asked for."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        subject: Policy | BillingAccount
        if "policy_id" in kwargs:
            subject = access.get(self.actor, Policy.objects.all(), kwargs["policy_id"])
        else:
            subject = access.get(self.actor, BillingAccount.objects.all(), kwargs["account_id"])
        form = StatementDays(request.GET)
        form.is_valid()
        since = form.value("since") or subject.created_at.date().replace(day=1)
        through = form.value("through") or max(since, clock.today())
        return pdf_answer(documents.statement_pdf(subject, since, through), f"statement-{subject.number}")


class StatementDays(FilterForm):
    since = DateField(required=False)
    through = DateField(required=False)
