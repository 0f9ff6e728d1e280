"""What people type about payments."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.pages import DateField, FilterForm, MoneyField
from payments.disputes import EVIDENCE, MOST_CHARACTERS
from payments.models import Dispute, Payment

SHORT_EVIDENCE = ("customer_name", "customer_email_address", "service_date")


class PaymentFilters(FilterForm):
    q = forms.CharField(label="Payment, invoice, policy or insured", required=False, max_length=80)
    show = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[("", "All"), ("unknown", "Outcome unknown"), *Payment.State.choices],
    )


class TakePaymentForm(forms.Form):
    """Collect for one invoice: how, with which token, how much."""

    method = forms.ChoiceField(label="Method", choices=[("card", "Card"), ("ach", "Bank debit (ACH)")])
    token = forms.CharField(
        label="Token of the card or account",
        max_length=120,
        help_text="The processor's token, never a card or account number.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    amount = MoneyField(label="Amount")

    def __init__(self, *args: Any, currency: str, tokens: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(label=f"Amount ({currency})", currency=currency)
        if tokens:
            self.fields["token"].widget.attrs["list"] = "sandbox-tokens"


class AmountForm(forms.Form):
    """How much of a payment: money in its currency; left empty, all there is."""

    amount = MoneyField(label="Amount", required=False)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(
            label=f"Amount ({currency})", currency=currency, required=False, help_text="Left empty: all of it."
        )


class RefundForm(AmountForm):
    reason = forms.CharField(label="Why does the money go back?", max_length=200)


class WhyForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=200)


class ResolveRefundForm(forms.Form):
    """A person's decision about a refund nobody could decide."""

    given = forms.ChoiceField(
        label="What happened at the processor?",
        choices=[("", "Choose…"), ("yes", "The money went back"), ("no", "No money went back")],
    )
    reason = forms.CharField(label="How do you know?", max_length=300, help_text="Kept in the audit trail.")


class EvidenceForm(forms.Form):
    """What speaks for a charge that is disputed; at least the explanation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, words in EVIDENCE.items():
            self.fields[name] = forms.CharField(
                label=words,
                required=name == "explanation",
                max_length=MOST_CHARACTERS,
                widget=forms.TextInput if name in SHORT_EVIDENCE else forms.Textarea(attrs={"rows": 4}),
            )


class DisputeFilters(FilterForm):
    show = forms.ChoiceField(label="Show", required=False, choices=[("", "All"), *Dispute.State.choices])


class ResolveForm(forms.Form):
    """A person's decision about an attempt nobody could decide."""

    taken = forms.ChoiceField(
        label="What happened at the processor?",
        choices=[("", "Choose…"), ("yes", "The money was taken"), ("no", "No money was taken")],
    )
    amount = MoneyField(label="Amount taken, if it differs", required=False)
    reason = forms.CharField(label="How do you know?", max_length=300, help_text="Kept in the audit trail.")


class FetchPayoutsForm(forms.Form):
    account = forms.ChoiceField(label="Processor account")
    since = DateField(label="Paid out since")

    def __init__(self, *args: Any, accounts: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["account"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = accounts
