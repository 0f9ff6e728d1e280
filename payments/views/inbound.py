"""Pages about the webhooks that gateways sent us."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from compliance.pages import FilterForm, ListPage
from compliance.permissions import Permission
from payments.models import InboundEvent

P = Permission


class InboundList(ListPage):
    """Webhooks that gateways sent us, those that need a person first when asked."""

    reads = P.PAYMENTS_READ
    template_name = "payments/inbound/list.html"

    def rows(self, filters: FilterForm) -> QuerySet[InboundEvent]:
        rows = InboundEvent.objects.select_related("account").defer("body")
        state = self.request.GET.get("state", "")
        return rows.filter(state=state) if state in InboundEvent.State.values else rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(states=InboundEvent.State.choices, **kwargs)
