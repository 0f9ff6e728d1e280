"""The page that resolves a break by a posting: first what it would post, then the posting and the match."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.urls import reverse

from compliance import access
from compliance.pages import PreviewPage
from compliance.permissions import Permission
from coverpay.kernel.money import Money
from payments import break_resolutions, resolution_previews
from payments.models import BreakResolution, DepositItem
from payments.resolution_previews import Found, NotThisWay, Preview, Wish
from reconciliation import break_lists
from reconciliation.models import Break

P = Permission
Way = BreakResolution.Way


class ResolveForm(forms.Form):
    """How a break is to be resolved; what belongs to another way is left alone."""

    way = forms.ChoiceField(label="It is", choices=Way.choices)
    deposit_item = forms.ChoiceField(
        label="The check that came back", required=False, help_text="For a returned item: checks of the same amount."
    )
    why = forms.CharField(label="The bank's reason", required=False, max_length=150, help_text="For a returned item.")
    payor = forms.CharField(label="Who seems to have paid", required=False, max_length=200, help_text="For suspense.")
    policy_reference = forms.CharField(
        label="What it seems to be for", required=False, max_length=80, help_text="For suspense."
    )
    reason = forms.CharField(label="Why?", max_length=300)

    def __init__(self, *args: Any, ways: list[Way], items: list[DepositItem], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose("way", [(way.value, way.label) for way in ways] or list(Way.choices))
        named = [(item.id, f"{item.check_number or item.reference} of {item.payor_name}") for item in items]
        self._choose("deposit_item", [("", "–"), *named])
        if Way.RETURNED_ITEM not in ways:
            del self.fields["deposit_item"], self.fields["why"]
        if Way.SUSPENSE not in ways:
            del self.fields["payor"], self.fields["policy_reference"]

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def wish(self) -> Wish:
        said = {name: self.cleaned_data.get(name, "") for name in ("why", "payor", "policy_reference")}
        return Wish(self.cleaned_data["way"], deposit_item_id=self.cleaned_data.get("deposit_item", ""), **said)


class ResolveBreak(PreviewPage):
    """Resolve a break: choose what it is, look at the posting, then post it."""

    reads = P.RECONCILIATION_WRITE
    writes = P.CASH_WRITE
    form_class = ResolveForm
    template_name = "payments/break/resolve.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        found = self._found()
        ways = resolution_previews.ways_of(found) if found else []
        items = resolution_previews.returnable(found) if found and Way.RETURNED_ITEM in ways else []
        if not items:
            ways = [way for way in ways if way != Way.RETURNED_ITEM]
        return {**super().get_form_kwargs(), "ways": ways, "items": items}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        about = self._about()
        return super().get_context_data(
            about=about, sides=break_lists.sides_of(about), fits=self._found() is not None, **kwargs
        )

    def preview(self, form: ResolveForm) -> Preview:
        return break_resolutions.preview(break_id=self.kwargs["break_id"], wish=form.wish, actor=self.actor)

    def run(self, form: ResolveForm) -> str:
        made = break_resolutions.resolve(
            break_id=self.kwargs["break_id"], wish=form.wish, reason=form.cleaned_data["reason"], actor=self.actor
        )
        amount = Money(abs(made.amount_minor), made.currency)
        messages.success(self.request, f"{made.get_way_display()} of {amount} is posted, and its lines are matched.")
        return reverse("reconciliation:break", args=[made.about_id])

    def _about(self) -> Break:
        rows = Break.objects.select_related("bank_account__ledger_account")
        return access.get(self.actor, access.operable(self.actor, rows), self.kwargs["break_id"])

    def _found(self) -> Found | None:
        about = self._about()
        try:
            return resolution_previews.find(about, about.bank_account)
        except NotThisWay:
            return None
