"""Pages of the back office about pay links, batch payments and what ways of paying cost."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.generic import TemplateView

from billing.models import BillingAccount, Invoice
from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, CommandPage, DateField, FilterForm, ListPage, PreviewPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.errors import DomainError, Invalid
from coverpay.kernel.money import Money
from payments import batches, method_fees, pay_links
from payments.batches import Asked, Preview
from payments.method_fee_terms import FeesUnreadable
from payments.models import MethodFees, PayLink
from policies.models import Party, Policy

P = Permission


class LinkForm(forms.Form):
    """How long a link is good for, whether once, and whether it goes by mail."""

    days = forms.IntegerField(label="Good for (days)", min_value=1, max_value=pay_links.MOST_DAYS, initial=14)
    single_use = forms.BooleanField(label="For one payment only", required=False, initial=True)
    by_mail = forms.BooleanField(label="Send it to the payor by e-mail", required=False)


class SendLink(StaffPage, TemplateView):
    """Make a pay link; its address is shown once, on the answer that made it."""

    reads = writes = P.PAYMENTS_WRITE
    template_name = "payments/pay_link/send.html"
    about = "policy"
    """What the link is about: policy, invoice or billing_account."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        title, back, party = self._subject()
        kwargs.setdefault("form", LinkForm())
        return super().get_context_data(about=title, back=back, party=party, **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = LinkForm(request.POST)
        self._subject()
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        about = {f"{self.about}_id": next(iter(self.kwargs.values()))}
        try:
            issued = pay_links.create(**about, **form.cleaned_data, actor=self.actor)
        except Invalid as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
            return self.render_to_response(self.get_context_data(form=form), status=422)
        response = self.render_to_response(self.get_context_data(form=form, issued=issued))
        response["Cache-Control"] = "no-store"
        return response

    def _subject(self) -> tuple[str, str, Party]:
        """What it is about in words, the page to go back to, and who pays. Raises: NotFound."""
        id = next(iter(self.kwargs.values()))
        if self.about == "invoice":
            rows = access.operable(self.actor, Invoice.objects.select_related("policy__insured", "account__payor"))
            invoice = access.get(self.actor, rows, id)
            payor = invoice.account.payor if invoice.account else invoice.policy.insured
            return f"Invoice {invoice.number}", reverse("invoice", args=[id]), payor
        if self.about == "billing_account":
            accounts = access.operable(self.actor, BillingAccount.objects.select_related("payor"))
            account = access.get(self.actor, accounts, id)
            return f"Account {account.number}", reverse("billing:account", args=[id]), account.payor
        policies = access.operable(self.actor, Policy.objects.select_related("insured"))
        policy = access.get(self.actor, policies, id)
        return f"Policy {policy.number}", reverse("policy", args=[id]), policy.insured


class PayLinks(ListPage):
    """Every pay link, how it stands, and what was paid by it."""

    reads = P.PAYMENTS_READ
    template_name = "payments/pay_link/list.html"

    def rows(self, filters: FilterForm) -> QuerySet[PayLink]:
        return PayLink.objects.select_related("policy", "billing_account", "invoice", "party", "payment")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        shown = super().get_context_data(**kwargs)
        shown["links"] = [(link, pay_links.state_of(link)) for link in shown["page"].rows]
        shown["look_up"] = f"{settings.PUBLIC_URL}/pay/at/…"
        shown["can_revoke"] = access.may(self.actor, P.PAYMENTS_WRITE)
        return shown


class RevokeLink(ActionPage):
    """Take a link back."""

    reads = writes = P.PAYMENTS_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        pay_links.revoke(link_id=kwargs["link_id"], reason="Taken back in the back office.", actor=self.actor)
        return "The link is taken back."

    def back(self, **kwargs: str) -> str:
        return reverse("payments:pay-links")


class BatchForm(forms.Form):
    """Lines of a batch, and the account it is paid from."""

    lines = forms.CharField(
        label="Invoices",
        max_length=400_000,
        help_text="One a line: the invoice's number, then a comma and an amount where less than all is paid.",
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
    )
    method = forms.ChoiceField(label="Method", choices=[("ach", "Bank debit (ACH)"), ("card", "Card")])
    token = forms.CharField(
        label="Token of the account or card",
        max_length=120,
        help_text="The processor's token, never an account or card number.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_lines(self) -> list[Asked]:
        return [_line(text) for text in self.cleaned_data["lines"].splitlines() if text.strip()]


class PayBatch(PreviewPage):
    """Pay many invoices at once: look at every line first, then pay those that can be paid."""

    reads = writes = P.PAYMENTS_WRITE
    form_class = BatchForm
    template_name = "payments/batch/form.html"
    fields_of = {"items": "lines"}

    def get_initial(self) -> dict[str, Any]:
        due = batches.open_of(self.actor)
        return {"lines": "\n".join(invoice.number for invoice in due)}

    def preview(self, form: BatchForm) -> Preview:
        return batches.preview(self.actor, form.cleaned_data["lines"])

    def run(self, form: BatchForm) -> str:
        looked = self.preview(form)
        items = [Asked(line.invoice.id, line.amount_minor) for line in looked.good if line.invoice is not None]
        paid = batches.pay(
            items=items, method=form.cleaned_data["method"], token=form.cleaned_data["token"], actor=self.actor
        )
        total = Money(sum(payment.amount_minor for payment in paid), looked.currency)
        messages.success(self.request, f"{len(items)} invoices are being paid: {total} in {len(paid)} payments.")
        return reverse("payments:batch")


def _line(text: str) -> Asked:
    name, _, amount = text.partition(",")
    return Asked(name.strip()[:60], amount=amount.strip()[:40])


class FeesForm(forms.Form):
    """What ways of paying cost from a day on, as the guide writes it."""

    effective_from = DateField(label="From")
    spec = forms.JSONField(
        label="What they cost",
        help_text='Who is paid, and what is asked on "web" and by "agency".',
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
    )


class Fees(CommandPage):
    """What ways of paying cost the payor, version by version; publish the next one."""

    reads = P.PAYMENTS_READ
    writes = P.ACCESS_WRITE
    form_class = FeesForm
    template_name = "payments/method_fees/list.html"

    def get_initial(self) -> dict[str, Any]:
        latest = access.visible(self.actor, MethodFees.objects.order_by("-number")).first()
        example = {"payee": "insurer", "channels": {"web": {"ach": {"flat": "0"}}}}
        return {"effective_from": clock.today(), "spec": latest.spec if latest else example}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        versions = access.visible(self.actor, MethodFees.objects.order_by("-number"))
        can_publish = access.may(self.actor, P.ACCESS_WRITE) and self.actor.organization_id is not None
        return super().get_context_data(versions=versions, can_publish=can_publish, **kwargs)

    def show(self, error: DomainError, form: FeesForm) -> None:
        """Put a refusal of any key of the spec at the spec."""
        if isinstance(error, FeesUnreadable):
            form.add_error("spec", error.message)
        else:
            super().show(error, form)

    def run(self, form: FeesForm) -> str:
        version = method_fees.publish(**form.cleaned_data, actor=self.actor)
        messages.success(self.request, f"Version {version.number} counts from {version.effective_from} on.")
        return reverse("payments:method-fees")
