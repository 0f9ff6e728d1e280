"""Pages about messages to payors: what was sent, what was not and why, and who wants none."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import ActionPage, FilterForm, ListPage
from compliance.permissions import Permission
from payments import messages as outbox
from payments import opt_outs
from payments.models import Message, OptOut

P = Permission


class MessageFilters(FilterForm):
    q = forms.CharField(label="Address, policy or party", required=False, max_length=80)
    show = forms.ChoiceField(label="Show", required=False, choices=[("", "All"), *Message.State.choices])


class MessageList(ListPage):
    """Every message to a payor."""

    reads = P.PAYMENTS_READ
    template_name = "payments/message/list.html"
    filters = MessageFilters

    def rows(self, filters: FilterForm) -> QuerySet[Message]:
        rows = Message.objects.select_related("party", "policy")
        text, show = filters.value("q") or "", filters.value("show") or ""
        if text:
            rows = rows.filter(
                Q(to__icontains=text) | Q(policy__number__icontains=text) | Q(party__name__icontains=text)
            )
        return rows.filter(state=show) if show in Message.State.values else rows

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        standing = access.visible(self.actor, OptOut.objects.filter(ended_at__isnull=True))[:50]
        can_end = access.may(self.actor, P.PAYMENTS_WRITE)
        return super().get_context_data(standing=standing, kinds=opt_outs.KINDS, can_end=can_end, **kwargs)


class MessageDetail(StaffPage, TemplateView):
    """One message as it was written, without the secrets of its links."""

    reads = P.PAYMENTS_READ
    template_name = "payments/message/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = Message.objects.select_related("party", "policy")
        message = access.get(self.actor, rows, self.kwargs["message_id"])
        return super().get_context_data(message=message, body=outbox.shown_body(message), **kwargs)


class EndOptOut(ActionPage):
    """Send an address messages again, since its holder asked for it."""

    writes = P.PAYMENTS_WRITE

    def act(self, request: HttpRequest, **kwargs: str) -> str:
        row = opt_outs.end(opt_out_id=kwargs["opt_out_id"], actor=self.actor)
        return f"{row.address} gets these messages again."

    def back(self, **kwargs: str) -> str:
        return reverse("payments:messages")
