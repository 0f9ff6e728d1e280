"""What people type and send about the bank side."""

from __future__ import annotations

from django import forms

from compliance.pages import FilterForm
from reconciliation.models import Break, StatementImport


class StatementForm(forms.Form):
    file = forms.FileField(
        label="Statement file",
        help_text="BAI2, CAMT.053, MT940 or OFX, as the bank sent it. "
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
    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "Any"), *Break.Kind.choices])
    show = forms.ChoiceField(label="Show", required=False, choices=[("", "Open"), ("closed", "Closed")])
