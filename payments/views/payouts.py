"""Pages about payouts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.db.models import Sum
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, page_of
from compliance.permissions import Permission
from coverpay.kernel import clock
from payments import settlement, three_way
from payments.forms import FetchPayoutsForm
from payments.models import GatewayAccount, Payout

P = Permission


class Payouts(CommandPage):
    """What processors paid out; fetch what is new."""

    reads = P.PAYMENTS_READ
    writes = P.RECONCILIATION_WRITE
    form_class = FetchPayoutsForm
    template_name = "payments/payout/list.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        rows = access.operable(self.actor, GatewayAccount.objects.order_by("id"))
        return {**super().get_form_kwargs(), "accounts": [(account.id, str(account)) for account in rows]}

    def get_initial(self) -> dict[str, Any]:
        return {"since": clock.today() - dt.timedelta(days=7)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Payout.objects.select_related("account").annotate(
            gross_minor=Sum("lines__gross_minor"), fee_minor=Sum("lines__fee_minor")
        )
        page = page_of(access.visible(self.actor, rows), self.request.GET.get("after", ""))
        can_fetch = access.may(self.actor, P.RECONCILIATION_WRITE)
        return super().get_context_data(page=page, can_fetch=can_fetch, **kwargs)

    def run(self, form: FetchPayoutsForm) -> str:
        found = settlement.import_payouts(
            account_id=form.cleaned_data["account"], since=form.cleaned_data["since"], actor=self.actor
        )
        messages.success(self.request, f"The processor lists {len(found)} payouts since then; all are recorded.")
        return reverse("payments:payouts")


class PayoutDetail(StaffPage, TemplateView):
    """One payout from its three sides: ours, the processor's and the bank's, line by line."""

    reads = P.PAYMENTS_READ
    template_name = "payments/payout/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Payout.objects.select_related("account__bank_account")
        payout = access.get(self.actor, rows, self.kwargs["payout_id"])
        return super().get_context_data(payout=payout, sides=three_way.of_payout(self.actor, payout), **kwargs)
