"""What people type about webhooks."""

from __future__ import annotations

from django import forms

from compliance import events
from compliance.pages import FilterForm
from coverpay.webhooks.models import Delivery


class EndpointForm(forms.Form):
    """Where to tell, and what."""

    url = forms.CharField(
        label="Address", max_length=500, widget=forms.URLInput(attrs={"placeholder": "https://", "spellcheck": "false"})
    )
    description = forms.CharField(label="What is it for?", max_length=160, required=False)
    event_types = forms.MultipleChoiceField(
        label="Which events? None chosen: all of them.",
        required=False,
        choices=[(name, name) for name in events.CATALOG],
        widget=forms.CheckboxSelectMultiple,
    )


class DeliveryFilters(FilterForm):
    show = forms.ChoiceField(
        label="Show", required=False, choices=[("", "All"), ("failing", "Failing"), *Delivery.State.choices]
    )
    endpoint = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
