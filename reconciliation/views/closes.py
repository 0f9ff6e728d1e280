"""Pages of closing a period: the checklist, the closes so far, one close with its proof."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.urls import reverse
from django.views.generic import TemplateView

from compliance import access
from compliance.http import StaffPage
from compliance.pages import CommandPage, DateField, FilterForm, ListPage
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.errors import NotFound
from reconciliation import checklists, closes
from reconciliation.forms import ReasonForm
from reconciliation.ledger.models import Book
from reconciliation.models import Close

READ, WRITE = Permission.LEDGER_READ, Permission.RECONCILIATION_WRITE


class CloseForm(forms.Form):
    to_on = DateField(label="Close through")
    accepted_reason = forms.CharField(
        label="Why what is open is accepted", required=False, max_length=300, help_text="Kept with the close."
    )


class CloseList(ListPage):
    """Every close, the last first."""

    reads = READ
    template_name = "reconciliation/close/list.html"

    def rows(self, filters: FilterForm) -> QuerySet[Close]:
        return Close.objects.defer("trial_balance")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(can_close=access.may(self.actor, WRITE), **kwargs)


class MakeClose(CommandPage):
    """The checklist of a day, and the button that closes through it."""

    reads = writes = WRITE
    form_class = CloseForm
    template_name = "reconciliation/close/new.html"

    def get_initial(self) -> dict[str, Any]:
        return {"to_on": self._day()}

    def _day(self) -> dt.date:
        asked = DateField(required=False)
        try:
            found: dt.date | None = asked.clean(self.request.GET.get("to_on", ""))
        except forms.ValidationError:
            found = None
        return found or clock.today().replace(day=1) - dt.timedelta(days=1)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        book = access.visible(self.actor, Book.objects.all()).first()
        day = self._day()
        items = checklists.items(book, day) if book else []
        return super().get_context_data(items=items, day=day, blocked=bool(checklists.blocking(items)), **kwargs)

    def run(self, form: CloseForm) -> str:
        book = access.operable(self.actor, Book.objects.all()).first()
        if book is None:
            raise NotFound("The organization has no books yet.")
        made = closes.close(
            book_id=book.id,
            to_on=form.cleaned_data["to_on"],
            accepted_reason=form.cleaned_data["accepted_reason"],
            actor=self.actor,
        )
        messages.success(self.request, f"The books are closed through {made.to_on}.")
        return reverse("reconciliation:close", args=[made.id])


class CloseDetail(StaffPage, TemplateView):
    """One close: as it was checked, what it sealed, and whether the ledger still says so."""

    reads = READ
    template_name = "reconciliation/close/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        made = access.get(self.actor, Close.objects.select_related("book"), self.kwargs["close_id"])
        return super().get_context_data(
            made=made,
            holds=closes.verify(made),
            can_reopen=made.state == Close.State.CLOSED and access.may(self.actor, WRITE),
            **kwargs,
        )


class Reopen(CommandPage):
    """Open the last closed period again, with another's leave."""

    reads = writes = WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        made = access.get(self.actor, Close.objects.all(), self.kwargs["close_id"])
        words = {
            "heading": "Open the period again",
            "button": "Open it again",
            "tone": "button--danger",
            "says": f"Another person first approves book.reopen on {made.id}. Its days take entries again; close it "
            "anew afterwards.",
            "note": str(made),
            "list": reverse("reconciliation:closes"),
            "list_words": "Closes",
            "back": reverse("reconciliation:close", args=[made.id]),
            "back_words": str(made),
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ReasonForm) -> str:
        made = closes.reopen(close_id=self.kwargs["close_id"], reason=form.cleaned_data["reason"], actor=self.actor)
        messages.success(self.request, "The period is open again.")
        return reverse("reconciliation:close", args=[made.id])
