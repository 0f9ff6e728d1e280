"""The pages where payors pay: open a link or look a bill up, choose, look again, confirm, and see what came of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.generic import FormView

from coverpay.kernel import clock
from coverpay.kernel.actors import system
from coverpay.kernel.errors import DomainError
from coverpay.kernel.money import Money, exponent
from payments import guests, pay_links, payable, payor_payments, receipt_letters, receipts, ways
from payments.models import PayLink, Payment
from payments.payor_payments import Consent, Draft
from payments.views.pay_forms import LookUpForm, PayForm
from payments.views.pay_methods import method_from, refuse_unconfirmed
from payments.views.public import LinkPage, PublicPage, address_of, let_in, refused, shut

VISITOR = system("payor")
REFRESH_SECONDS = 3
LOOKS_AGAIN_FOR = dt.timedelta(minutes=2)
"""What is not known by then takes days, or a person: the page looks again only when it is asked to."""


class Open(PublicPage):
    """Open a link: its secret is checked and then gone from the address."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        link = pay_links.open(secret=kwargs["secret"], address=address_of(request), actor=VISITOR)
        let_in(request, link)
        return redirect("pay:choose", link_id=link.id)


class Nothing(PublicPage):
    """Something behind a link that is not there, answered without writing the link down."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return shut(refused(request, pay_links.LinkUnknown("There is nothing at this address.")))


class LookUp(PublicPage, FormView):  # type: ignore[type-arg]
    """Find a bill by its number and the postal code it was sent to."""

    template_name = "pay/look_up.html"
    form_class = LookUpForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        found = guests.organization_of(kwargs["code"])
        if found is None:
            raise Http404
        self.organization = found
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(organization=self.organization, **kwargs)

    def form_valid(self, form: LookUpForm) -> HttpResponse:
        link = guests.look_up(
            organization_id=self.organization.id,
            number=form.cleaned_data["number"],
            postal_code=form.cleaned_data["postal_code"],
            address=address_of(self.request),
            actor=VISITOR,
        )
        if link is None:
            form.add_error(None, "We found no bill with this number and postal code. Check both, and try again.")
            return self.form_invalid(form)
        let_in(self.request, link)
        return redirect("pay:choose", link_id=link.id)

    def form_invalid(self, form: LookUpForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class Choose(LinkPage):
    """What is open, how to pay it, and when."""

    template_name = "pay/choose.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.link.purpose == PayLink.Purpose.DETAILS:
            return redirect("pay:details", link_id=self.link.id)
        if pay_links.is_used(self.link):
            return redirect("pay:status", link_id=self.link.id)
        pay_links.check(self.link)
        return self._page(self._form())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pay_links.check(self.link)
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        data = form.cleaned_data
        draft = Draft(form.wanted(), "", bool(data.get("keep")), bool(data.get("autopay")), form.later())
        try:
            method = method_from(self, form)
            if method is None:
                self.remember(draft=draft.as_json())
                return redirect("pay:enter", link_id=self.link.id)
            refuse_unconfirmed(self.link, method, draft)
            draft = replace(draft, payment_method_id=method.id)
            payor_payments.review(self.link, draft)
        except DomainError as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
            return self._page(form, 422)
        self.remember(draft=draft.as_json())
        return redirect("pay:review", link_id=self.link.id)

    def _form(self, typed: Any = None) -> PayForm:
        self.found = payable.of_link(self.link)
        first = self.found[0].invoice.policy if self.found else self.link.policy
        known = bool(self.link.party_id)
        due = [each.invoice.due_on for each in self.found if not each.paying]
        return PayForm(
            typed,
            initial={"bills": [each.id for each in self.found if not each.paying]},
            payable=self.found,
            kept=payable.methods_of(self.link),
            ways=ways.of_link(self.link, self._total(), first) if self.found else [],
            may_keep=known,
            may_enrol=known and bool(self.link.policy_id),
            last_day=max(due, default=None),
        )

    def _bills(self, form: PayForm) -> list[dict[str, Any]]:
        """Each bill with its lines, and the field of its amount where a part may be paid."""
        lines = payable.why(self.link, self.found)
        fields = {each.id: f"amount_{each.id}" for each in self.found}
        return [
            {
                "each": each,
                "lines": [line for line in lines.get(each.id, []) if line.open_minor],
                "amount": form[fields[each.id]] if fields[each.id] in form.fields else None,
            }
            for each in self.found
        ]

    def _total(self) -> Money:
        currency = self.found[0].invoice.currency if self.found else "USD"
        return Money(sum(each.open_minor for each in self.found if not each.paying), currency)

    def _page(self, form: PayForm, status: int = 200) -> HttpResponse:
        total = self._total()
        shown = self.get_context_data(
            form=form,
            payable=self.found,
            bills=self._bills(form),
            total=total,
            decimals=exponent(total.currency),
            payment=self.link.payment,
        )
        return self.render_to_response(shown, status=status)


class Confirm(LinkPage):
    """The amount with its fee, once more before it is paid."""

    template_name = "pay/review.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "draft" not in self.memory:
            return redirect("pay:choose", link_id=self.link.id)
        return self._page()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            said = signing.loads(request.POST.get("shown", ""), salt=self.link.id)
        except signing.BadSignature:
            return redirect("pay:choose", link_id=self.link.id)
        try:
            payment = payor_payments.pay(
                link_id=self.link.id,
                draft=payor_payments.read(said["draft"]),
                shown=said["shown"],
                agreed=request.POST.get("agree") == "yes",
                consent=Consent(address_of(request), request.headers.get("User-Agent", "")),
                actor=pay_links.actor_of(self.link),
            )
        except (payor_payments.LookAgain, payor_payments.ConsentNeeded) as refusal:
            return self._page(refusal.message, refusal.status)
        self.remember(scheduled=payment is None)
        return redirect("pay:status", link_id=self.link.id)

    def _page(self, said: str = "", status: int = 200) -> HttpResponse:
        draft = payor_payments.read(self.memory["draft"])
        review = payor_payments.review(self.link, draft)
        mark = signing.dumps({"draft": draft.as_json(), "shown": review.shown}, salt=self.link.id)
        why = [derivation for name, _, derivation in review.quote.figures if name == "surcharge"]
        shown = self.get_context_data(review=review, mark=mark, said=said, why_fee=why)
        return self.render_to_response(shown, status=status)


class Status(LinkPage):
    """What came of the payment: it asks again by itself until that is known, without a script."""

    template_name = "pay/status.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        payment = self.link.payment
        if self.memory.get("scheduled") or (payment is None and self.link.used_at):
            return self.render_to_response(self.get_context_data(scheduled=payable.scheduled_of(self.link)))
        if payment is None:
            return redirect("pay:choose", link_id=self.link.id)
        attempt = payment.attempts.order_by("-number").first()
        waits = payment.state == Payment.State.PROCESSING
        response = self.render_to_response(
            self.get_context_data(
                payment=payment,
                receipt=receipts.of(payment, self.link),
                paid=payment.state in receipts.PAID,
                waits=waits,
                attempt=attempt,
                can_try_again=pay_links.state_of(self.link) == "open",
            )
        )
        if waits and clock.now() - payment.created_at < LOOKS_AGAIN_FOR:
            response.headers["Refresh"] = str(REFRESH_SECONDS)
        return response


class Document(LinkPage):
    """The receipt as PDF."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        payment = self.link.payment
        if payment is None or payment.state not in receipts.PAID:
            return redirect("pay:status", link_id=self.link.id)
        content = receipt_letters.pdf(receipts.of(payment, self.link))
        name = f"receipt-{payment.id}.pdf"
        headers = {"Content-Disposition": f'inline; filename="{name}"'}
        return HttpResponse(content, content_type="application/pdf", headers=headers)
