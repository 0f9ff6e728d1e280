"""What people type about statements of carriers and agencies: whose, of which days, and how their files are read."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.pages import DateField, FilterForm, MoneyField
from compliance.uploads import HeldFileForm
from payments.models import SourceKind, SourceStatement
from payments.source_files import COLUMNS
from payments.sources import MAX_BYTES, Stated
from reconciliation.csv_forms import DATES, DECIMALS, DELIMITERS, ENCODINGS, THOUSANDS

SAYS = {SourceKind.CARRIER: "remittance advice", SourceKind.AGENCY: "payments"}
Others = list[tuple[str, str]]


class SourceFilters(FilterForm):
    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "All"), *SourceKind.choices])
    show = forms.ChoiceField(label="Show", required=False, choices=[("", "All"), *SourceStatement.State.choices[1:]])


class _Other(forms.Form):
    """Whose statement it is: an organization in its role on our policies."""

    other = forms.ChoiceField(label="From")

    def __init__(self, *args: Any, others: Others, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["other"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = others

    @property
    def kind_and_id(self) -> tuple[str, str]:
        kind, _, counterparty_id = self.cleaned_data["other"].partition(":")
        return kind, counterparty_id


class SourceFileForm(_Other, HeldFileForm):
    """A file, and what the other side says of it as a whole."""

    MOST_BYTES = MAX_BYTES
    reference = forms.CharField(label="Their number", max_length=80)
    from_on = DateField(label="From")
    to_on = DateField(label="Through")
    total = MoneyField(label="Total they state (USD)", help_text="The lines must come to it, to the cent.")
    remittances = forms.CharField(
        label="Our remittances they name", required=False, max_length=400,
        help_text="A carrier's: our references, with commas between.",
    )  # fmt: skip
    field_order = ("other", "file")

    @property
    def stated(self) -> Stated:
        said = self.cleaned_data
        kind, counterparty_id = self.kind_and_id
        names = tuple(name.strip() for name in said["remittances"].split(",") if name.strip())
        return Stated(
            kind, counterparty_id, said["reference"], said["from_on"], said["to_on"], said["total"], remittances=names
        )


class SourceMapForm(_Other):
    """Which column of the sender's files means what."""

    policy = forms.CharField(label="Policy", max_length=120, help_text="A column's heading, or its number from 1.")
    amount = forms.CharField(label="Amount", max_length=120)
    item = forms.CharField(label="Item", required=False, max_length=120, help_text="Component, or invoice number.")
    reference = forms.CharField(label="Reference", required=False, max_length=120)
    date = forms.CharField(label="Date", required=False, max_length=120)
    items = forms.CharField(
        label="Their words", required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="A carrier's, one a line: PREM = premium",
    )  # fmt: skip
    amount_is_negative = forms.BooleanField(label="They write what they received as negative", required=False)
    date_format = forms.ChoiceField(label="Dates look like", choices=list(DATES.items()))
    delimiter = forms.ChoiceField(label="Between cells", choices=list(DELIMITERS.items()))
    decimal = forms.ChoiceField(label="Decimals", choices=list(DECIMALS.items()))
    thousands = forms.ChoiceField(label="Thousands", required=False, choices=list(THOUSANDS.items()), initial=",")
    encoding = forms.ChoiceField(label="Encoding", choices=list(ENCODINGS.items()))
    headings = forms.BooleanField(label="The first row has the headings", required=False, initial=True)
    skip = forms.IntegerField(label="Rows to skip on top", required=False, min_value=0, max_value=100)

    def clean_items(self) -> dict[str, str]:
        found = {}
        for line in filter(None, map(str.strip, self.cleaned_data["items"].splitlines())):
            word, equals, meant = line.partition("=")
            if not equals or not word.strip() or not meant.strip():
                raise forms.ValidationError("Write each as: their word = ours.")
            found[word.strip()] = meant.strip()
        return found

    @property
    def spec(self) -> dict[str, Any]:
        """The map as it is saved: what was left out is left out."""
        said = {name: value for name, value in self.cleaned_data.items() if name != "other"}
        columns = {name: _column(said.pop(name)) for name in COLUMNS}
        return {
            **{name: value for name, value in columns.items() if value},
            **{name: value for name, value in said.items() if value or name in ("headings", "thousands")},
        }


class WithdrawForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=300)


def _column(text: str) -> str | int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() else text
