"""What people type about processor accounts and routing tables."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django import forms

from compliance.pages import DateField
from payments import dry_runs
from payments.gateways import registry


class JsonField(forms.CharField):
    """JSON typed by hand, read or refused with the place."""

    def __init__(self, **kwargs: Any) -> None:
        rows = kwargs.pop("rows", 14)
        widget = forms.Textarea(attrs={"rows": rows, "class": "code", "spellcheck": "false", "autocomplete": "off"})
        super().__init__(**{"widget": widget, "max_length": 50_000, **kwargs})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
            raise forms.ValidationError(f"This cannot be read as JSON{place}.") from None


class PairsField(forms.CharField):
    """Names and values, one a line: `name = value`."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 4, "class": "code", "spellcheck": "false", "autocomplete": "off"})
        super().__init__(**{"widget": widget, "max_length": 20_000, "required": False, **kwargs})

    def clean(self, value: Any) -> Any:
        found: dict[str, str] = {}
        for number, line in enumerate(super().clean(value).splitlines(), start=1):
            name, between, said = line.partition("=")
            if not line.strip():
                continue
            if not between or not name.strip() or not said.strip():
                raise forms.ValidationError(f"Line {number} says no `name = value`.")
            found[name.strip()] = said.strip()
        return found


class SettingsField(PairsField):
    """Settings, one a line; whole numbers, true and false are read as such."""

    def clean(self, value: Any) -> Any:
        return {name: _read(said) for name, said in super().clean(value).items()}


def _read(said: str) -> str | int | bool:
    if said in ("true", "false"):
        return said == "true"
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else said


def settings_as_text(settings: dict[str, Any]) -> str:
    """Settings as the form shows them."""
    return "\n".join(
        f"{name} = {json.dumps(said) if isinstance(said, bool) else said}" for name, said in settings.items()
    )


class DraftForm(forms.Form):
    """Rules to look at before they are published."""

    rules = JsonField(label="Rules", help_text="From the top; the first that fits decides.")
    effective_from = DateField(label="In force from")
    since = DateField(label="Try on payments since")
    until = DateField(label="Up to and including")
    limit = forms.IntegerField(label="At most so many, the latest", min_value=1, max_value=dry_runs.MOST, initial=1_000)


def draft_of(rules: Any, today: dt.date) -> dict[str, Any]:
    """What a draft begins with: rules in force, tried on the last month."""
    return {
        "rules": json.dumps(rules, indent=2),
        "effective_from": today,
        "since": today - dt.timedelta(days=30),
        "until": today,
        "limit": 1_000,
    }


class NewAccountForm(forms.Form):
    """A processor account to connect."""

    gateway = forms.ChoiceField(label="Processor")
    merchant = forms.CharField(label="The account's name there", max_length=80)
    bank_account = forms.ChoiceField(label="Payouts land on")
    credentials = PairsField(label="Keys", help_text="One a line: name = value. They are sealed and never shown again.")
    settings = SettingsField(
        label="Settings", help_text="One a line: name = value. cost_ppm and cost_fixed_minor say its real costs."
    )
    webhook_secret = forms.CharField(
        label="Webhook secret",
        required=False,
        max_length=500,
        help_text="Where the processor makes it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, banks: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = {"gateway": [(name, _asks(name)) for name in registry.names()], "bank_account": banks}
        for name, choices in offered.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices


def _asks(name: str) -> str:
    entry = registry.entry(name)
    wanted = [*entry.credentials, *entry.settings]
    return f"{name} (needs {', '.join(wanted)})" if wanted else name


class SettingsForm(forms.Form):
    settings = SettingsField(label="Settings", help_text="One a line: name = value.")


class CredentialsForm(forms.Form):
    credentials = PairsField(label="Keys", help_text="One a line: name = value. All of them; empty: they stay.")
    webhook_secret = forms.CharField(
        label="Webhook secret",
        required=False,
        max_length=500,
        help_text="Empty: it stays.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=200, help_text="Kept in the audit trail.")
