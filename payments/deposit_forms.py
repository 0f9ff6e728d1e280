"""What people type about deposits: a grid of items under one total, and lockbox files looked at first."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.pages import DateField, FilterForm, MoneyField
from compliance.uploads import unpacked
from coverpay.kernel import clock
from payments.deposits import Item
from payments.lockbox_files import MAX_BYTES
from payments.models import Deposit
from reconciliation.models import BankAccount

ROWS = 12
MOST_ROWS = 500
KINDS = [(value, label) for value, label in Deposit.Kind.choices if value != Deposit.Kind.LOCKBOX]


class DepositFilters(FilterForm):
    q = forms.CharField(label="Reference, check or payor", required=False, max_length=80)
    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "All"), *Deposit.Kind.choices])
    show = forms.ChoiceField(
        label="Show", required=False, choices=[("", "All"), ("held", "With held items"), ("bounced", "With returns")]
    )


class ItemForm(forms.Form):
    """One row of the grid; a row without anything in it is none."""

    use_required_attribute = False
    amount = MoneyField(label="Amount", required=False)
    reference = forms.CharField(label="Policy, invoice or account", required=False, max_length=80)
    check_number = forms.CharField(label="Check no.", required=False, max_length=20)
    payor = forms.CharField(label="Payor", required=False, max_length=200)
    financed = MoneyField(label="Financed in all", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.update({"aria-label": field.label, "data-column": name, "autocomplete": "off"})

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if not self.errors and said.get("amount") is None and any(said.values()):
            self.add_error("amount", "What does it come to?")
        return said

    @property
    def item(self) -> Item | None:
        said = self.cleaned_data
        if said.get("amount") is None:
            return None
        return Item(
            amount_minor=said["amount"],
            reference=said["reference"],
            payor=said["payor"],
            check_number=said["check_number"],
            financed_minor=said.get("financed"),
        )


ItemRows = forms.formset_factory(ItemForm, extra=ROWS, max_num=MOST_ROWS, absolute_max=MOST_ROWS)


def bank_choices(banks: list[BankAccount]) -> list[tuple[str, str]]:
    return [(bank.id, f"{bank} ({bank.currency})") for bank in banks]


class DepositForm(forms.Form):
    """The slip: where, what, whose number, which day, how much; below it the grid."""

    bank_account = forms.ChoiceField(label="Bank account")
    kind = forms.ChoiceField(label="What it is", choices=KINDS)
    reference = forms.CharField(label="Reference", max_length=80, help_text="The slip's or the bank's own number.")
    received_on = DateField(label="Received on")
    amount = MoneyField(label="Deposit total")

    def __init__(self, *args: Any, banks: list[BankAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["bank_account"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = bank_choices(banks)
        self.initial.setdefault("received_on", clock.today())
        self.rows = ItemRows(self.data if self.is_bound else None, prefix="items")

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.rows.is_valid()]) and self._has_items()

    def _has_items(self) -> bool:
        if not self.items:
            self.add_error(None, "Key at least one item.")
        return bool(self.items)

    @property
    def items(self) -> list[Item]:
        return [row.item for row in self.rows if row.item is not None]

    def row_of(self, position: int) -> ItemForm:
        """The row that holds the item of a position."""
        return [row for row in self.rows if row.item is not None][position - 1]


class LockboxForm(forms.Form):
    """A file, or what is held of the one that was looked at a moment ago."""

    bank_account = forms.ChoiceField(label="Bank account")
    file = forms.FileField(
        label="Lockbox file", max_length=200,
        help_text="The BAI lockbox layout as the bank sent it, or a CSV whose columns the manual account names.",
    )  # fmt: skip
    held = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, banks: list[BankAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["bank_account"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = bank_choices(banks)
        self.fields["file"].required = not self.data.get("held")

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        upload, held = said.pop("file", None), said.pop("held", "")
        content = upload.read() if upload else unpacked(held or "", MAX_BYTES)
        if not content and "file" not in self.errors:
            self.add_error("file", "Choose the file.")
        return {**said, "content": content}


class PlaceItemForm(forms.Form):
    policy = forms.CharField(label="Policy", max_length=60, help_text="Its number.")
    reason = forms.CharField(label="How do you know?", max_length=300)


class WhyForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=300)


class BounceForm(forms.Form):
    reason = forms.CharField(label="Why the bank returned it", max_length=150, help_text="As the bank says it: NSF.")
    returned_on = DateField(label="Taken back on")
