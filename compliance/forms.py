"""What people type about members, keys, permits, rules, moratoriums and the audit trail."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.identity import MAX_KEY_DAYS
from compliance.models import Membership, Permit
from compliance.pages import DateField, FilterForm
from compliance.permissions import Permission
from compliance.rules.facts import STATES


class MemberForm(forms.Form):
    """A person who has an account, and the role they get."""

    email = forms.EmailField(label="Email of the account")
    role = forms.ChoiceField(label="Role", choices=Membership.Role.choices)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="Role", choices=Membership.Role.choices)


class KeyForm(forms.Form):
    """A new key: what it is for, how long it lives, what it may do."""

    name = forms.CharField(label="What is it for?", max_length=80)
    days = forms.IntegerField(label="Days until it ends", min_value=1, max_value=MAX_KEY_DAYS, initial=90)
    scopes = forms.MultipleChoiceField(label="What may it do?", widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, offered: list[Permission], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(scope.value, scope.value) for scope in offered]


class AuditFilters(FilterForm):
    q = forms.CharField(
        label="Object, actor, action or request", required=False, max_length=80, widget=forms.TextInput()
    )


class PermitFilters(FilterForm):
    state = forms.ChoiceField(
        label="State", required=False, choices=[("", "Waiting"), *Permit.State.choices[1:], ("all", "All")]
    )


class PermitForm(forms.Form):
    """Yes or no, and why."""

    verdict = forms.ChoiceField(
        label="Decision", choices=[("approve", "Approve it, once"), ("refuse", "Refuse it")], widget=forms.RadioSelect
    )
    reason = forms.CharField(label="Reason", max_length=300, help_text="A refusal needs one.", required=False)


LINES = [
    ("commercial_pc", "Commercial property and casualty"),
    ("personal_auto", "Personal auto"),
    ("homeowners", "Homeowners"),
]


class RuleFilters(FilterForm):
    state = forms.ChoiceField(label="State", required=False, choices=[(state, state) for state in STATES])
    line = forms.ChoiceField(label="Line", required=False, choices=LINES)
    admitted = forms.ChoiceField(
        label="Market", required=False, choices=[("admitted", "Admitted"), ("surplus", "Surplus lines")]
    )


class DecisionForm(forms.Form):
    """A value for a rule, from a day on, with its source and why."""

    rule = forms.CharField(max_length=80)
    jurisdiction = forms.CharField(label="State", max_length=2)
    line = forms.CharField(max_length=40)
    conditions = forms.CharField(
        label="Only when", max_length=200, required=False, help_text="As initiator=insured, reason=nonpayment."
    )
    value = forms.CharField(max_length=300, help_text="A number, a text, or yes or no.")
    effective_from = DateField(label="From")
    citation = forms.CharField(label="Source", max_length=2000, required=False)
    reason = forms.CharField(label="Why", max_length=300)
    fact_id = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)

    def clean_conditions(self) -> dict[str, str]:
        parts = [part.partition("=") for part in self.cleaned_data["conditions"].split(",") if part.strip()]
        if any(not (name.strip() and value.strip()) for name, _, value in parts):
            raise forms.ValidationError("Write conditions as name=value, set apart by commas.")
        return {name.strip(): value.strip() for name, _, value in parts}

    def clean_value(self) -> Any:
        text = self.cleaned_data["value"].strip()
        return {"yes": True, "no": False}.get(text.lower(), text)


class MoratoriumForm(forms.Form):
    """Where and when nothing is cancelled."""

    name = forms.CharField(max_length=160)
    state_code = forms.ChoiceField(label="State", choices=[(state, state) for state in STATES])
    postal_prefixes = forms.CharField(
        label="Postal codes that begin with",
        max_length=4000,
        required=False,
        help_text="Set apart by spaces or commas; none for the whole state.",
    )
    starts_on = DateField(label="First day")
    ends_on = DateField(label="Last day")
    citation = forms.CharField(label="Source", max_length=2000, required=False)

    def clean_postal_prefixes(self) -> list[str]:
        return str(self.cleaned_data["postal_prefixes"]).replace(",", " ").split()
