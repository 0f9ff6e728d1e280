"""Pages of the balance proof: every day of an account, and one day with the lines behind each item."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.views.generic import TemplateView

from compliance.http import StaffPage
from compliance.pages import DateField, FilterForm
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.errors import NotFound
from reconciliation import proofs, queries
from reconciliation.proofs import DayProof

READ = Permission.RECONCILIATION_READ


class RangeFilter(FilterForm):
    from_on = DateField(label="From", required=False)
    to_on = DateField(label="Through", required=False)


class DailyProofs(StaffPage, TemplateView):
    """Each statement's day of an account, newest first, and the days that have none."""

    reads = READ
    template_name = "reconciliation/proof/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = queries.account(self.actor, self.kwargs["account_id"])
        filters = RangeFilter(self.request.GET)
        filters.is_valid()
        from_on, to_on = proofs.range_of(account, filters.value("from_on"), filters.value("to_on"))
        found = proofs.daily(account, from_on, to_on)
        return super().get_context_data(
            account=account,
            filters=RangeFilter({"from_on": from_on, "to_on": to_on}),
            proofs=found[::-1],
            wrong=[each for each in found if not each.ties],
            missing=proofs.gaps_since_last(account, clock.today()),
            **kwargs,
        )


class ProofOfDay(StaffPage, TemplateView):
    """One day's proof; every explained item links to its lines. Asked by `on`, the last day when left out."""

    reads = READ
    template_name = "reconciliation/proof/day.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = queries.account(self.actor, self.kwargs["account_id"])
        return super().get_context_data(account=account, proof=self._proof(account), **kwargs)

    def _proof(self, account: Any) -> DayProof:
        asked = self.request.GET.get("on", "")
        try:
            on = dt.date.fromisoformat(asked) if asked else proofs.range_of(account, None, None)[1]
        except ValueError:
            raise NotFound(f"{asked[:20]!r} is no day.", field="on") from None
        found = proofs.of_day(account, on)
        if found is None:
            raise NotFound(f"The account has no statement of {on}.", field="on")
        return found
