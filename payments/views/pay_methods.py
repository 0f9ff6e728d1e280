"""How a card or bank account is entered on a payor's page, and the pages where new payment details are given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from coverpay.kernel.errors import Conflict, DomainError, NotFound
from coverpay.kernel.money import Money
from payments import methods, new_details, pay_links, payable, payor_payments, validations, ways
from payments.models import GatewayAccount, PayLink, PaymentMethod
from payments.payor_payments import Consent, Draft
from payments.views.pay_forms import MethodForm
from payments.views.public import LinkPage, address_of
from payments.ways import Entry

if TYPE_CHECKING:
    from payments.gateways.base import SetupReport

REACHES: dict[str, dict[str, list[str]]] = {
    "https://js.stripe.com": {
        "frame-src": ["https://js.stripe.com", "https://hooks.stripe.com"],
        "connect-src": ["'self'", "https://api.stripe.com"],
    },
}
"""What a processor's element reaches beside the place its script is from."""


class NotConfirmedYet(Conflict):
    """A new bank account has to be confirmed before the first debit that is authorized on the web."""

    code = "account_not_confirmed"


def method_from(page: LinkPage, form: MethodForm) -> PaymentMethod | None:
    """The method that was chosen or typed, kept before anything is charged; None where the processor's page is next.

    Raises: NotFound, MethodNotEntered, RoutingNumberWrong, AccountNumberWrong, AccountBlocked, LinkExpired, ...
    """
    link, data, way = page.link, form.cleaned_data, form.chosen_way()
    if way is None:
        return payor_payments.method_of(link, data["way"])
    if way.entry == Entry.ELEMENT:
        page.remember(account=way.account.id, kind=way.kind, setup="")
        return None
    actor = pay_links.actor_of(link)
    if way.entry == Entry.SANDBOX:
        report = ways.sandbox_report(way.kind, data[f"{way.kind}_token"])
        return ways.keep(link_id=link.id, account_id=way.account.id, report=report, actor=actor)
    method = methods.add_bank_account(
        party_id=pay_links.payor_of(link).id,
        routing_number=data["routing_number"],
        account_number=data["account_number"],
        account_type=data["account_type"],
        holder_name=data["holder_name"],
        actor=actor,
    )
    if method.state == PaymentMethod.State.UNVALIDATED:
        validations.start(payment_method_id=method.id, kind="prenote", account_id=way.account.id, actor=actor)
    return method


def refuse_unconfirmed(link: PayLink, method: PaymentMethod, draft: Draft) -> None:
    """Refuse to debit a bank account today that its bank has not confirmed. Raises: NotConfirmedYet."""
    if method.state != PaymentMethod.State.UNVALIDATED or draft.collect_on is not None:
        return
    raise NotConfirmedYet(
        "We have asked your bank to confirm this account, which takes about three business days. "
        "Choose a later day, or pay by card today.",
        field="way",
    )


class Enter(LinkPage):
    """A card or account, entered in the processor's own element: we never see its number."""

    template_name = "pay/enter.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pay_links.check(self.link)
        account = self._account()
        setup = ways.begin(self.link, account, self.memory["kind"])
        self.remember(setup=setup.setup)
        response = self.render_to_response(self.get_context_data(setup=setup, kind=self.memory["kind"]))
        response._csp_update = allowed(setup)  # type: ignore[attr-defined]
        return response

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pay_links.check(self.link)
        try:
            method = ways.finish(self.link, self._account(), self.memory.get("setup", ""))
        except ways.MethodNotEntered:
            return redirect("pay:enter", link_id=self.link.id)
        if self.link.purpose == PayLink.Purpose.DETAILS:
            self.remember(method=method.id)
            return redirect("pay:agree", link_id=self.link.id)
        draft = replace(payor_payments.read(self.memory["draft"]), payment_method_id=method.id)
        self.remember(draft=draft.as_json())
        return redirect("pay:review", link_id=self.link.id)

    def _account(self) -> GatewayAccount:
        rows = GatewayAccount.objects.filter(organization_id=self.link.organization_id, closed_at__isnull=True)
        account = rows.filter(pk=self.memory.get("account", "")).first()
        if account is None:
            raise NotFound("Begin again by the link you were sent.")
        return account


class Details(LinkPage):
    """Another card or bank account, in the place of one that failed."""

    template_name = "pay/details.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if pay_links.is_used(self.link):
            return redirect("pay:agree", link_id=self.link.id)
        pay_links.check(self.link)
        return self._page(self._form())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pay_links.check(self.link)
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        try:
            method = method_from(self, form)
        except DomainError as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
            return self._page(form, 422)
        if method is None:
            return redirect("pay:enter", link_id=self.link.id)
        self.remember(method=method.id)
        return redirect("pay:agree", link_id=self.link.id)

    def _form(self, typed: Any = None) -> MethodForm:
        found = payable.of_link(self.link)
        first = found[0].invoice.policy if found else self.link.policy
        amount = found[0].open if found else Money(1)
        return MethodForm(typed, kept=payable.methods_of(self.link), ways=ways.of_link(self.link, amount, first))

    def _page(self, form: MethodForm, status: int = 200) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=status)


class Agree(LinkPage):
    """The words that keeping the new method takes, and afterwards that it is kept."""

    template_name = "pay/agree.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.link.used_at is None and "method" not in self.memory:
            return redirect("pay:details", link_id=self.link.id)
        return self._page()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if pay_links.is_used(self.link):
            return redirect("pay:agree", link_id=self.link.id)
        try:
            new_details.give(
                link_id=self.link.id,
                payment_method_id=self.memory.get("method", ""),
                agreed=request.POST.get("agree") == "yes",
                consent=Consent(address_of(request), request.headers.get("User-Agent", "")),
                actor=pay_links.actor_of(self.link),
            )
        except payor_payments.ConsentNeeded as refusal:
            return self._page(refusal.message, refusal.status)
        return redirect("pay:agree", link_id=self.link.id)

    def _page(self, said: str = "", status: int = 200) -> HttpResponse:
        done = pay_links.is_used(self.link)
        method = payor_payments.method_of(self.link, self.memory["method"]) if "method" in self.memory else None
        leave = new_details.leave_for(self.link, method) if method is not None and not done else ""
        shown = self.get_context_data(done=done, method=method, leave=leave, said=said)
        return self.render_to_response(shown, status=status)


def allowed(setup: SetupReport) -> dict[str, list[str]]:
    """What the page's content policy lets the element do: its own script, and what that reaches."""
    parts = urlsplit(setup.script_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    reaches = REACHES.get(origin, {"frame-src": [origin], "connect-src": ["'self'", origin]})
    return {"script-src": ["'self'", setup.script_url], **reaches}
