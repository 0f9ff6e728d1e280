"""What is done to a payment: refunded, captured, let go, stopped; and refunds that a person decides."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.urls import reverse

from compliance import access, approvals
from compliance.pages import CommandPage
from compliance.permissions import Permission
from coverpay.kernel.errors import ApprovalRequired
from coverpay.kernel.money import Money
from payments import captures, queries, refunds, stops
from payments.forms import AmountForm, RefundForm, ResolveRefundForm, WhyForm
from payments.models import Attempt, Payment, Refund

P = Permission


class PaymentStep(CommandPage):
    """One form about a payment, on the common page of a step."""

    reads = writes = P.PAYMENTS_WRITE
    template_name = "billing/step.html"
    form_class: type[forms.Form] = WhyForm
    heading, button, tone = "", "", "button--main"

    @property
    def payment(self) -> Payment:
        return queries.one(self.actor, self.kwargs["payment_id"])

    def says(self) -> str:
        """What happens then."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        payment = self.payment
        words = {
            "heading": self.heading,
            "button": self.button,
            "tone": self.tone,
            "says": self.says(),
            "note": f"{Money(payment.amount_minor, payment.currency)} of {payment.policy.insured.name}",
            "list": reverse("payments:list"),
            "list_words": "Payments",
            "back": reverse("payments:detail", args=[payment.id]),
            "back_words": payment.invoice.number,
        }
        return super().get_context_data(words=words, **kwargs)

    def done(self, words: str) -> str:
        messages.success(self.request, words)
        return reverse("payments:detail", args=[self.kwargs["payment_id"]])


class AmountStep(PaymentStep):
    """A step that takes an amount in the payment's currency."""

    form_class = AmountForm
    fields_of = {"amount_minor": "amount"}

    def most(self) -> Money:
        """The most there can be, which is what the form begins with."""
        raise NotImplementedError

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "currency": self.payment.currency}

    def get_initial(self) -> dict[str, Any]:
        return {"amount": f"{self.most().decimal:,}"}


class RequestRefund(AmountStep):
    """Give a payment back, whole or in part, saying why; above the limit someone else approves first."""

    form_class = RefundForm
    heading, button, tone = "Refund", "Give it back", "button--danger"

    def most(self) -> Money:
        payment = self.payment
        return Money(refunds.refundable_minor(payment), payment.currency)

    def says(self) -> str:
        return (
            f"Up to {self.most()} can go back to {self.payment.policy.insured.name}. Once the processor confirms, what "
            "it paid on invoices is open again, the last first."
        )

    def run(self, form: RefundForm) -> str:
        data = form.cleaned_data
        try:
            refunds.request(
                payment_id=self.kwargs["payment_id"],
                amount_minor=data["amount"],
                reason=data["reason"],
                actor=self.actor,
            )
        except ApprovalRequired as error:
            if error.extra.get("permit"):
                raise
            permit = approvals.request(
                action=error.extra["action"],
                object_id=error.extra["object_id"],
                amount=Money(error.extra["amount_minor"], error.extra["currency"]),
                reason=data["reason"],
                actor=self.actor,
            )
            messages.warning(self.request, f"Approval is asked for ({permit.id}); refund again once it is given.")
            return reverse("payments:detail", args=[self.kwargs["payment_id"]])
        return self.done("The refund is on its way to the processor.")


class Capture(AmountStep):
    """Take what a payment holds, or a part of it."""

    heading, button = "Capture", "Take the money"

    def most(self) -> Money:
        payment = self.payment
        held = payment.attempts.filter(state=Attempt.State.AUTHORIZED).first()
        return Money(held.amount_minor if held else 0, payment.currency)

    def says(self) -> str:
        return f"{self.most()} is held. Taking less lets the rest go, and pays the invoices in their order."

    def run(self, form: AmountForm) -> str:
        captures.capture(
            payment_id=self.kwargs["payment_id"], amount_minor=form.cleaned_data["amount"], actor=self.actor
        )
        return self.done("The capture is on its way to the processor.")


class LetGo(PaymentStep):
    """Let go what a payment holds."""

    heading, button, tone = "Let the money go", "Let it go", "button--danger"

    def says(self) -> str:
        return "The hold ends, no money moves, and the invoices can be collected again."

    def run(self, form: WhyForm) -> str:
        captures.void(payment_id=self.kwargs["payment_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        return self.done("The processor is asked to let the money go.")


class Stop(PaymentStep):
    """Stop a payment that is not taken yet."""

    heading, button, tone = "Stop payment", "Stop it", "button--danger"

    def says(self) -> str:
        return (
            "One that is not sent yet is withdrawn at once. One that is pending is called back, if that is not too "
            "late; then it can only be refunded once it is taken."
        )

    def run(self, form: WhyForm) -> str:
        payment = stops.stop(payment_id=self.kwargs["payment_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        stopped = payment.state == Payment.State.FAILED
        return self.done("It is stopped." if stopped else "The processor is asked to call it back.")


class ResolveRefund(CommandPage):
    """Decide a refund whose outcome nobody could tell."""

    reads = writes = P.RECONCILIATION_WRITE
    form_class = ResolveRefundForm
    template_name = "billing/step.html"

    @property
    def refund(self) -> Refund:
        rows = Refund.objects.select_related("payment__invoice")
        return access.get(self.actor, rows, self.kwargs["refund_id"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        refund = self.refund
        words = {
            "heading": "Decide a refund",
            "button": "Decide it",
            "says": "Look the refund up at the processor, by its reference or the payment's.",
            "note": f"{Money(refund.amount_minor, refund.currency)}, {refund.reason}",
            "list": reverse("payments:list"),
            "list_words": "Payments",
            "back": reverse("payments:detail", args=[refund.payment_id]),
            "back_words": refund.payment.invoice.number,
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ResolveRefundForm) -> str:
        data = form.cleaned_data
        refund = refunds.resolve(
            refund_id=self.kwargs["refund_id"], given=data["given"] == "yes", reason=data["reason"], actor=self.actor
        )
        messages.success(self.request, f"The refund is decided: {refund.get_state_display().lower()}.")
        return reverse("payments:detail", args=[refund.payment_id])
