"""Pages about routing: the table in force in words, every version, and a draft tried on past payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import PreviewPage, page_of
from compliance.permissions import Permission
from coverpay.kernel import clock
from payments import accounts, dry_runs, queries, routes, routing_forms, routing_rules
from payments.models import RoutingTable

P = Permission


@dataclass(frozen=True, slots=True)
class RuleInWords:
    """One rule as a person reads it."""

    number: int
    name: str
    when: str
    to: str
    only: bool


def in_words(rules: Sequence[Mapping[str, Any]]) -> list[RuleInWords]:
    """Rules for a person, accounts by their names."""
    named = {account_id for rule in rules for account_id in routing_rules.choices(rule) if account_id[:4] == "gwa_"}
    names = queries.gateway_account_names(named)
    return [
        RuleInWords(
            number,
            rule.get("name", ""),
            routing_rules.when_in_words(rule),
            routing_rules.to_in_words(rule, names),
            bool(rule.get("only")),
        )
        for number, rule in enumerate(rules, start=1)
    ]


class Routing(StaffPage, TemplateView):
    """The table in force and every version there was."""

    reads = P.PAYMENTS_READ
    template_name = "payments/routing/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        table = routes.table_in_force(access.organization_of(self.actor), clock.today())
        page = page_of(access.visible(self.actor, RoutingTable.objects.all()), self.request.GET.get("after", ""))
        return super().get_context_data(
            table=table,
            rules=in_words(table.rules) if table else [],
            page=page,
            can_publish=access.may(self.actor, P.ACCESS_WRITE),
            **kwargs,
        )


class RoutingVersion(StaffPage, TemplateView):
    """One version of the table."""

    reads = P.PAYMENTS_READ
    template_name = "payments/routing/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        table = access.get(self.actor, RoutingTable.objects.all(), self.kwargs["table_id"])
        return super().get_context_data(table=table, rules=in_words(table.rules), **kwargs)


class DraftRouting(PreviewPage):
    """Write rules, see what they say and what they would have done, then publish them."""

    reads = writes = P.ACCESS_WRITE
    form_class = routing_forms.DraftForm
    template_name = "payments/routing/draft.html"

    def get_initial(self) -> dict[str, Any]:
        table = routes.table_in_force(access.organization_of(self.actor), clock.today())
        return routing_forms.draft_of(table.rules if table else [], clock.today())

    def preview(self, form: Any) -> dict[str, Any]:
        said = form.cleaned_data
        tried = dry_runs.dry_run(
            actor=self.actor, rules=said["rules"], since=said["since"], until=said["until"], limit=said["limit"]
        )
        return {"rules": in_words(said["rules"]), "tried": tried}

    def run(self, form: Any) -> str:
        said = form.cleaned_data
        table = accounts.publish_routing(rules=said["rules"], effective_from=said["effective_from"], actor=self.actor)
        messages.success(self.request, f"Version {table.number} is in force from {table.effective_from}.")
        return reverse("payments:routing")
