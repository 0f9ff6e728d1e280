"""Take a card, or a bank account that the processor keeps, by the processor's own element."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.permissions import Permission
from coverpay.kernel.errors import DomainError, Forbidden, NotFound
from payments import methods, setups, ways
from payments.models import GatewayAccount, PaymentMethod
from payments.views.method_forms import PolicyStep
from payments.views.methods import policy_of

P = Permission
STRIPE = {"frame-src": ["https://hooks.stripe.com"], "connect-src": ["https://api.stripe.com"]}
"""What the element loads beside its own script."""


class CardForm(forms.Form):
    """Which processor takes the card; at the sandbox, which of its test cards."""

    account = forms.ChoiceField(label="Processor account")
    token = forms.ChoiceField(label="Test card of the sandbox", required=False)

    def __init__(self, *args: Any, accounts: list[GatewayAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account, token = self.fields["account"], self.fields["token"]
        assert isinstance(account, forms.ChoiceField) and isinstance(token, forms.ChoiceField)
        account.choices = [(each.id, str(each)) for each in accounts]
        token.choices = [("", "–"), *ways.sandbox_choices("card")]
        if not any(each.gateway == ways.SANDBOX for each in accounts):
            del self.fields["token"]


class AddCard(PolicyStep):
    """Keep a card of a policy's insured; its number is typed at the processor only."""

    form_class = CardForm
    heading, button = "Add a card", "Go on"
    says = "The card's number is entered in a form of the processor and never comes here."

    def accounts(self) -> list[GatewayAccount]:
        rows = GatewayAccount.objects.filter(gateway=ways.SANDBOX, closed_at__isnull=True)
        return [*setups.keepers(self.actor), *access.operable(self.actor, rows.order_by("id"))]

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "accounts": self.accounts()}

    def run(self, form: CardForm) -> str:
        policy, account_id = policy_of(self), form.cleaned_data["account"]
        account = next(each for each in self.accounts() if each.id == account_id)
        if account.gateway != ways.SANDBOX:
            where = reverse("payments:enter-method", args=[policy.id])
            return f"{where}?{urlencode({'account': account.id, 'kind': PaymentMethod.Kind.CARD})}"
        report = ways.sandbox_report("card", form.cleaned_data.get("token", ""))
        method = methods.add_card(
            party_id=policy.insured_id,
            account_id=account.id,
            token=report.token,
            brand=report.brand,
            last4=report.last4,
            exp_month=report.exp_month,
            exp_year=report.exp_year,
            funding=report.funding,
            holder_name=policy.insured.name[:120],
            actor=self.actor,
        )
        return kept(self.request, method)


class EnterMethod(StaffPage, TemplateView):
    """The processor's element, in which the payor's card or bank account is entered."""

    reads = P.PAYMENTS_WRITE
    writes = P.PAYMENTS_WRITE
    template_name = "payments/method/enter.html"
    begun: setups.Begun | None = None

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        policy, refusal = policy_of(self), kwargs.pop("refusal", "")
        account_id = self.request.GET.get("account") or next((a.id for a in setups.keepers(self.actor)), "")
        try:
            self.begun = setups.begin(
                party_id=policy.insured_id,
                account_id=account_id,
                kind=self.request.GET.get("kind", PaymentMethod.Kind.CARD),
                actor=self.actor,
            )
        except DomainError as error:
            refusal = refusal or error.message
        return super().get_context_data(policy=policy, begun=self.begun, refusal=refusal, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._allowed(super().get(request, *args, **kwargs))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        policy = policy_of(self)
        try:
            method = setups.finish(
                setup=request.POST.get("setup", ""), holder_name=policy.insured.name[:120], actor=self.actor
            )
        except (Forbidden, NotFound):
            raise
        except DomainError as error:
            page: HttpResponse = self.render_to_response(self.get_context_data(refusal=error.message))
            page.status_code = 422
            return self._allowed(page)
        return redirect(kept(request, method))

    def _allowed(self, page: HttpResponse) -> HttpResponse:
        """Let this one page load the processor's script and what that needs."""
        if self.begun is not None and (script := urlsplit(self.begun.report.script_url)).netloc:
            origin = f"{script.scheme}://{script.netloc}"
            page._csp_update = {  # type: ignore[attr-defined]
                "script-src": ["'self'", origin],
                "frame-src": [origin, *STRIPE["frame-src"]],
                "connect-src": ["'self'", origin, *STRIPE["connect-src"]],
            }
        return page


def kept(request: HttpRequest, method: PaymentMethod) -> str:
    """Say that a method is kept, and go on to its mandate."""
    messages.success(request, f"{method} is kept. Read the payor these words before it is charged without them.")
    return reverse("payments:give-mandate", args=[method.id])
