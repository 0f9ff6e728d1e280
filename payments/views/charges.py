"""Pages about payments, their attempts and refunds."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, FilterForm, ListPage
from compliance.permissions import Permission
from payments import attempts, journeys, queries
from payments.forms import PaymentFilters, ResolveForm
from payments.models import Attempt, Payment

P = Permission


class PaymentList(ListPage):
    """Every payment of the organization."""

    reads = P.PAYMENTS_READ
    template_name = "payments/payment/list.html"
    filters = PaymentFilters

    def rows(self, filters: FilterForm) -> QuerySet[Payment]:
        return queries.listed(filters.value("q") or "", filters.value("show") or "")


class PaymentDetail(StaffPage, TemplateView):
    """One payment: where its money is, its parts, attempts, refunds and disputes, what it posted."""

    reads = P.PAYMENTS_READ
    template_name = "payments/payment/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        payment = queries.one(self.actor, self.kwargs["payment_id"])
        lines = queries.payout_lines_of(self.actor, payment)
        ways = journeys.of_payment(self.actor, payment, lines)
        tried = list(payment.attempts.all())
        unknown = next((a for a in tried if a.state == Attempt.State.UNKNOWN), None)
        held = next((a for a in tried if a.state == Attempt.State.AUTHORIZED), None)
        pending = next((a for a in tried if a.state in (Attempt.State.PLANNED, Attempt.State.PENDING)), None)
        return super().get_context_data(
            payment=payment,
            waiting=payment.state == Payment.State.PROCESSING and unknown is None and held is None,
            held=held,
            pending=pending,
            parts=list(payment.parts.all()),
            disputes=list(payment.disputes.all()),
            attempts=tried,
            refunds=list(payment.refunds.all()),
            journeys=ways,
            stops=ways[0].stops,
            live=not all(way.over for way in ways),
            payout_lines=lines,
            breaks=queries.breaks_of(self.actor, payment),
            entries=queries.entries_of(self.actor, payment, lines),
            can_write=access.may(self.actor, P.PAYMENTS_WRITE),
            can_refund=payment.state == Payment.State.SUCCEEDED and access.may(self.actor, P.PAYMENTS_WRITE),
            unknown=unknown,
            can_resolve=access.may(self.actor, P.RECONCILIATION_WRITE),
            **kwargs,
        )


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
