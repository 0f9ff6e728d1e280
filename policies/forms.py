"""What people type about policies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms

from compliance.pages import DateField, FilterForm, MoneyField
from coverpay.kernel.money import Money
from policies.lifecycle import QuoteRequest
from policies.models import Policy, Program
from policies.parties import PartyDetails


class PolicyFilters(FilterForm):
    q = forms.CharField(label="Number or insured", required=False, max_length=80)
    state = forms.ChoiceField(label="State", required=False, choices=[("", "Any"), *Policy.State.choices])
    show = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[("", "All"), ("cancelling", "Cancellation pending"), ("renewing", "Renewal offered")],
    )


class QuoteForm(forms.Form):
    """A quote: the cover, the premium as the carrier rated it, the insured, and the payment plan."""

    number = forms.CharField(label="Policy number", max_length=60)
    program = forms.ChoiceField(label="Program")
    state = forms.ChoiceField(label="State of the risk")
    effective_on = DateField(label="First day of cover")
    expires_on = DateField(label="Cover ends on", help_text="The first day without cover.")
    premium = MoneyField(label="Premium", help_text="As the carrier rated it; taxes and fees follow from the program.")
    plan = forms.ChoiceField(label="Payment plan")
    reference = forms.CharField(label="Your number for the insured", max_length=80)
    name = forms.CharField(label="Name of the insured", max_length=200)
    email = forms.EmailField(label="Email", required=False)
    address_line = forms.CharField(label="Street", required=False, max_length=200)
    city = forms.CharField(label="City", required=False, max_length=100)
    postal_code = forms.CharField(label="Postal code", required=False, max_length=12)
    agency_code = forms.CharField(
        label="Selling agency",
        required=False,
        max_length=40,
        help_text="Its code; the agency may then read this policy.",
    )

    cover = ("number", "program", "state", "effective_on", "expires_on", "premium", "plan")
    insured = ("reference", "name", "email", "address_line", "city", "postal_code", "agency_code")

    def __init__(
        self, *args: Any, programs: Iterable[Program], plans: Sequence[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.programs = {program.code: program for program in programs}
        states = sorted({state for program in self.programs.values() for state in _states(program)})
        self._offer("program", [(code, f"{program.name} ({code})") for code, program in self.programs.items()])
        self._offer("state", [(state, state) for state in states])
        self._offer("plan", plans)

    def _offer(self, name: str, choices: Sequence[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices if len(choices) == 1 else [("", "Choose…"), *choices]

    def cover_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.cover]

    def insured_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.insured]

    def request(self) -> QuoteRequest:
        """What was typed, as the command takes it; the form must be valid."""
        data = self.cleaned_data
        return QuoteRequest(
            number=data["number"],
            program=data["program"],
            insured=PartyDetails(
                reference=data["reference"],
                name=data["name"],
                email=data["email"],
                address_line=data["address_line"],
                city=data["city"],
                state=data["state"],
                postal_code=data["postal_code"],
            ),
            state=data["state"],
            effective_on=data["effective_on"],
            expires_on=data["expires_on"],
            premium=Money(data["premium"], self.programs[data["program"]].currency),
            plan=data["plan"],
            agency_code=data["agency_code"],
        )


def _states(program: Program) -> list[str]:
    return [state for version in program.versions.all() for state in version.states]


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Why?", max_length=300)


class ConfirmForm(forms.Form):
    """Nothing to fill in: the button is the answer."""


class ImportForm(forms.Form):
    file = forms.FileField(
        label="CSV file", widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}), max_length=200
    )
