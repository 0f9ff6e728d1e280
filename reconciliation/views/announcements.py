"""Pages of what banks announced before it stood on a statement."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.urls import reverse

from compliance import access
from compliance.pages import CommandPage, FilterForm, ListPage
from compliance.permissions import Permission
from reconciliation import announcements
from reconciliation.forms import ReasonForm
from reconciliation.models import Announcement

READ, WRITE = Permission.RECONCILIATION_READ, Permission.RECONCILIATION_WRITE


class AnnouncementFilters(FilterForm):
    show = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[("", "Not yet on a statement"), ("late", "Late"), ("settled", "On a statement"),
                 ("dismissed", "Dismissed")],
    )  # fmt: skip


class AnnouncementList(ListPage):
    """What is announced; by default what is on no statement yet."""

    reads = READ
    filters = AnnouncementFilters
    template_name = "reconciliation/announcement/list.html"

    def rows(self, filters: FilterForm) -> QuerySet[Announcement]:
        show = filters.value("show")
        rows = announcements.late() if show == "late" else Announcement.objects.all()
        if show != "late":
            rows = rows.filter(state=show or Announcement.State.ANNOUNCED)
        return rows.select_related("bank_account", "line")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(late_before=announcements.late_before(), **kwargs)


class DismissAnnouncement(CommandPage):
    """Say that an announced movement will not come."""

    reads = writes = WRITE
    form_class = ReasonForm
    template_name = "billing/step.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = access.operable(self.actor, Announcement.objects.select_related("bank_account"))
        found = access.get(self.actor, rows, self.kwargs["announcement_id"])
        words = {
            "heading": "It will not come",
            "button": "Dismiss",
            "says": "The announcement leaves the worklist. A statement that brings it after all still settles it.",
            "note": f"{found} at {found.bank_account}",
            "list": reverse("reconciliation:announcements"),
            "list_words": "Announced",
            "back": reverse("reconciliation:account", args=[found.bank_account_id]),
            "back_words": found.bank_account.name,
        }
        return super().get_context_data(words=words, **kwargs)

    def run(self, form: ReasonForm) -> str:
        found = announcements.dismiss(
            announcement_id=self.kwargs["announcement_id"], reason=form.cleaned_data["reason"], actor=self.actor
        )
        messages.success(self.request, "It is dismissed.")
        return reverse("reconciliation:account", args=[found.bank_account_id])
