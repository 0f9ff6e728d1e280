"""What payors type on their page. Nothing typed about a bank account is ever shown again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from compliance.pages import MoneyField
from payments import ways
from payments.collection import Wanted
from payments.models import PaymentMethod
from payments.payable import Payable
from payments.ways import Entry, Way


class LookUpForm(forms.Form):
    """The number on a bill, and the postal code it was sent to."""

    number = forms.CharField(
        label="Policy or account number",
        max_length=60,
        help_text="As printed on your bill.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    postal_code = forms.CharField(
        label="ZIP or postal code",
        max_length=12,
        help_text="Of the address your bill is sent to.",
        widget=forms.TextInput(attrs={"autocomplete": "postal-code"}),
    )


class PayForm(forms.Form):
    """Which bills, how much of them where a part may be paid, and how."""

    use_required_attribute = False

    bills = forms.MultipleChoiceField(error_messages={"required": "Choose at least one bill to pay."})
    way = forms.ChoiceField(error_messages={"required": "Choose how to pay."})
    card_token = forms.ChoiceField(required=False)
    ach_token = forms.ChoiceField(required=False)
    holder_name = forms.CharField(label="Name on the account", max_length=120, required=False)
    routing_number = forms.CharField(label="Routing number", max_length=11, required=False)
    account_number = forms.CharField(label="Account number", max_length=20, required=False)
    account_type = forms.ChoiceField(label="Account type", choices=PaymentMethod.AccountType.choices, required=False)
    keep = forms.BooleanField(label="Keep this for my next payments", required=False)
    autopay = forms.BooleanField(label="Pay my bills automatically from now on", required=False)

    def __init__(
        self,
        *args: Any,
        payable: Sequence[Payable],
        kept: Sequence[PaymentMethod],
        ways: Sequence[Way],
        may_keep: bool,
        may_enrol: bool,
        about_money: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.payable, self.kept, self.ways = payable, kept, {way.kind: way for way in ways}
        choices = [(each.id, each.number) for each in payable if not each.paying]
        self._choices("bills", choices)
        if not about_money:
            del self.fields["bills"]
        self._choices("way", [*((method.id, str(method)) for method in kept), *((way.kind, way.kind) for way in ways)])
        for each in payable if about_money else ():
            if each.partial and not each.paying:
                self.fields[f"amount_{each.id}"] = MoneyField(
                    label=f"Amount for bill {each.number}", currency=each.invoice.currency, required=False
                )
        for kind in ("card", "ach"):
            way = self.ways.get(kind)
            self._choices(
                f"{kind}_token", ways_of_sandbox(kind) if way is not None and way.entry == Entry.SANDBOX else []
            )
        if not may_keep:
            del self.fields["keep"]
        if not may_enrol:
            del self.fields["autopay"]

    def wanted(self) -> tuple[Wanted, ...]:
        """The chosen bills, each with its amount or all that is shown as open."""
        chosen = set(self.cleaned_data.get("bills", []))
        return tuple(
            Wanted(each.id, self.cleaned_data.get(f"amount_{each.id}") or each.open_minor)
            for each in self.payable
            if each.id in chosen
        )

    def chosen_way(self) -> Way | None:
        """The way to enter another method; None when a kept one was chosen."""
        return self.ways.get(self.cleaned_data["way"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        way = self.ways.get(data.get("way", ""))
        needed: tuple[str, ...] = ()
        if way is not None and way.entry == Entry.NUMBER:
            needed = ("holder_name", "routing_number", "account_number", "account_type")
        if way is not None and way.entry == Entry.SANDBOX:
            needed = (f"{way.kind}_token",)
        for name in needed:
            if not data.get(name) and name not in self.errors:
                self.add_error(name, "This is needed.")
        return data

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


def ways_of_sandbox(kind: str) -> list[tuple[str, str]]:
    """The sandbox's test methods to choose from."""
    return ways.sandbox_choices(kind)
