"""What people type to change a policy. Choices that depend on the policy are offered by the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from compliance.pages import DateField, MoneyField
from policies.models import Cancellation, Initiator


class _OfPolicy(forms.Form):
    """A form about one policy, whose money fields are in its currency."""

    def __init__(self, *args: Any, currency: str = "USD", plans: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, MoneyField):
                field.currency = currency
                field.label = f"{field.label} ({currency})"
        if "plan" in self.fields:
            choices = self.fields["plan"]
            assert isinstance(choices, forms.ChoiceField)
            choices.choices = list(plans)


class BindForm(_OfPolicy):
    plan = forms.ChoiceField(label="Payment plan")


class EndorseForm(_OfPolicy):
    effective_on = DateField(label="In force from")
    premium = MoneyField(
        label="New premium of a full term",
        required=False,
        help_text="What the whole term would cost at the new rate. Leave empty to change nothing in the premium.",
    )
    change = MoneyField(label="Or change of it", required=False, help_text="Up, or down with a minus sign.")
    later = forms.ChoiceField(
        label="Changes that begin later",
        choices=[("carry", "keep their own change on top"), ("until_next", "end this one where the next begins")],
        help_text="Matters only when a change with a later date is written already.",
    )
    reason = forms.CharField(label="What changes in the cover?", max_length=300)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("premium") is not None and data.get("change") is not None:
            self.add_error("change", "Give the new premium or its change, not both.")
        return data


class CancelForm(_OfPolicy):
    effective_on = DateField(
        label="First day without cover", help_text="A day to come is announced and can be rescinded."
    )
    reason = forms.ChoiceField(
        label="Why?", choices=[row for row in Cancellation.Reason.choices if row[0] != Cancellation.Reason.REWRITTEN]
    )
    initiator = forms.ChoiceField(
        label="On whose word?",
        choices=Initiator.choices,
        help_text="Decides the minimum earned premium and the deadline to pay it back.",
    )
    method = forms.ChoiceField(
        label="How is premium returned?", choices=Cancellation.Method.choices, initial="pro_rata"
    )
    note = forms.CharField(label="Note", required=False, max_length=300)


class ReinstateForm(_OfPolicy):
    reinstate_on = DateField(label="Cover goes on from", help_text="The day it ended: without a gap.")
    no_loss = forms.BooleanField(
        label="The insured signed a statement of no loss for the days since cover ended", required=False
    )
    reason = forms.CharField(label="Why?", max_length=300)


class RewriteForm(_OfPolicy):
    number = forms.CharField(label="Number of the new policy", max_length=60)
    effective_on = DateField(label="Rewritten from", help_text="The old cover ends on this day.")
    term = forms.ChoiceField(
        label="For which days?",
        choices=[
            ("remainder", "the rest of the term"),
            ("full_term", "the whole term anew, from its first day"),
            ("new_term", "a new term, as long as the old one"),
        ],
    )
    premium = MoneyField(label="Premium of the new policy")
    plan = forms.ChoiceField(label="Payment plan")
    reason = forms.CharField(label="Why?", max_length=300)


class RenewalForm(_OfPolicy):
    premium = MoneyField(label="Premium of the next term")
    plan = forms.ChoiceField(label="Payment plan")
    expires_on = DateField(label="Next term ends on", required=False, help_text="Empty: as long as the last one.")


class AuditForm(_OfPolicy):
    audited = MoneyField(label="Audited premium of the term", help_text="What the term should have cost in all.")
    reason = forms.CharField(label="What did the audit find?", max_length=300)


class UndoForm(_OfPolicy):
    transaction = forms.ChoiceField(label="Which one?")
    reason = forms.CharField(label="What was wrong with it?", max_length=300)

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["transaction"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(choices)


class ChangePlanForm(_OfPolicy):
    plan = forms.ChoiceField(label="Payment plan")
    due_day = forms.IntegerField(
        label="Due day",
        required=False,
        min_value=1,
        max_value=31,
        help_text="Day of the month; empty: as the plan says.",
    )
