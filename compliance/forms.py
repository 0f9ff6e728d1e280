"""What people type about members, keys and the audit trail."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.identity import MAX_KEY_DAYS
from compliance.models import Membership
from compliance.pages import FilterForm
from compliance.permissions import Permission


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
