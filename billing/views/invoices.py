"""Pages about invoices: the list, issuing what is due, voiding, writing off, asking again, waiving a fee.

The page of one invoice stands in `coverpay.dashboard`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from billing import invoices, open_items, queries, voids, write_offs
from billing.forms import InvoiceFilters, ReasonForm, WaiveForm
from billing.models import Invoice, InvoiceLine
from billing.standing import FEES
from compliance import access, approvals
from compliance.pages import ActionPage, CommandPage, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel.errors import ApprovalRequired
from coverpay.kernel.money import Money

P = Permission


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


class InvoiceStep(CommandPage):
    """One thing done to an invoice, with a reason."""

    reads = writes = P.BILLING_WRITE
    form_class: type[forms.Form] = ReasonForm
    template_name = "billing/invoice/step.html"
    heading: ClassVar[str] = ""
    button: ClassVar[str] = ""
    tone: ClassVar[str] = "button--danger"
    fields_of: ClassVar[dict[str, str]] = {"invoice": ""}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self._invoice: Any = None

    @property
    def invoice(self) -> Any:
        """The invoice with `open_minor`, read once a request. Raises: NotFound."""
        if self._invoice is None:
            found = queries.one(self.actor, self.kwargs["invoice_id"])
            access.get(self.actor, access.operable(self.actor, Invoice.objects.all()), found.id)
            self._invoice = found
        return self._invoice

    def says(self) -> str:
        """What the button does, before it is pressed."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        words = {"heading": self.heading, "button": self.button, "tone": self.tone, "says": self.says()}
        return super().get_context_data(invoice=self.invoice, words=words, **kwargs)

    def done(self, words: str) -> str:
        messages.success(self.request, words)
        return reverse("invoice", args=[self.invoice.id])


class Void(InvoiceStep):
    """Take back an invoice that should not have been sent."""

    heading, button = "Void invoice", "Void the invoice"

    def says(self) -> str:
        return (
            "It asks for nothing any more. What it asked for is billed with the next installment; what was paid on it "
            "covers whatever else is open. Fees of the plan on it are dropped."
        )

    def run(self, form: ReasonForm) -> str:
        voids.void(invoice_id=self.invoice.id, reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done(f"Invoice {self.invoice.number} is void.")


class WriteOff(InvoiceStep):
    """Give up what is open; above the plan's small balance someone else approves first."""

    heading, button = "Write off invoice", "Write off what is open"

    def says(self) -> str:
        limit = write_offs.small_balance(self.invoice)
        still_open = Money(open_items.open_minor(self.invoice), self.invoice.currency)
        if still_open > limit:
            return (
                f"{still_open} is given up. That is more than {limit}, the small balance of the plan, so someone else "
                "must approve it: the button asks for that the first time; once it is approved, press it again."
            )
        return f"{still_open} is given up; up to {limit} needs nobody's approval."

    def run(self, form: ReasonForm) -> str:
        reason = form.cleaned_data["reason"]
        try:
            write_offs.write_off(invoice_id=self.invoice.id, reason=reason, actor=self.actor)
        except ApprovalRequired as error:
            if error.extra.get("permit"):
                raise
            permit = approvals.request(
                action=error.extra["action"],
                object_id=error.extra["object_id"],
                amount=Money(error.extra["amount_minor"], error.extra["currency"]),
                reason=reason,
                actor=self.actor,
            )
            messages.warning(self.request, f"Approval is asked for ({permit.id}); write off again once it is given.")
            return reverse("invoice", args=[self.invoice.id])
        return self.done(f"What was open on invoice {self.invoice.number} is written off.")


class AskAgain(InvoiceStep):
    """Take a write-off back."""

    heading, button, tone = "Ask again for invoice", "Ask for it again", "button--main"

    def says(self) -> str:
        return "The write-off is taken back, and what was given up is open again."

    def run(self, form: ReasonForm) -> str:
        write_offs.take_back(invoice_id=self.invoice.id, reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done(f"Invoice {self.invoice.number} is open again.")


class Waive(InvoiceStep):
    """Let a fee of the plan go."""

    form_class = WaiveForm
    heading, button, tone = "Waive a fee of invoice", "Waive the fee", "button--main"
    fields_of = {"invoice": "", "line_id": "line"}

    def says(self) -> str:
        return "The fee is asked for no more; what was paid for it covers whatever else is open."

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "lines": [(row.id, str(row)) for row in waivable(self.invoice)]}

    def run(self, form: WaiveForm) -> str:
        data = form.cleaned_data
        write_offs.waive(invoice_id=self.invoice.id, line_id=data["line"], reason=data["reason"], actor=self.actor)
        return self.done("The fee is waived.")


def waivable(invoice: Invoice) -> list[InvoiceLine]:
    """The lines of an invoice that are fees of the plan."""
    return list(invoice.lines.filter(component__in=FEES).order_by("position"))
