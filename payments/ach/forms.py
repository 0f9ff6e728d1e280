"""What people type and send about ACH files."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.pages import FilterForm
from payments.ach import reversals
from payments.models import AchFile

REVERSED_FOR = [
    ("", "Choose…"),
    (reversals.Why.DUPLICATE, "It was debited twice"),
    (reversals.Why.WRONG_AMOUNT, "The amount was wrong"),
    (reversals.Why.WRONG_DATE, "It was debited before its day"),
]


class FileFilters(FilterForm):
    direction = forms.ChoiceField(label="Files", required=False, choices=[("", "All"), *AchFile.Direction.choices])
    state = forms.ChoiceField(label="State", required=False, choices=[("", "Any"), *AchFile.State.choices])
    show = forms.ChoiceField(
        label="Show", required=False, choices=[("", "All"), ("waiting", "With something that waits for a person")]
    )


class OfAccount(forms.Form):
    """A form that begins with the account that sends files."""

    account = forms.ChoiceField(label="ACH account")

    def __init__(self, *args: Any, accounts: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["account"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = accounts


class BuildForm(OfAccount):
    """Which account's file to build."""


class ReceiveForm(OfAccount):
    """A file as the bank sent it."""

    file = forms.FileField(
        label="File from the bank", max_length=200, allow_empty_file=True,
        help_text="Returns, changes or acknowledgements, as the bank sent them. The same file again changes nothing.",
    )  # fmt: skip


class RejectForm(forms.Form):
    reason = forms.CharField(label="What did the bank say?", max_length=300)


class DecideForm(forms.Form):
    reason = forms.CharField(label="What was done about it?", max_length=300, help_text="Kept in the audit trail.")


class ReverseForm(forms.Form):
    why = forms.ChoiceField(label="Why is it reversed?", choices=REVERSED_FOR)
    note = forms.CharField(label="What happened?", max_length=160)
