"""Earned and unearned premium of a policy on any day: by segment, by component, and the fees of the plan."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from django.db.models import F, QuerySet, Sum
from django.views.generic import TemplateView

import policies.queries
from billing.models import InvoiceLine
from billing.standing import FEES
from compliance import access
from compliance.http import StaffPage
from compliance.pages import DateField, FilterForm
from compliance.permissions import Permission
from coverpay.dashboard import cover
from coverpay.kernel import clock
from policies.models import Component, Policy, Term


class AsOfForm(FilterForm):
    on = DateField(label="As of", required=False)

    def day(self) -> dt.date:
        found = self.value("on")
        return found if isinstance(found, dt.date) else clock.today()


class EarnedPremium(StaffPage, TemplateView):
    """What of the premium is earned on a day, segment by segment."""

    reads = Permission.POLICIES_READ
    template_name = "policies/policy/earned.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        policy = policies.queries.one(self.actor, self.kwargs["policy_id"])
        filters = AsOfForm(self.request.GET if "on" in self.request.GET else {"on": clock.today().isoformat()})
        filters.is_valid()
        day = filters.day()
        terms = cover.terms_of(policy, day)
        return super().get_context_data(
            policy=policy,
            filters=filters,
            day=day,
            terms=[(row, day_counts(row), days_run(row, day), components(row, day)) for row in terms if is_taken(row)],
            fees=fees_of(policy, day) if access.may(self.actor, Permission.BILLING_READ) else [],
            **kwargs,
        )


def day_counts(shown: cover.TermShown) -> str:
    """How the program counts days, in words."""
    words = {"actual": "actual days", "365": "365 days a year", "wheel": "a wheel of three decimals"}
    return words.get(cover.day_count(shown.term), cover.day_count(shown.term))


def is_taken(shown: cover.TermShown) -> bool:
    """Whether the term ever began to earn; an offer earns nothing."""
    return shown.term.state not in (Term.State.OFFERED, Term.State.NOT_TAKEN)


def components(shown: cover.TermShown, day: dt.date) -> list[policies.queries.EarnedPart]:
    """Written, earned and unearned of each component of a term."""
    amounts: Counter[str] = Counter()
    for charge in (charge for step in shown.changes for charge in step.charges):
        amounts[charge.component] += charge.amount_minor
    parts = policies.queries.earned_by_component(shown.term, day, amounts, shown.written_minor, shown.earned_minor)
    return [
        policies.queries.EarnedPart(amount, parts[name], component=Component(name).label)
        for name, amount in amounts.items()
    ]


def days_run(shown: cover.TermShown, day: dt.date) -> tuple[int, int]:
    """How many days of the term have run on a day, and how many it has."""
    term = shown.term
    whole = (term.expires_on - term.effective_on).days
    return max(0, min(whole, (day - term.effective_on).days)), whole


def fees_of(policy: Policy, day: dt.date) -> list[dict[str, Any]]:
    """The plan's fees billed up to a day: income when they are billed, for they buy no days."""
    rows: QuerySet[InvoiceLine] = InvoiceLine.objects.filter(
        invoice__policy=policy, component__in=FEES, invoice__issued_on__lte=day
    )
    summed = (
        rows.order_by()
        .values("component", currency=F("invoice__currency"))
        .annotate(billed_minor=Sum("amount_minor"))
        .order_by("component")
    )
    return [{**row, "label": Component(row["component"]).label} for row in summed]
