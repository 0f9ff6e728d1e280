"""What people type about invoices."""

from __future__ import annotations

from django import forms

from compliance.pages import FilterForm


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
