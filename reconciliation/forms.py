"""What people type and send about the bank side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from compliance.pages import DateField, FilterForm, MoneyField
from reconciliation.bench import Wanted
from reconciliation.break_lists import AGES, MINE, NOBODY
from reconciliation.models import BankAccount, Break, StatementImport


class StatementForm(forms.Form):
    file = forms.FileField(
        label="Statement file",
        help_text="BAI2, CAMT.053 or .054, MT940 or OFX, as the bank sent it. "
        "A file that does not tie is set aside with every reason.",
        allow_empty_file=True,
        max_length=200,
    )


class LineIds(forms.MultipleChoiceField):
    """Ids of ticked lines; whether they are open is for the command to say."""

    def __init__(self, *, numbers: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._numbers = numbers

    def validate(self, value: Any) -> None:
        if self._numbers and not all(key.isdecimal() and len(key) < 19 for key in value):
            raise forms.ValidationError("A book line is named by its number.")

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return [int(key) for key in found] if self._numbers else found


class ReasonForm(forms.Form):
    """Why; the reason is kept with the row and in the audit trail."""

    reason = forms.CharField(label="Reason", max_length=300)


class ImportFilters(FilterForm):
    state = forms.ChoiceField(label="Result", required=False, choices=[("", "Any"), *StatementImport.State.choices])


class BreakFilters(FilterForm):
    """`owner` also takes the id of a member, from a link."""

    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "Any"), *Break.Kind.choices])
    owner = forms.CharField(
        label="Owner",
        required=False,
        widget=forms.Select(choices=[("", "Anybody"), (MINE, "Me"), (NOBODY, "Nobody")]),
    )
    age = forms.ChoiceField(
        label="Open for", required=False, choices=[("", "Any time"), *((age, f"{age} days") for age in AGES)]
    )
    show = forms.ChoiceField(
        label="Show", required=False, choices=[("", "Open"), ("overdue", "Overdue"), ("closed", "Closed")]
    )


class OwnerForm(forms.Form):
    """Who works on a break; nobody, when left out."""

    owner = forms.CharField(label="Owner", required=False, max_length=40)


class DueForm(forms.Form):
    """By when a break should be settled, and why the day moves."""

    due_on = DateField(label="Due")
    reason = forms.CharField(label="Why?", max_length=300)


class CommentForm(forms.Form):
    """What there is to say about a break; it stays as it is."""

    text = forms.CharField(label="Comment", max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))


class BenchFilters(FilterForm):
    """Which open lines of both sides to show."""

    words = forms.CharField(label="Text or reference", required=False, max_length=80)
    amount = MoneyField(label="Amount", required=False)
    from_on = DateField(label="From", required=False)
    to_on = DateField(label="To", required=False)

    def wanted(self) -> Wanted:
        said = getattr(self, "cleaned_data", {})
        amount, days = said.get("amount"), (said.get("from_on"), said.get("to_on"))
        return Wanted(said.get("words", ""), abs(amount) if amount is not None else None, *days)


class BenchForm(forms.Form):
    """Ticked lines of both sides, and what to do with them."""

    do = forms.ChoiceField(choices=[("match", "Match"), ("aside", "Set aside")])
    bank_lines = LineIds(required=False)
    book_lines = LineIds(required=False, numbers=True)
    reason = forms.CharField(label="Why?", max_length=300, error_messages={"required": "Say why; it is kept."})


class SplitForm(forms.Form):
    """The lines to take out of a match, and why."""

    bank_lines = LineIds(required=False)
    book_lines = LineIds(required=False, numbers=True)
    reason = forms.CharField(label="Why?", max_length=300)


class IgnoredFilters(FilterForm):
    """`account` is the id of a bank account, from a link."""

    account = forms.CharField(required=False, widget=forms.HiddenInput, max_length=40)
    show = forms.ChoiceField(label="Show", required=False, choices=[("", "Set aside"), ("ended", "Taken up again")])


class AliasFilters(FilterForm):
    words = forms.CharField(label="Text or party", required=False, max_length=80)
    show = forms.ChoiceField(label="Show", required=False, choices=[("", "In use"), ("retired", "Retired")])


class RuleForm(forms.Form):
    """New rules of matching, and the account to try them on."""

    spec = forms.JSONField(
        label="Rules", widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "code"})
    )
    effective_from = DateField(label="From")
    reason = forms.CharField(label="Why?", max_length=300)
    bank_account = forms.ChoiceField(label="Try them on", help_text="Its open lines; nothing is written.")

    def __init__(self, *args: Any, banks: Sequence[BankAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["bank_account"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(bank.id, str(bank)) for bank in banks]

    def clean_spec(self) -> dict[str, Any]:
        spec = self.cleaned_data["spec"]
        if not isinstance(spec, dict):
            raise forms.ValidationError("Write the rules as one object with names and values.")
        return spec
