"""What payors type on their page. Nothing typed about a bank account is ever shown again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms

from compliance.pages import DateField, MoneyField
from coverpay.kernel import clock
from payments.collection import Wanted
from payments.models import PaymentMethod
from payments.payable import Payable
from payments.ways import Entry, Way, sandbox_choices


class Unshown(forms.TextInput):
    """A field whose content is never written back to the page."""

    def format_value(self, value: Any) -> None:
        return None


DIGITS = {"inputmode": "numeric", "autocomplete": "off", "spellcheck": "false"}


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


class MethodForm(forms.Form):
    """How to pay: a method that is kept, or another one, entered as its processor takes it."""

    use_required_attribute = False

    way = forms.ChoiceField(error_messages={"required": "Choose how to pay."})
    card_token = forms.ChoiceField(required=False)
    ach_token = forms.ChoiceField(required=False)
    holder_name = forms.CharField(
        label="Name on the account",
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    routing_number = forms.CharField(
        label="Routing number",
        max_length=11,
        required=False,
        help_text="Nine digits, at the bottom left of a check.",
        widget=forms.TextInput(attrs=DIGITS),
    )
    account_number = forms.CharField(
        label="Account number", max_length=20, required=False, widget=Unshown(attrs=DIGITS)
    )
    account_type = forms.ChoiceField(label="Account type", choices=PaymentMethod.AccountType.choices, required=False)

    def __init__(self, *args: Any, kept: Sequence[PaymentMethod], ways: Sequence[Way], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept, self.ways = kept, {way.kind: way for way in ways}
        self._choices("way", [*((method.id, str(method)) for method in kept), *((way.kind, way.kind) for way in ways)])
        for kind in ("card", "ach"):
            way = self.ways.get(kind)
            if way is not None and way.entry == Entry.SANDBOX:
                self._choices(f"{kind}_token", sandbox_choices(kind))
            else:
                del self.fields[f"{kind}_token"]

    @property
    def card_way(self) -> Way | None:
        return self.ways.get("card")

    @property
    def ach_way(self) -> Way | None:
        return self.ways.get("ach")

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


class PayForm(MethodForm):
    """Which bills, how much of them where a part may be paid, how, and when."""

    bills = forms.MultipleChoiceField(error_messages={"required": "Choose at least one bill to pay."})
    when = forms.ChoiceField(choices=[("now", "Now"), ("later", "On a later day")], required=False, initial="now")
    collect_on = DateField(label="Pay on", required=False)
    keep = forms.BooleanField(label="Keep this for my next payments", required=False)
    autopay = forms.BooleanField(label="Pay my bills automatically from now on", required=False)

    def __init__(
        self,
        *args: Any,
        payable: Sequence[Payable],
        may_keep: bool,
        may_enrol: bool,
        last_day: dt.date | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.payable = payable
        self._choices("bills", [(each.id, each.number) for each in payable if not each.paying])
        for each in payable:
            if each.partial and not each.paying:
                self.fields[f"amount_{each.id}"] = MoneyField(
                    label=f"Amount for bill {each.number}", currency=each.invoice.currency, required=False
                )
        self._days(last_day)
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

    def later(self) -> dt.date | None:
        """The day to pay on, when that is not now."""
        return self.cleaned_data.get("collect_on") if self.cleaned_data.get("when") == "later" else None

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("when") == "later" and not data.get("collect_on") and "collect_on" not in self.errors:
            self.add_error("collect_on", "Choose the day.")
        return data

    def _days(self, last_day: dt.date | None) -> None:
        """Offer the days from tomorrow to the last one, when there are any."""
        tomorrow = clock.today() + dt.timedelta(days=1)
        if last_day is None or last_day < tomorrow:
            del self.fields["when"], self.fields["collect_on"]
            return
        attrs = self.fields["collect_on"].widget.attrs
        attrs["min"], attrs["max"] = tomorrow.isoformat(), last_day.isoformat()
