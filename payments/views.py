"""Pages about payments, refunds, payouts and the webhooks that gateways sent us."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet, Sum
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, FilterForm, ListPage, page_of
from compliance.permissions import Permission
from coverpay.kernel import clock
from payments import attempts, queries, refunds, settlement
from payments.forms import FetchPayoutsForm, PaymentFilters, RefundForm, ResolveForm
from payments.models import Attempt, GatewayAccount, InboundEvent, Payment, Payout

P = Permission


class PaymentList(ListPage):
    """Every payment of the organization."""

    reads = P.PAYMENTS_READ
    template_name = "payments/payment/list.html"
    filters = PaymentFilters

    def rows(self, filters: FilterForm) -> QuerySet[Payment]:
        return queries.listed(filters.value("q") or "", filters.value("show") or "")


class PaymentDetail(StaffPage, TemplateView):
    """One payment: where its money is, its attempts, its refunds, what it posted."""

    reads = P.PAYMENTS_READ
    template_name = "payments/payment/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        payment = queries.one(self.actor, self.kwargs["payment_id"])
        lines = queries.payout_lines_of(self.actor, payment)
        matches = queries.bank_matches_of(self.actor, [line.payout_id for line in lines])
        tried = list(payment.attempts.all())
        unknown = next((a for a in tried if a.state == Attempt.State.UNKNOWN), None)
        return super().get_context_data(
            payment=payment,
            waiting=payment.state == Payment.State.PROCESSING and unknown is None,
            attempts=tried,
            refunds=list(payment.refunds.all()),
            stops=queries.journey(payment, lines, matches),
            payout_lines=lines,
            breaks=queries.breaks_of(self.actor, payment),
            entries=queries.entries_of(self.actor, payment, lines),
            can_refund=payment.state == Payment.State.SUCCEEDED and access.may(self.actor, P.PAYMENTS_WRITE),
            unknown=unknown,
            can_resolve=access.may(self.actor, P.RECONCILIATION_WRITE),
            **kwargs,
        )


class RequestRefund(CommandPage):
    """Give a whole payment back, saying why."""

    reads = writes = P.PAYMENTS_WRITE
    form_class = RefundForm
    template_name = "payments/payment/refund.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(payment=queries.one(self.actor, self.kwargs["payment_id"]), **kwargs)

    def run(self, form: RefundForm) -> str:
        refund = refunds.request(
            payment_id=self.kwargs["payment_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        messages.success(self.request, "The refund is on its way to the processor.")
        return reverse("payments:detail", args=[refund.payment_id])


class Resolve(CommandPage):
    """Decide an attempt whose outcome nobody could tell."""

    reads = writes = P.RECONCILIATION_WRITE
    form_class = ResolveForm
    template_name = "payments/attempt/resolve.html"
    fields_of = {"amount_minor": "amount"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Attempt.objects.select_related("payment__invoice", "account")
        return super().get_context_data(attempt=access.get(self.actor, rows, self.kwargs["attempt_id"]), **kwargs)

    def run(self, form: ResolveForm) -> str:
        attempt = attempts.resolve(
            attempt_id=self.kwargs["attempt_id"],
            taken=form.cleaned_data["taken"] == "yes",
            reason=form.cleaned_data["reason"],
            amount_minor=form.cleaned_data["amount"],
            actor=self.actor,
        )
        messages.success(self.request, f"Attempt {attempt.number} is decided: {attempt.get_state_display().lower()}.")
        return reverse("payments:detail", args=[attempt.payment_id])


class Payouts(CommandPage):
    """What processors paid out; fetch what is new."""

    reads = P.PAYMENTS_READ
    writes = P.RECONCILIATION_WRITE
    form_class = FetchPayoutsForm
    template_name = "payments/payout/list.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        rows = access.operable(self.actor, GatewayAccount.objects.order_by("id"))
        return {**super().get_form_kwargs(), "accounts": [(account.id, str(account)) for account in rows]}

    def get_initial(self) -> dict[str, Any]:
        return {"since": clock.today() - dt.timedelta(days=7)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Payout.objects.select_related("account").annotate(
            gross_minor=Sum("lines__gross_minor"), fee_minor=Sum("lines__fee_minor")
        )
        page = page_of(access.visible(self.actor, rows), self.request.GET.get("after", ""))
        can_fetch = access.may(self.actor, P.RECONCILIATION_WRITE)
        return super().get_context_data(page=page, can_fetch=can_fetch, **kwargs)

    def run(self, form: FetchPayoutsForm) -> str:
        found = settlement.import_payouts(
            account_id=form.cleaned_data["account"], since=form.cleaned_data["since"], actor=self.actor
        )
        messages.success(self.request, f"The processor lists {len(found)} payouts since then; all are recorded.")
        return reverse("payments:payouts")


class PayoutDetail(StaffPage, TemplateView):
    """One payout, line by line, and where the bank saw it."""

    reads = P.PAYMENTS_READ
    template_name = "payments/payout/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Payout.objects.select_related("account__bank_account")
        payout = access.get(self.actor, rows, self.kwargs["payout_id"])
        lines = list(payout.lines.order_by("id"))
        return super().get_context_data(
            payout=payout,
            lines=lines,
            gross_minor=sum(line.gross_minor for line in lines),
            fee_minor=sum(line.fee_minor for line in lines),
            match=queries.bank_matches_of(self.actor, [payout.id]).get(payout.id),
            **kwargs,
        )


class InboundList(ListPage):
    """Webhooks that gateways sent us, those that need a person first when asked."""

    reads = P.PAYMENTS_READ
    template_name = "payments/inbound/list.html"

    def rows(self, filters: FilterForm) -> QuerySet[InboundEvent]:
        rows = InboundEvent.objects.select_related("account").defer("body")
        state = self.request.GET.get("state", "")
        return rows.filter(state=state) if state in InboundEvent.State.values else rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(states=InboundEvent.State.choices, **kwargs)
