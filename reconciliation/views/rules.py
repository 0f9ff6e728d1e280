"""Pages of the rules of matching: those in force, their history, new ones with a preview; and what was learnt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import QuerySet
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, FilterForm, ListPage, PreviewPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from reconciliation import aliases, match_rules, queries
from reconciliation.forms import AliasFilters, ReasonForm, RuleForm
from reconciliation.match_rules import Preview
from reconciliation.matching.rules import DEFAULT_SPEC
from reconciliation.models import BankAccount, MatchRuleSet, PayorAlias

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE


class RuleList(StaffPage, TemplateView):
    """The rules in force, rule by rule, and every version."""

    reads = READ
    template_name = "reconciliation/rules/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        organization_id = access.organization_of(self.actor)
        now = match_rules.set_in_force(organization_id)
        return super().get_context_data(
            now=now,
            rules=match_rules.in_force(organization_id),
            said=_said(now.spec if now else {}),
            versions=access.visible(self.actor, MatchRuleSet.objects.order_by("-number"))[:50],
            can_write=access.may(self.actor, WRITE),
            **kwargs,
        )


class MakeRules(PreviewPage):
    """Write new rules, see what they would do with an account's open lines, then publish them."""

    reads = writes = WRITE
    form_class = RuleForm
    template_name = "reconciliation/rules/new.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        rows = access.operable(self.actor, BankAccount.objects.order_by("name"))
        return {**super().get_form_kwargs(), "banks": list(rows)}

    def get_initial(self) -> dict[str, Any]:
        now = match_rules.set_in_force(access.organization_of(self.actor))
        spec = _whole(now.spec if now else {})
        return {"spec": json.dumps(spec, indent=2), "effective_from": clock.today()}

    def show(self, error: Any, form: Any) -> None:
        """A rule that cannot be read is said at the rules."""
        if error.code == "bad_rules":
            form.add_error("spec", f"{error.field}: {error.message}")
        else:
            super().show(error, form)

    def preview(self, form: RuleForm) -> Preview:
        account = queries.account(self.actor, form.cleaned_data["bank_account"])
        return match_rules.preview(account, form.cleaned_data["spec"])

    def run(self, form: RuleForm) -> str:
        said = form.cleaned_data
        made = match_rules.publish(
            spec=said["spec"], effective_from=said["effective_from"], reason=said["reason"], actor=self.actor
        )
        messages.success(self.request, f"Rules {made.number} hold from {made.effective_from} on.")
        return reverse("reconciliation:rules")


class AliasList(ListPage):
    """How banks spell payors, as confirmed matches taught it."""

    reads = READ
    template_name = "reconciliation/rules/aliases.html"
    filters: ClassVar[type[FilterForm]] = AliasFilters

    def rows(self, filters: FilterForm) -> QuerySet[PayorAlias]:
        rows = PayorAlias.objects.filter(ended_at__isnull=filters.value("show") != "retired")
        if words := filters.value("words"):
            rows = rows.filter(bank_text__icontains=words) | rows.filter(party__icontains=words)
        return rows


class RetireAlias(CommandPage):
    """Let matching use an alias no longer."""

    reads = writes = WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, PayorAlias.objects.all())
        row = access.get(self.actor, rows, self.kwargs["alias_id"])
        words = {
            "heading": "Retire the alias",
            "button": "Retire it",
            "tone": "button--danger",
            "says": f"When the bank writes “{row.bank_text}”, matching takes it for {row.party}.",
            "note": "Matches made before stay as they are.",
            "list": reverse("reconciliation:rules"),
            "list_words": "Matching rules",
            "back": reverse("reconciliation:aliases"),
            "back_words": "Payor aliases",
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ReasonForm) -> str:
        aliases.retire(alias_id=self.kwargs["alias_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "The alias no longer speaks.")
        return reverse("reconciliation:aliases")


def _whole(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Every rule with its value, those left out as they stand built in."""
    return {
        name: {**value, **spec.get(name, {})} if isinstance(value, Mapping) else spec.get(name, value)
        for name, value in DEFAULT_SPEC.items()
    }


def _said(spec: Mapping[str, Any]) -> list[tuple[str, Any, bool]]:
    """Each rule with its value and whether it is ours rather than built in."""
    return [(name, value, value != DEFAULT_SPEC[name]) for name, value in _whole(spec).items() if name != "name"]
