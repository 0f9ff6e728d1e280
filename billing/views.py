"""Pages about invoices: the list, and issuing what is due; the page of one invoice stands in `coverpay.dashboard`."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from billing import invoices, queries
from billing.forms import InvoiceFilters
from billing.models import Invoice
from compliance.pages import ActionPage, FilterForm, ListPage
from compliance.permissions import Permission


class InvoiceList(ListPage):
    """Every invoice the organization may read, with what is open."""

    reads = Permission.BILLING_READ
    template_name = "billing/invoice/list.html"
    filters = InvoiceFilters

    def rows(self, filters: FilterForm) -> QuerySet[Invoice]:
        return queries.listed(filters.value("q") or "", filters.value("show") or "")


class Issue(ActionPage):
    """Bill what a policy's schedule says is due."""

    reads = writes = Permission.BILLING_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        invoice = invoices.issue(policy_id=kwargs["policy_id"], actor=self.actor)
        return f"Invoice {invoice.number} is issued, due {invoice.due_on}."

    def back(self, **kwargs: str) -> str:
        return reverse("policy", args=[kwargs["policy_id"]])
