"""What people type and send about the bank side."""

from __future__ import annotations

from django import forms

from compliance.pages import DateField, FilterForm
from reconciliation.break_lists import AGES, MINE, NOBODY
from reconciliation.models import Break, StatementImport


class StatementForm(forms.Form):
    file = forms.FileField(
        label="Statement file",
        help_text="BAI2, CAMT.053 or .054, MT940 or OFX, as the bank sent it. "
        "A file that does not tie is set aside with every reason.",
        allow_empty_file=True,
        max_length=200,
    )


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
