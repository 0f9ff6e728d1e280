"""What people type about invoices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from billing.models import Notice, NoticeMailing, SuspenseItem
from compliance.pages import DateField, FilterForm, MoneyField


class InvoiceFilters(FilterForm):
    q = forms.CharField(label="Number or insured", required=False, max_length=80)
    show = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[
            ("", "All"),
            ("open", "Open"),
            ("due", "Due within 7 days"),
            ("overdue", "Overdue"),
            ("paid", "Paid"),
        ],
    )


class DelinquencyFilters(FilterForm):
    q = forms.CharField(label="Policy or insured", required=False, max_length=80)
    show = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[
            ("", "All"),
            ("decide", "A person must decide"),
            ("due", "Next step due"),
            ("live", "Followed now"),
            ("held", "On hold"),
        ],
    )


class NoticeFilters(FilterForm):
    show = forms.ChoiceField(label="Show", required=False, choices=[("", "All"), *Notice.State.choices])


class SuspenseFilters(FilterForm):
    q = forms.CharField(label="Payor, policy or memo", required=False, max_length=80)
    show = forms.ChoiceField(label="Show", required=False, choices=[("", "All"), *SuspenseItem.State.choices])


class ReturnFilters(FilterForm):
    show = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[("", "All"), ("late", "Overdue"), ("soon", "Due within 14 days"), ("undated", "Without a deadline")],
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=200)


class WaiveForm(forms.Form):
    line = forms.ChoiceField(label="Which fee?")
    reason = forms.CharField(label="Why?", max_length=300)

    def __init__(self, *args: Any, lines: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["line"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(lines)


class HoldForm(forms.Form):
    until = DateField(label="Hold until", help_text="The clock runs again the day after.")
    reason = forms.CharField(label="Why?", max_length=300)


class PromiseForm(forms.Form):
    amount = MoneyField(label="Promised")
    pay_by = DateField(label="To be paid by")

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(label=f"Promised ({currency})", currency=currency)


class DecideForm(forms.Form):
    choice = forms.ChoiceField(
        label="How does it go on?",
        choices=[
            ("", "Choose…"),
            ("proceed", "Go on with the step it waits at"),
            ("skip", "Leave that step out"),
            ("rescind", "Rescind the pending cancellation as paid"),
            ("close", "Close the process"),
        ],
    )
    reason = forms.CharField(label="Why?", max_length=300, help_text="Kept with the process.")


class MailingForm(forms.Form):
    method = forms.ChoiceField(label="How was it mailed?", choices=NoticeMailing.Method.choices)
    mailed_on = DateField(label="Mailed on")
    proof_reference = forms.CharField(label="Proof", max_length=120, help_text="Certificate, tracking or batch number.")


class UnapplyForm(forms.Form):
    applications = forms.MultipleChoiceField(
        label="Only these",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: everything it covers.",
    )
    reason = forms.CharField(label="Why?", max_length=300)

    def __init__(self, *args: Any, applications: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["applications"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = list(applications)


class TransferForm(forms.Form):
    policy = forms.CharField(label="To policy", max_length=60, help_text="Its number.")
    amount = MoneyField(label="Amount", required=False)
    reason = forms.CharField(label="Why?", max_length=200)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = MoneyField(
            label=f"Amount ({currency})", currency=currency, required=False, help_text="Empty: all that waits."
        )


class PlaceForm(forms.Form):
    policy = forms.CharField(label="Policy", max_length=60, help_text="Its number.")
    reason = forms.CharField(label="How do you know?", max_length=300)
