"""Pages that read across the apps: home, search, one policy with its timeline, one invoice with its payments."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.generic import TemplateView, View

import billing.queries
import policies.queries
from billing.models import Invoice, LineCredit
from compliance import access, explanations
from compliance.http import ORGANIZATION_IN_SESSION, StaffPage
from compliance.models import User
from compliance.pages import CommandPage
from compliance.permissions import Permission
from coverpay.dashboard import agenda, home, places
from coverpay.dashboard.search import search
from coverpay.kernel.errors import NotFound
from coverpay.kernel.ids import is_id
from coverpay.kernel.money import Money
from payments import collection
from payments.forms import TakePaymentForm
from payments.gateways import sandbox
from payments.models import Payment, PaymentPart
from policies import lifecycle
from policies.forms import QuoteForm
from policies.models import Policy

P = Permission


class Home(StaffPage, TemplateView):
    """What waits for a person, the cash of the day, what happened last."""

    reads = P.POLICIES_READ
    template_name = "dashboard/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        lists = home.waiting(self.actor)
        return super().get_context_data(
            worklists=lists,
            busy=[row for row in lists if row.count],
            clear=[row for row in lists if not row.count],
            cash=home.cash(self.actor),
            activity=home.activity(self.actor),
            payments=home.latest_payments(self.actor),
            **kwargs,
        )


class Search(StaffPage, TemplateView):
    """Find by number, name, reference or id; an id goes straight to its page."""

    reads = P.POLICIES_READ
    template_name = "dashboard/search.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        text = request.GET.get("q", "").replace("\x00", "").strip()[:80]
        if is_id(text):
            return redirect(places.url_of(self.actor, text))
        found = search(self.actor, text) if text else None
        return self.render_to_response(self.get_context_data(query=text, found=found))


class Go(StaffPage, View):
    """Go to the page of any object by its id."""

    reads = P.POLICIES_READ

    def get(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(places.url_of(self.actor, object_id))


class SwitchOrganization(StaffPage, View):
    """Act for another organization of one's own memberships."""

    reads = P.POLICIES_READ
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        assert isinstance(user, User)
        wanted = request.POST.get("organization", "")
        if not is_id(wanted) or not user.memberships.filter(organization_id=wanted).exists():
            raise NotFound("You are not a member of that organization.", field="organization")
        request.session[ORGANIZATION_IN_SESSION] = wanted
        return redirect("home")


class NewQuote(CommandPage):
    """Write a quote under one of the organization's programs, to be paid by one of its plans."""

    reads = writes = P.POLICIES_WRITE
    form_class = QuoteForm
    template_name = "policies/policy/form.html"
    fields_of = {"insured": "name", "amount": "premium"}

    def get_form_kwargs(self) -> dict[str, Any]:
        programs = policies.queries.programs_of(self.actor).prefetch_related("versions")
        return {**super().get_form_kwargs(), "programs": programs, "plans": billing.queries.plans_of(self.actor)}

    def run(self, form: QuoteForm) -> str:
        policy = lifecycle.quote(request=form.request(), actor=self.actor)
        messages.success(self.request, f"Quote {policy.number} is written; nothing is owed until it is bound.")
        return reverse("policy", args=[policy.id])


class InvoiceDetail(CommandPage):
    """One invoice: its lines and why, its payments, and the form that takes one."""

    reads = P.BILLING_READ
    writes = P.PAYMENTS_WRITE
    form_class = TakePaymentForm
    template_name = "billing/invoice/detail.html"
    fields_of = {"amount_minor": "amount", "currency": "amount"}

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self._invoice: Any = None

    @property
    def invoice(self) -> Any:
        """The visible invoice with `open_minor`, read once a request. Raises: NotFound."""
        if self._invoice is None:
            self._invoice = billing.queries.one(self.actor, self.kwargs["invoice_id"])
        return self._invoice

    def get_form_kwargs(self) -> dict[str, Any]:
        return {
            **super().get_form_kwargs(),
            "currency": self.invoice.currency,
            "tokens": settings.SANDBOX_ENABLED,
        }

    def get_initial(self) -> dict[str, Any]:
        return {"amount": _plain(self.invoice.open_minor, self.invoice.currency)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        invoice = self.invoice
        lines = billing.queries.lines_of(invoice)
        parts = PaymentPart.objects.filter(invoice=invoice)
        payments = access.visible(self.actor, Payment.objects.filter(pk__in=parts.values("payment_id"))).order_by("-id")
        live = parts.filter(live=True).exists()
        operates = access.operable(self.actor, Policy.objects.filter(pk=invoice.policy_id)).exists()
        may_pay = operates and access.may(self.actor, P.PAYMENTS_WRITE)
        credits = LineCredit.objects.filter(line__invoice=invoice).select_related("line").order_by("id")
        return super().get_context_data(
            invoice=invoice,
            lines=lines,
            credits=list(credits),
            replaced_by=Invoice.objects.filter(supersedes=invoice).first(),
            can_bill=operates and access.may(self.actor, P.BILLING_WRITE),
            invoice_actions=agenda.invoice_actions(invoice, [row.line for row in lines]),
            reasons=explanations.of(invoice.id),
            payments=payments,
            can_pay=may_pay and invoice.open_minor > 0 and not live,
            tokens=sandbox.TOKENS if settings.SANDBOX_ENABLED else {},
            **kwargs,
        )

    def run(self, form: TakePaymentForm) -> str:
        payment = collection.collect(
            invoice_id=self.kwargs["invoice_id"],
            method=form.cleaned_data["method"],
            token=form.cleaned_data["token"],
            amount_minor=form.cleaned_data["amount"],
            actor=self.actor,
        )
        messages.success(self.request, "The payment is on its way to the processor; this page shows how it ends.")
        return reverse("payments:detail", args=[payment.id])


def _plain(amount_minor: int, currency: str) -> str:
    """An amount as the money field reads it back."""
    return str(Money(amount_minor, currency)).partition(" ")[0]
