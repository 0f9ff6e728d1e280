"""What people say about a bank's CSV files: which column means what, and the balances a file does not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from compliance.pages import DateField
from compliance.uploads import HeldFileForm
from coverpay.kernel.money import Money
from reconciliation.models import BankAccount
from reconciliation.statements.csv_file import Given
from reconciliation.statements.csv_maps import COLUMNS, FLAGS, TEXTS

DATES = {
    "%Y-%m-%d": "2026-01-31",
    "%m/%d/%Y": "01/31/2026",
    "%m/%d/%y": "01/31/26",
    "%d/%m/%Y": "31/01/2026",
    "%d.%m.%Y": "31.01.2026",
    "%d.%m.%y": "31.01.26",
    "%d-%b-%Y": "31-Jan-2026",
    "%Y%m%d": "20260131",
}
DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar"}
DECIMALS = {".": "Point (1.50)", ",": "Comma (1,50)"}
THOUSANDS = {"": "None", ",": "Comma", ".": "Point", " ": "Space", "'": "Apostrophe", "\u00a0": "No-break space"}
ENCODINGS = {"utf-8": "UTF-8", "cp1252": "Windows", "latin-1": "Latin 1", "utf-16": "UTF-16"}
BETWEEN = ";"


class _Headings(forms.CharField):
    """A column as a person names it: its heading, or its number."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "max_length": 120, **kwargs})


class GivenForm(HeldFileForm):
    """A CSV file, with what proves it where it has no balance column."""

    opening = forms.CharField(
        label="Opening balance", required=False, max_length=24, help_text="Only where the file has no balance column."
    )
    closing = forms.CharField(label="Closing balance", required=False, max_length=24)
    as_of = DateField(label="Day of the statement", required=False, help_text="The last row's when left out.")

    def given(self, currency: str) -> Given:
        """The balances as typed. Raises: Invalid, naming the field."""
        said = self.cleaned_data
        amounts = [
            Money.parse(said[name], currency, field=name).amount_minor if said[name] else None
            for name in ("opening", "closing")
        ]
        return Given(amounts[0], amounts[1], said["as_of"])


class ColumnMapForm(GivenForm):
    """A map of columns, tried on a file."""

    bank_account = forms.ChoiceField(label="Bank account")
    name = forms.CharField(label="Name of the map", max_length=80, initial="Statement")
    date = _Headings(label="Date", required=True, help_text="A column's heading, or its number from 1.")
    date_format = forms.ChoiceField(label="Dates look like", choices=list(DATES.items()))
    amount = _Headings(label="Amount", help_text="One signed column, or both of the next two.")
    debit = _Headings(label="Paid out")
    credit = _Headings(label="Paid in")
    amount_is_out = forms.BooleanField(label="The amount is positive for what goes out", required=False)
    balance = _Headings(label="Balance after each row", help_text="It proves the file row by row.")
    description = _Headings(label="Texts", max_length=600, help_text="Several with a semicolon between.")
    reference = _Headings(label="Reference")
    bank_reference = _Headings(label="Bank's own reference")
    payer = _Headings(label="Who paid, or was paid", help_text="It tells payments of one amount apart.")
    delimiter = forms.ChoiceField(label="Between cells", choices=list(DELIMITERS.items()))
    decimal = forms.ChoiceField(label="Decimals", choices=list(DECIMALS.items()))
    thousands = forms.ChoiceField(label="Thousands", required=False, choices=list(THOUSANDS.items()))
    encoding = forms.ChoiceField(label="Encoding", choices=list(ENCODINGS.items()))
    headings = forms.BooleanField(label="The first row has the headings", required=False, initial=True)
    newest_first = forms.BooleanField(label="The newest row is on top", required=False)
    skip = forms.IntegerField(label="Rows to skip on top", required=False, min_value=0, max_value=100)
    take_in = forms.BooleanField(label="Import the file too", required=False, initial=True)

    field_order = ("bank_account", "name", "file")

    def __init__(self, *args: Any, banks: list[BankAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["bank_account"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(bank.id, f"{bank} ({bank.currency})") for bank in banks]

    @property
    def spec(self) -> dict[str, Any]:
        """The map as it is saved: what was left out is left out."""
        said = self.cleaned_data
        found: dict[str, Any] = {name: _column(said[name]) for name in COLUMNS if said[name]}
        if texts := [_column(part) for part in said["description"].split(BETWEEN) if part.strip()]:
            found["description"] = texts
        found |= {name: said[name] for name in (*TEXTS, *FLAGS)}
        return found | ({"skip": said["skip"]} if said["skip"] else {})


def typed(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A saved map as the form's fields, to make the next version of it."""
    texts = BETWEEN.join(str(part) for part in spec.get("description", []))
    return {**spec, **({"description": texts} if texts else {})}


def _column(text: str) -> str | int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() else text
