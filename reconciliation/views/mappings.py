"""Pages of account mappings: which account of an accounting system takes what, version by version."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.text import slugify

from compliance import access
from compliance.pages import CommandPage, DateField, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.errors import Invalid
from reconciliation import exports
from reconciliation.ledger.accounts import CHART
from reconciliation.ledger.models import Account
from reconciliation.models import AccountMapping

READ, WRITE = Permission.LEDGER_READ, Permission.RECONCILIATION_WRITE


class MappingForm(forms.Form):
    """One row for each account of the books: its number and name in the accounting system.

    Takes:  `known`, the accounts of the version in force; what it says of single owners and dimensions is kept.
    """

    system = forms.CharField(label="System", max_length=40, help_text="Your name of it, such as quickbooks.")
    effective_from = DateField(label="From")

    def __init__(self, *args: Any, codes: list[str], known: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._codes, self._known = codes, known
        for code in codes:
            said = known.get(code, {})
            for part, words in (("number", "Number"), ("name", "Name")):
                self.fields[f"{code}_{part}"] = forms.CharField(
                    label=f"{words} of: {CHART[code].title}", required=False, max_length=120, initial=said.get(part, "")
                )

    def head(self) -> list[forms.BoundField]:
        return [self["system"], self["effective_from"]]

    def rows(self) -> list[tuple[str, str, forms.BoundField, forms.BoundField]]:
        """Code, title, and the two boxes of each account."""
        return [(code, CHART[code].title, self[f"{code}_number"], self[f"{code}_name"]) for code in self._codes]

    def clean_system(self) -> str:
        said: str = self.cleaned_data["system"]
        if said != slugify(said):
            raise forms.ValidationError("Write it in small letters, digits and hyphens.")
        return said

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        for code in self._codes:
            number, name = found.get(f"{code}_number", ""), found.get(f"{code}_name", "")
            if bool(number) != bool(name):
                self.add_error(f"{code}_{'name' if number else 'number'}", "Give both, or neither.")
        return found

    def spec(self, before: dict[str, Any]) -> dict[str, Any]:
        """The mapping that was typed; owners, dimensions and settings of the version before it stay."""
        accounts = {key: said for key, said in self._known.items() if ":" in key}
        for code in self._codes:
            number, name = (self.cleaned_data[f"{code}_{part}"] for part in ("number", "name"))
            if number:
                kept = {key: said for key, said in self._known.get(code, {}).items() if key == "dimensions"}
                accounts[code] = {"number": number, "name": name, **kept}
        if not accounts:
            raise Invalid("Give at least one account its number and name.", field="system")
        return {**before, "accounts": accounts}


class Mappings(ListPage):
    """Every version of every mapping, newest first."""

    reads = READ
    template_name = "reconciliation/mapping/list.html"

    def rows(self, filters: FilterForm) -> QuerySet[AccountMapping]:
        return AccountMapping.objects.order_by("-id")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(can_publish=access.may(self.actor, WRITE), **kwargs)


class PublishMapping(CommandPage):
    """Publish a version; the boxes hold what is in force for the system that `system` names."""

    reads = writes = WRITE
    form_class = MappingForm
    template_name = "reconciliation/mapping/publish.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        used = access.visible(self.actor, Account.objects.all()).values_list("code", flat=True)
        known = self._before.get("accounts", {})
        codes = sorted({*used, *(key.partition(":")[0] for key in known)} & set(CHART))
        return {
            **super().get_form_kwargs(),
            "codes": codes or sorted(CHART),
            "known": known,
        }

    def get_initial(self) -> dict[str, Any]:
        return {"system": self._system(), "effective_from": clock.today().replace(day=1)}

    def run(self, form: MappingForm) -> str:
        made = exports.publish_mapping(
            system=form.cleaned_data["system"],
            spec=form.spec(self._before),
            effective_from=form.cleaned_data["effective_from"],
            actor=self.actor,
        )
        messages.success(self.request, f"{made} is published.")
        return reverse("reconciliation:mappings")

    def _system(self) -> str:
        return self.request.POST.get("system") or self.request.GET.get("system", "")

    @cached_property
    def _before(self) -> dict[str, Any]:
        rows = access.visible(self.actor, AccountMapping.objects.filter(system=self._system()))
        last = rows.order_by("-number").first()
        return dict(last.spec) if last else {}
