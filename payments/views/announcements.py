"""Say that a payment is on its way: a check in the mail, a wire, cash, funding."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.urls import reverse

import billing.queries
from compliance.pages import CommandPage, MoneyField
from compliance.permissions import Permission
from coverpay.kernel.money import Money
from payments import announcements
from payments.collection import Wanted

METHODS = [("check", "Check"), ("wire", "Wire"), ("cash", "Cash"), ("premium_finance", "Premium finance funding")]


class AnnounceForm(forms.Form):
    """How it comes, how much, and what is known of it."""

    method = forms.ChoiceField(label="What comes", choices=METHODS)
    amount = MoneyField(label="Amount")
    note = forms.CharField(
        label="What is known of it", max_length=120, help_text="The check's number, who sends it, from where."
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(label=f"Amount ({currency})", currency=currency)


class Announce(CommandPage):
    """Expect a payment of an invoice that nobody is charged for."""

    reads = writes = Permission.PAYMENTS_WRITE
    form_class = AnnounceForm
    template_name = "billing/step.html"
    fields_of: ClassVar[dict[str, str]] = {"amount_minor": "amount", "invoice": "", "items": ""}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self._invoice: Any = None

    @property
    def invoice(self) -> Any:
        """The visible invoice with `open_minor`, read once a request. Raises: NotFound."""
        if self._invoice is None:
            self._invoice = billing.queries.one(self.actor, self.kwargs["invoice_id"])
        return self._invoice

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "currency": self.invoice.currency}

    def get_initial(self) -> dict[str, Any]:
        return {"amount": str(Money(self.invoice.open_minor, self.invoice.currency)).partition(" ")[0]}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        words = {
            "heading": "Expect a payment",
            "button": "Expect it",
            "says": "Nobody is charged. The deposit that names this payment, its invoice or policy, with the amount to "
            "the cent, makes it succeed; until then the invoice is not charged otherwise.",
            "note": f"Invoice {self.invoice.number}",
            "list": reverse("billing:invoices"),
            "list_words": "Invoices",
            "back": reverse("invoice", args=[self.invoice.id]),
            "back_words": self.invoice.number,
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: AnnounceForm) -> str:
        data = form.cleaned_data
        payment = announcements.announce(
            items=[Wanted(self.invoice.id, data["amount"])], method=data["method"], note=data["note"], actor=self.actor
        )
        messages.success(self.request, "The payment is expected; the deposit that brings it makes it succeed.")
        return reverse("payments:detail", args=[payment.id])
