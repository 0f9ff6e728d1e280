"""Pages about how a payor pays: methods, mandates in their words, validations, and what is scheduled."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.views.generic import TemplateView

from billing.models import Invoice
from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from payments import methods
from payments.models import AccountValidation, Autopay, Mandate, PaymentMethod, ScheduledPayment
from policies.models import Policy

P = Permission
State = PaymentMethod.State
OVER = (State.BLOCKED, State.REMOVED)


def policy_of(page: Any) -> Policy:
    """The policy in the address, if the actor's organization operates it. Raises: NotFound."""
    rows = access.operable(page.actor, Policy.objects.select_related("insured", "operator"))
    return access.get(page.actor, rows, page.kwargs["policy_id"], field="policy")


def method_of(page: Any) -> PaymentMethod:
    """The payment method in the address. Raises: NotFound."""
    rows = PaymentMethod.objects.select_related("party", "organization")
    return access.get(page.actor, rows, page.kwargs["method_id"], field="payment_method")


class MethodList(StaffPage, TemplateView):
    """How a policy's insured pays: methods, autopay, and what is scheduled."""

    reads = P.PAYMENTS_READ
    template_name = "payments/method/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        policy = policy_of(self)
        standing = Mandate.objects.filter(revoked_at__isnull=True).order_by("-id")
        rows = access.visible(self.actor, PaymentMethod.objects.filter(party=policy.insured_id))
        own = list(rows.prefetch_related(Prefetch("mandates", queryset=standing, to_attr="standing")))
        scheduled = ScheduledPayment.objects.filter(policy=policy).select_related("invoice", "payment_method")
        open_invoices = Invoice.objects.filter(policy=policy, state=Invoice.State.OPEN).order_by("due_on", "id")
        planned = [row for row in scheduled if row.state == ScheduledPayment.State.PLANNED]
        autopay = Autopay.objects.filter(policy=policy, ended_at__isnull=True)
        return super().get_context_data(
            policy=policy,
            methods=[row for row in own if row.state != State.REMOVED],
            removed=[row for row in own if row.state == State.REMOVED],
            autopay=autopay.select_related("payment_method", "fallback").first(),
            planned=planned,
            ended=[row for row in scheduled if row.state != ScheduledPayment.State.PLANNED],
            open_invoices=open_invoices.exclude(pk__in=[row.invoice_id for row in planned]),
            today=clock.today(),
            can_write=access.may(self.actor, P.PAYMENTS_WRITE),
            **kwargs,
        )


class MethodDetail(StaffPage, TemplateView):
    """One method: what may be shown of it, the words it was given by, its validations, and what it pays."""

    reads = P.PAYMENTS_READ
    template_name = "payments/method/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        method = method_of(self)
        standing = Autopay.objects.filter(ended_at__isnull=True).select_related("policy")
        tried = list(method.validations.select_related("account"))
        pending = next((row for row in tried if row.state == AccountValidation.State.PENDING), None)
        writes = access.may(self.actor, P.PAYMENTS_WRITE)
        last = methods.expires_on(method)
        return super().get_context_data(
            method=method,
            tokens=list(method.tokens.select_related("account")),
            mandates=list(method.mandates.select_related("policy")),
            validations=tried,
            pending=pending,
            first_of=list(standing.filter(payment_method=method)),
            fallback_of=list(standing.filter(fallback=method)),
            policies=list(Policy.objects.filter(insured=method.party_id, operator=method.organization_id)[:20]),
            expires_on=last,
            expired=last is not None and last < clock.today(),
            can_write=writes and method.state != State.REMOVED,
            can_use=writes and method.state not in OVER,
            needs_validation=bool(method.account_sealed) and method.state == State.UNVALIDATED and pending is None,
            **kwargs,
        )


class MakeDefault(ActionPage):
    """Make a method its party's default."""

    reads = writes = P.PAYMENTS_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        methods.make_default(payment_method_id=kwargs["method_id"], actor=self.actor)
        return "It is the default now."

    def back(self, **kwargs: str) -> str:
        return reverse("payments:method", args=[kwargs["method_id"]])


def said(request: HttpRequest, words: str, method: PaymentMethod) -> str:
    """Say what was done, and give the address of the method's page."""
    messages.success(request, words)
    return reverse("payments:method", args=[method.id])
